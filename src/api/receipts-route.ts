import type { Ledger } from '../ledger/ledger.ts';
import type { Workers } from '../workers/workers.ts';
import { problems } from './problem.ts';
import type { PublicRoute } from './public.ts';

/** Each is signed anew: 40 us on a thread beside the event loop. */
const RECEIPTS_MAX = 500;

/**
 * `GET /proofs/receipts?from=SEQUENCE`: a worker that shows its credential gets its own receipts from
 * that number on, signed, 426 bytes each one after the other; as many as fit, so it asks again from
 * behind the last until there are none.
 */
export function receiptsRoute(parts: {
  readonly ledger: Pick<Ledger, 'receiptsOf' | 'signed'>;
  readonly workers: Pick<Workers, 'authenticate'>;
}): PublicRoute {
  const { ledger, workers } = parts;
  return {
    path: '/proofs/receipts',
    async handle({ query, credential }) {
      const worker = credential === undefined ? undefined : workers.authenticate(credential);
      if (!worker) return { problem: problems.credential };
      const from = query.get('from') ?? '1';
      if (!/^\d{1,18}$/.test(from)) return { problem: problems.query };
      const stored = await ledger.receiptsOf(worker.id, BigInt(from), RECEIPTS_MAX);
      const signed = await Promise.all(stored.map(({ body }) => ledger.signed(body)));
      return {
        type: 'application/octet-stream',
        body: Buffer.concat(signed.flatMap((one) => one ?? [])),
      };
    },
  };
}
