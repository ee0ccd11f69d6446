import { z } from 'zod';
import { isOfAction, journalLines } from '../chain/journal-list.ts';
import type { Queryable } from '../database/transaction.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal, moment, pageOf, pageQuery } from './shapes.ts';

const line = z.object({
  number: decimal,
  id: z.string().describe('Who wanted it: redeem, reward, payout and so on, with their own name.'),
  account: z.string(),
  recipient: z.string(),
  valueWei: decimal,
  state: z.enum(['intended', 'signed', 'broadcast', 'included', 'final', 'failed']),
  withdrawn: z.boolean().describe('Somebody called it off; it may have been too late.'),
  canBeCalledOff: z.boolean().describe('An operator asked for it, and no block shows it.'),
  reason: z.string().nullable().describe('Why it came to nothing.'),
  succeeded: z.boolean().nullable().describe('Null: no block shows it.'),
  block: decimal.nullable(),
  transaction: z.string().nullable(),
  attempts: z.int().describe('How often it was signed, with higher fees each time.'),
  at: moment,
});

const OPEN: ReadonlySet<string> = new Set(['intended', 'signed', 'broadcast']);

export const journalApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/chain/journal',
    access: 'viewer',
    summary: 'Every transaction that the pool wanted, and how far it has got; the last first.',
    query: pageQuery,
    reply: pageOf(line),
    csv: ['number', 'at', 'id', 'state', 'succeeded', 'block', 'transaction', 'valueWei'],
  }),
} as const;

/** `/api/v1/chain/journal`: the transaction journal of all accounts of the pool. */
export function journalRoutes({ database }: { readonly database: Queryable }): readonly Route[] {
  return [
    serve(journalApi.list, async ({ query: { limit }, cursor }) => {
      const before = cursor.after?.[0];
      const found = await journalLines(database, {
        before: before === undefined ? undefined : BigInt(before),
        limit: limit + 1,
      });
      const items = found.slice(0, limit).map(({ reason, succeeded, block, ...rest }) => ({
        ...rest,
        canBeCalledOff: isOfAction(rest.id) && !rest.withdrawn && OPEN.has(rest.state),
        transaction: rest.transaction ?? null,
        reason: reason ?? null,
        succeeded: succeeded ?? null,
        block: block ?? null,
      }));
      const last = items.at(-1);
      const next = found.length > limit && last ? cursor.write([`${last.number}`]) : null;
      return { items, next };
    }),
  ];
}
