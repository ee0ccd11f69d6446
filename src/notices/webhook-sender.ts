import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { hmacSha256 } from '../base/mac.ts';
import { unreachable } from './chat-senders.ts';
import { type Letter, outcomeOf, type Sender } from './letter.ts';
import type { Outbound } from './outbound.ts';

/** A receiver that checks the time refuses what is older: long enough for a clock that is off. */
export const WEBHOOK_AGE_MS_MAX = 5 * 60_000;

/**
 * Posts notices as JSON with an HMAC over time and body. The delivery keeps its id when it is tried
 * again or replayed, and gets a new time, so that a receiver can tell a repetition from an old
 * message that somebody else sends again.
 */
export function webhookSender({
  outbound,
  clock,
}: {
  readonly outbound: Pick<Outbound, 'post'>;
  readonly clock: Pick<Clock, 'now'>;
}): Sender<'webhook'> {
  return async ({ url, secret }, letter) => {
    const body = webhookBody(letter);
    const timestamp = String(Math.floor(clock.now() / 1000));
    const posted = await outbound.post(url, {
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'tributary-delivery': letter.id,
        'tributary-timestamp': timestamp,
        'tributary-signature': `v1=${webhookSignature(secret, timestamp, body)}`,
      },
      body,
    });
    if (!posted.ok) return unreachable(posted);
    return outcomeOf(posted.status, posted.retryAfter, clock.now());
  };
}

/** HMAC-SHA-256 of `TIMESTAMP.BODY` in hex; the key is the secret as text. */
export function webhookSignature(secret: string, timestamp: string, body: string): string {
  return hmacSha256(Buffer.from(secret, 'utf8')).update(`${timestamp}.${body}`).digest('hex');
}

/** Whether a message is of whom shares the secret, and not older than five minutes. For receivers. */
export function isWebhookSigned(
  secret: string,
  message: { readonly timestamp: string; readonly signature: string; readonly body: string },
  nowMs: number,
): boolean {
  const { timestamp, signature, body } = message;
  if (!/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(nowMs - Number(timestamp) * 1000) > WEBHOOK_AGE_MS_MAX) return false;
  const wanted = Buffer.from(`v1=${webhookSignature(secret, timestamp, body)}`);
  const given = Buffer.from(signature);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function webhookBody({ id, pool, notices, at, title, text }: Letter): string {
  return JSON.stringify({
    id,
    type: 'notices',
    pool,
    at: new Date(at).toISOString(),
    title,
    text,
    notices: notices.map((notice) => ({
      id: String(notice.id),
      kind: notice.kind,
      worker: notice.worker ?? null,
      at: new Date(notice.at).toISOString(),
      since: new Date(notice.since).toISOString(),
      until: notice.until === undefined ? null : new Date(notice.until).toISOString(),
      title: notice.title,
      text: notice.text,
      affected: notice.affected,
      todo: notice.todo ?? null,
    })),
  });
}
