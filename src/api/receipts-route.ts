import { z } from 'zod';
import type { Ledger } from '../ledger/ledger.ts';
import { ownWorker } from './own-worker.ts';
import { defineRoute, type Route, serve } from './route.ts';

/** Each is signed anew: 40 us on a thread beside the event loop. */
const RECEIPTS_MAX = 500;

export const receiptsApi = {
  read: defineRoute({
    method: 'GET',
    path: '/proofs/receipts',
    access: 'worker',
    summary:
      'The signed receipts of one worker from a number on, 426 bytes each, one after the other; as many as fit, so ask again from behind the last until there are none.',
    query: z.object({
      from: z
        .string()
        .regex(/^\d{1,18}$/)
        .default('1')
        .describe('The number of the first receipt.'),
      worker: z.string().max(64).optional().describe('Which worker, for who has several.'),
    }),
    reply: { type: 'application/octet-stream' },
  }),
} as const;

/** A worker that shows its credential gets its own receipts. */
export function receiptsRoutes(parts: {
  readonly ledger: Pick<Ledger, 'receiptsOf' | 'signed'>;
}): readonly Route[] {
  const { ledger } = parts;
  return [
    serve(receiptsApi.read, async ({ query, actor }) => {
      const worker = ownWorker(actor, query.worker);
      const stored = await ledger.receiptsOf(worker, BigInt(query.from), RECEIPTS_MAX);
      const signed = await Promise.all(stored.map(({ body }) => ledger.signed(body)));
      return Buffer.concat(signed.flatMap((one) => one ?? []));
    }),
  ];
}
