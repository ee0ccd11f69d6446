import type { Instant } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { pixels } from '../base/money.ts';
import type { Exchange } from '../http/exchange.ts';
import type { FrontParts } from './parts.ts';
import { plain } from './replies.ts';
import { type CheckedSegment, checkSegment, type Refusal } from './segment-checks.ts';
import { createIntake } from './segment-intake.ts';
import { type PaidSegment, payForSegment } from './segment-payment.ts';
import { replyToSegment } from './segment-reply.ts';

/** POST /segment: a gateway hands in a segment, pays for it and waits for its renditions. */
export async function postSegment(parts: FrontParts, exchange: Exchange): Promise<void> {
  const startedAt = parts.clock.now();
  const checked = await checkSegment(parts, exchange, startedAt);
  if (!checked.ok) return refuse(parts, exchange, checked);
  const paid = await payForSegment(parts, checked);
  if (!paid.ok) return refuse(parts, exchange, paid);

  try {
    await carryOut(parts, exchange, { ...checked, ...paid, startedAt });
  } finally {
    // What came to nothing costs nothing; what was settled already stays so.
    await paid.work.settle(pixels(0n));
  }
}

async function carryOut(
  parts: FrontParts,
  exchange: Exchange,
  asked: CheckedSegment & PaidSegment & { readonly startedAt: Instant },
): Promise<void> {
  const { info, work, startedAt } = asked;
  const intake = createIntake(parts, exchange, asked);
  try {
    const fault = await intake.receive();
    if (fault) return await refuse(parts, exchange, fault);
    crashPoint('segment_accepted');
    // Stock gateways wait for this status only max(2 s, half the duration).
    exchange.respond(200);
    const accepted = { ...(await intake.submitted()), info, work };
    await replyToSegment(parts, exchange, accepted, startedAt);
  } finally {
    intake.release();
  }
}

async function refuse(
  parts: FrontParts,
  exchange: Exchange,
  { status, text }: Omit<Refusal, 'ok'>,
): Promise<void> {
  parts.metrics.refusedSegments.inc({ status: String(status) });
  parts.log.debug('segment_refused', { status, reason: text });
  await plain(exchange, status, text);
}
