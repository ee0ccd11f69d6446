import { create } from '@bufbuild/protobuf';
import { hex } from '../base/bytes.ts';
import type { Offered, Payments } from '../payments/payments.ts';
import { type PricedCapability, priceTerms } from '../payments/price.ts';
import { floor, type Rational, rational } from '../payments/rational.ts';
import type { BalanceSession } from '../payments/store.ts';
import { DEFAULT_BITS, VIDEO_BITS, writeCapabilities } from '../protocol/capabilities.ts';
import {
  type AuthToken,
  type Capabilities,
  type OrchestratorInfo,
  OrchestratorInfoSchema,
} from '../protocol/gen/lp_rpc_pb.ts';
import type { FrontParts } from './parts.ts';

/**
 * The version that gateways compare with their minimum: the go-livepeer release whose wire we
 * serve.
 */
export const WIRE_VERSION = '0.9.1';
/** Pairs of capability and model in one question; the protocol names 38 capabilities. */
const PRICED_MAX = 100;

type Token = Omit<AuthToken, '$typeName' | '$unknown'>;

/** Whom the pool tells of itself, and what they pay for. */
export interface InfoQuestion {
  readonly authToken: Token;
  /** 20 bytes. */
  readonly sender: Uint8Array;
  /** A session that may have its own price. */
  readonly session?: BalanceSession;
  /** Absent: for video, and with a list of what everything else costs. */
  readonly capabilities?: readonly PricedCapability[];
}

/** The answer, or why this gateway gets no price. */
export type InfoOutcome =
  | { readonly ok: true; readonly info: OrchestratorInfo }
  | Extract<Offered, { ok: false }>;

/**
 * What the pool says of itself: summed capabilities, never who its workers are. On chain also its
 * price with ticket parameters. wire: go-livepeer server/rpc.go:orchestratorInfoWithCaps.
 */
export async function orchestratorInfo(
  parts: FrontParts,
  question: InfoQuestion,
): Promise<InfoOutcome> {
  const { payments, signing } = parts;
  const { authToken, sender, capabilities } = question;
  const offered = payments && (await payments.offer(question));
  if (offered && !offered.ok) return offered;
  const info = create(OrchestratorInfoSchema, {
    transcoder: parts.serviceUri,
    address: signing.address,
    capabilities: capabilitiesOf(offeredBits(parts)),
    authToken,
    ...(offered ? { priceInfo: priceTerms(offered.price), ticketParams: offered.params } : {}),
    ...(payments && !capabilities ? { capabilitiesPrices: pricesOf(payments, sender) } : {}),
  });
  return { ok: true, info };
}

/** The same for everybody until another worker comes, and never changed: it is made once. */
function capabilitiesOf(bits: bigint): Capabilities {
  if (written?.bits !== bits) {
    const message = writeCapabilities({
      bits,
      capacities: 'one_each',
      version: WIRE_VERSION,
      minVersion: WIRE_VERSION,
    });
    written = { bits, message };
  }
  return written.message;
}
let written: { readonly bits: bigint; readonly message: Capabilities } | undefined;

/** Video capabilities only: those that every orchestrator has and those of connected workers. */
export function offeredBits(parts: Pick<FrontParts, 'dispatch'>): bigint {
  return DEFAULT_BITS | (parts.dispatch.bits() & VIDEO_BITS);
}

/** What a message asks for that may have a price of its own: capabilities with their models. */
export function pricedCapabilities(
  message: Capabilities | undefined,
): readonly PricedCapability[] | undefined {
  if (!message) return undefined;
  const wanted = Object.entries(message.constraints?.PerCapability ?? {});
  return wanted
    .flatMap(([number, { models }]) =>
      Object.keys(models)
        .slice(0, PRICED_MAX)
        .map((model) => ({ capability: Number(number), model })),
    )
    .slice(0, PRICED_MAX);
}

/** Whole wei, as go-livepeer writes this list (core/orchestrator.go:GetCapabilitiesPrices). */
function pricesOf(payments: Payments, sender: Uint8Array) {
  const { perCapability, perGatewayCapability } = payments.priceTable();
  const all = new Map<string, Rational>(perCapability);
  for (const [key, price] of perGatewayCapability.get(hex(sender)) ?? []) all.set(key, price);
  return [...all].map(([key, price]) => {
    const mark = key.indexOf('_');
    const capability = Number(key.slice(0, mark));
    return { ...priceTerms(rational(floor(price))), capability, constraint: key.slice(mark + 1) };
  });
}
