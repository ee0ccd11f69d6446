import { TributaryError } from '../base/errors.ts';
import { type Pixels, pixels } from '../base/money.ts';
import type { PaidWork } from '../payments/accounts.ts';
import type { Rational } from '../payments/rational.ts';
import type { Received } from '../payments/receive-payment.ts';
import { type BalanceSession, balanceSession } from '../payments/store.ts';
import type { OrchestratorInfo } from '../protocol/gen/lp_rpc_pb.ts';
import type { Payment } from '../protocol/payment.ts';
import { segmentTexts } from '../protocol/texts.ts';
import type { VideoProfile } from '../protocol/video-profile.ts';
import { orchestratorInfo } from './orchestrator-info.ts';
import type { FrontParts } from './parts.ts';
import { BUSY, type Credentials, type Refusal } from './segment-checks.ts';

/** Wire: go-livepeer server/segment_rpc.go:estimateFee, for a pass-through rate. */
const FPS_ASSUMED = 60;

/** A segment that may be worked on; the reply carries what its gateway pays the next one with. */
export interface PaidSegment {
  readonly ok: true;
  readonly info: OrchestratorInfo;
  readonly work: PaidWork;
  /** Wei per pixel; undefined off-chain. */
  readonly price?: Rational;
}

/** Off-chain nobody pays. */
const FREE: PaidWork = { settle: async () => {} };

/**
 * Price and parameters for the reply, then the payment, then the balance: go-livepeer's order and
 * texts (server/segment_rpc.go:ServeSegment).
 */
export async function payForSegment(
  parts: FrontParts,
  { payment, segment, authToken, session: id }: Credentials,
): Promise<PaidSegment | Refusal> {
  const { sender } = payment;
  const session = balanceSession(id);
  const offered = await orchestratorInfo(parts, { authToken, sender, session });
  if (!offered.ok) return { ok: false, status: 500, text: segmentTexts.internal };
  const { info } = offered;
  if (!parts.payments) return { ok: true, info, work: FREE };

  const received = await receive(parts, payment, session);
  if (!received.ok) return received;
  const { price } = received;
  const asked = { sender, session, price, pixels: expectedPixels(segment) };
  const started = await parts.payments.start(asked);
  if (started.ok) return { ok: true, info, work: started.work, price };
  if (started.reason === 'unpaid_work_capped') return BUSY;
  return { ok: false, status: 400, text: started.text };
}

/** Takes a payment in. Every refusal of a payment is a 400 with its text. */
export async function receive(
  parts: FrontParts,
  payment: Payment,
  session: BalanceSession,
): Promise<Extract<Received, { ok: true }> | Refusal> {
  const { payments } = parts;
  if (!payments) throw new TributaryError('internal', 'there are no payments off-chain');
  try {
    const received = await payments.receive({ payment, session });
    if (received.ok) return received;
    return { ok: false, status: 400, text: received.refusal.text };
  } catch (error) {
    if (error instanceof TributaryError && error.code === 'recovery_busy') return BUSY;
    throw error;
  }
}

/**
 * What a segment comes to by what its gateway says, as gateways estimate it themselves: a rate is
 * rounded up, and so is the duration.
 */
export function expectedPixels({
  profiles,
  durationMs,
}: {
  readonly profiles: readonly VideoProfile[];
  readonly durationMs: number;
}): Pixels {
  const seconds = Math.ceil(durationMs / 1000);
  const perSecond = profiles.reduce((sum, { width, height, fps, fpsDen }) => {
    const rate = fps === 0 ? FPS_ASSUMED : Math.ceil(fps / Math.max(1, fpsDen));
    return sum + width * height * rate;
  }, 0);
  return pixels(BigInt(perSecond) * BigInt(seconds));
}
