import { z } from 'zod';
import type { Queryable } from '../database/transaction.ts';
import type { TermsService } from '../terms/terms-service.ts';
import { amountsNow } from './asset-amounts.ts';
import { paidOut } from './me-store.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { amount, moment, pageOf, pageQuery } from './shapes.ts';

/** What the route of all payouts stands on. */
export interface PaidRoutesParts {
  readonly database: Queryable;
  readonly terms: Pick<TermsService, 'list' | 'of'>;
}

const TRANSACTION = /^0x[0-9a-f]{64}$/;

export const paidApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/payouts',
    access: 'public',
    summary:
      'Every payout that arrived, newest first, each with its transaction where it is on chain.',
    query: pageQuery,
    reply: pageOf(
      z.object({
        id: z.string(),
        at: moment.describe('When it was final.'),
        amount,
        transaction: z.string().nullable().describe('Null: it went through a bank.'),
        worker: z.string().optional().describe('Left out by a private pool, as is the address.'),
        to: z.string().optional(),
      }),
    ),
    csv: [
      'id',
      'at',
      'amount.asset',
      'amount.amount',
      'amount.decimals',
      'transaction',
      'worker',
      'to',
    ],
  }),
} as const;

/** `/api/v1/payouts`: what everybody may see of what was paid. */
export function paidRoutes({ database, terms }: PaidRoutesParts): readonly Route[] {
  return [
    serve(paidApi.list, async ({ query: { limit }, cursor }) => {
      const { amountOf, terms: now } = await amountsNow(terms);
      const [at, id] = cursor.after ?? [];
      const found = await paidOut(database, {
        workers: undefined,
        before: at === undefined || id === undefined ? undefined : { at, id },
        limit: limit + 1,
      });
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      const items = shown.map(({ id: name, worker, endedAt, asset, received, to, reference }) => ({
        id: name,
        at: endedAt ?? 0,
        amount: amountOf(asset, received ?? 0n),
        transaction: reference && TRANSACTION.test(reference) ? reference : null,
        ...(now.privacy === 'private' ? {} : { worker, ...(to ? { to } : {}) }),
      }));
      const more = found.length > limit && last;
      return { items, next: more ? cursor.write([last.place, last.id]) : null };
    }),
  ];
}
