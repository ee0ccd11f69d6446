import { create, toBinary } from '@bufbuild/protobuf';
import { parseSessionId } from '../base/ids.ts';
import { BodyError, type Exchange } from '../http/exchange.ts';
import { priceTerms } from '../payments/price.ts';
import { balanceSession } from '../payments/store.ts';
import { mintAuthToken } from '../protocol/auth-token.ts';
import { OrchestratorInfoSchema, PaymentResultSchema } from '../protocol/gen/lp_rpc_pb.ts';
import { parseAddress } from '../protocol/signature.ts';
import { refreshTexts, segmentTexts } from '../protocol/texts.ts';
import { orchestratorInfo } from './orchestrator-info.ts';
import type { FrontParts } from './parts.ts';
import { plain } from './replies.ts';
import { checkCredentials } from './segment-checks.ts';
import { receive } from './segment-payment.ts';

/** An address and an id of 1 KB, twice over. */
const REFRESH_BYTES_MAX = 4 * 1024;
const REFRESH_IDLE_MS = 5_000;

/**
 * POST /payment: tickets without work. They count for the manifest that the segment header names;
 * the answer's price and parameters are those of the session. wire: go-livepeer
 * server/segment_rpc.go:Payment.
 */
export async function postPayment(parts: FrontParts, exchange: Exchange): Promise<void> {
  const known = await checkCredentials(parts, exchange, parts.clock.now());
  if (!known.ok) return plain(exchange, known.status, known.text);
  const { payment, segment, authToken } = known;
  const offered = await orchestratorInfo(parts, {
    authToken,
    sender: payment.sender,
    session: balanceSession(known.session),
    capabilities: [],
  });
  if (!offered.ok) return plain(exchange, 500, segmentTexts.internal);
  if (parts.payments) {
    const manifest = balanceSession(Buffer.from(segment.manifestId).toString('utf8'));
    const received = await receive(parts, payment, manifest);
    if (!received.ok) return plain(exchange, received.status, received.text);
  }
  const result = create(PaymentResultSchema, { info: offered.info });
  exchange.respond(200, { 'content-type': 'application/octet-stream' });
  await exchange.end(toBinary(PaymentResultSchema, result));
}

/**
 * POST /refresh-payment: new ticket parameters at the price that a session keeps, for a gateway whose
 * own ones ran out between two payments. wire: go-livepeer server/rpc.go:RefreshPayment.
 */
export async function postRefreshPayment(parts: FrontParts, exchange: Exchange): Promise<void> {
  if (exchange.method !== 'POST') return plain(exchange, 405, 'Method Not Allowed');
  const asked = await readQuestion(exchange);
  if (!asked.ok) return fail(exchange, 400, asked.text);
  const { sender, id } = asked;
  const { payments } = parts;
  const session = balanceSession(id);
  const price = await payments?.fixedPrice({ sender, session });
  if (!payments || !price) return fail(exchange, 409, refreshTexts.noPrice);
  const offered = await payments.offer({ sender, session });
  if (!offered.ok) return fail(exchange, 500, segmentTexts.internal);

  // Only ids of ours have tokens; other ids are those of manifests that were paid for.
  const own = parseSessionId(id);
  const now = parts.clock.now();
  const info = create(OrchestratorInfoSchema, {
    transcoder: parts.serviceUri,
    address: parts.signing.address,
    priceInfo: priceTerms(offered.price),
    ticketParams: offered.params,
    ...(own ? { authToken: mintAuthToken(parts.authSecrets(), own, now) } : {}),
  });
  await json(exchange, 200, {
    payment_params: Buffer.from(toBinary(OrchestratorInfoSchema, info)).toString('base64'),
    orchestrator: parts.serviceUri,
    manifest_id: id,
    payment_url: `${parts.serviceUri}/payment`,
  });
}

type Question =
  | { readonly ok: true; readonly sender: Uint8Array; readonly id: string }
  | { readonly ok: false; readonly text: string };

async function readQuestion(exchange: Exchange): Promise<Question> {
  const pieces: Buffer[] = [];
  let asked: unknown;
  try {
    const limits = { bytesMax: REFRESH_BYTES_MAX, idleMs: REFRESH_IDLE_MS };
    for await (const piece of exchange.body(limits)) pieces.push(Buffer.from(piece));
    asked = JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch (error) {
    if (!(error instanceof BodyError || error instanceof SyntaxError)) throw error;
    return { ok: false, text: 'invalid JSON' };
  }
  const { sender, manifest_id: manifest } = (asked ?? {}) as Record<string, unknown>;
  const address = typeof sender === 'string' ? addressIn(sender) : undefined;
  if (!address) return { ok: false, text: refreshTexts.sender };
  const id = typeof manifest === 'string' ? manifest.trim() : '';
  return id === '' ? { ok: false, text: refreshTexts.manifest } : { ok: true, sender: address, id };
}

/** As go-ethereum's IsHexAddress: with or without `0x`, whatever the case of its letters. */
function addressIn(text: string): Uint8Array | undefined {
  return parseAddress(`0x${text.replace(/^0[xX]/, '').toLowerCase()}`);
}

function fail(exchange: Exchange, status: number, message: string): Promise<void> {
  return json(exchange, status, { error: { message } });
}

async function json(exchange: Exchange, status: number, answer: object): Promise<void> {
  exchange.respond(status, { 'content-type': 'application/json' });
  await exchange.end(Buffer.from(`${JSON.stringify(answer)}\n`));
}
