import type { Exchange } from '../http/exchange.ts';
import { postTexts } from '../protocol/texts.ts';
import type { FrontParts } from './parts.ts';
import { plain } from './replies.ts';
import { TRANSCODER_AUTHORIZATION } from './transcode-results.ts';

/** Each is signed anew, 40 us on a thread beside the event loop: 200 are 85 KB. */
const RECEIPTS_MAX = 200;

/**
 * GET /proofs/receipts?from=SEQUENCE: the signed receipts of the worker whose credential it is, from
 * that number on, one after the other. Here as well as at the public address, since a worker knows
 * this one, and has its certificate pinned.
 */
export async function getReceipts(parts: FrontParts, exchange: Exchange): Promise<void> {
  const { headers, method } = exchange;
  if (method !== 'GET') return plain(exchange, 405, 'method not allowed');
  const worker =
    headers.authorization === TRANSCODER_AUTHORIZATION
      ? parts.workers.authenticate(headers.credentials ?? '')
      : undefined;
  if (!worker) return plain(exchange, 401, postTexts.unauthorized);
  const from = new URLSearchParams(exchange.query).get('from') ?? '1';
  if (!/^\d{1,18}$/.test(from)) return plain(exchange, 400, 'from must be a number');
  const stored = await parts.receipts.receiptsOf(worker.id, BigInt(from), RECEIPTS_MAX);
  const signed = await Promise.all(stored.map(({ body }) => parts.receipts.signed(body)));
  const body = Buffer.concat(signed.flatMap((one) => one ?? []));
  exchange.respond(200, {
    'content-type': 'application/octet-stream',
    'content-length': String(body.length),
  });
  await exchange.end(body);
}
