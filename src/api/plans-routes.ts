import { z } from 'zod';
import type { KeptPlan, Payouts } from '../payouts/payouts.ts';
import type { PlanBatch, PlanHold } from '../payouts/plan-types.ts';
import type { TermsService } from '../terms/terms-service.ts';
import { type AmountOf, amountsNow } from './asset-amounts.ts';
import { sendPhrase, sentOf } from './consequence.ts';
import { Refusal } from './problem.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { amount, moment } from './shapes.ts';

const share = z.object({
  worker: z.string(),
  name: z.string(),
  to: z.string().nullable().describe('An address, or an account at a bank.'),
  amount,
  method: z.string(),
  lines: z
    .array(z.object({ owed: amount, rate: z.string().nullable().describe('Null: as it is owed.') }))
    .describe('Which part of what the worker is owed it uses up.'),
});
const outgoing = {
  at: moment,
  termsVersion: z.int(),
  sends: z.array(amount).describe('What leaves in all.'),
  workers: z.int(),
  batches: z.int().describe('Transactions, and files for the bank.'),
  gas: amount.describe('What the gas is reckoned to cost.'),
  approvalsNeeded: z.int(),
  shares: z.array(share),
};
const dueView = z.object({
  ...outgoing,
  held: z.array(
    z.object({
      worker: z.string(),
      name: z.string(),
      amount,
      reason: z.string(),
      detail: z.string().nullable(),
    }),
  ),
});
const planView = z.object({
  ...outgoing,
  digest: z.string(),
  approvedBy: z.array(z.string()),
  runAt: moment.nullable(),
  phrase: z.string().nullable().describe('What a person types to run it; null: it sends nothing.'),
});

export const plansApi = {
  due: defineRoute({
    method: 'GET',
    path: '/api/v1/payouts/due',
    access: 'viewer',
    summary: 'What would go out now, and why the rest would not; nothing is kept.',
    query: z.object({ demand: z.enum(['schedule', 'now']).default('schedule') }),
    reply: dueView,
  }),
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/payouts/plans',
    access: 'viewer',
    summary: 'Plans of the last 24 hours that were shown and can still be run, the last first.',
    reply: z.array(planView),
  }),
  read: defineRoute({
    method: 'GET',
    path: '/api/v1/payouts/plans/{digest}',
    access: 'viewer',
    summary: 'A plan that was shown, who approved it, and whether it was run.',
    reply: planView,
  }),
} as const;

/** `/api/v1/payouts/due` and `/plans`: what goes out, for people to read before it does. */
export function plansRoutes(parts: {
  readonly payouts: Pick<Payouts, 'look' | 'plan' | 'plansNotRun'>;
  readonly terms: Pick<TermsService, 'list' | 'of'>;
}): readonly Route[] {
  const { payouts, terms } = parts;
  return [
    serve(plansApi.due, async ({ query }) => {
      const { plan, approvalsNeeded } = await payouts.look(query.demand);
      const { amountOf } = await amountsNow(terms);
      const held = plan.held.map((one) => heldView(one, amountOf));
      return { ...outgoingView(plan, amountOf), approvalsNeeded, held };
    }),
    serve(plansApi.list, async () => {
      const { amountOf } = await amountsNow(terms);
      return (await payouts.plansNotRun()).map((one) => keptView(one, amountOf));
    }),
    serve(plansApi.read, async ({ params }) => {
      const found = await payouts.plan(params.digest);
      if (!found)
        throw new Refusal({
          status: 404,
          code: 'payout_plan_unknown',
          title: 'There is no such plan.',
        });
      return keptView(found, (await amountsNow(terms)).amountOf);
    }),
  ];
}

function keptView({ plan, runAt, approvedBy, ...kept }: KeptPlan, amountOf: AmountOf) {
  return {
    ...outgoingView(plan, amountOf),
    ...kept,
    approvedBy: [...approvedBy],
    runAt: runAt ?? null,
    phrase: sendPhrase(plan.batches, amountOf) ?? null,
  };
}

function outgoingView({ at, termsVersion, batches }: KeptPlan['plan'], amountOf: AmountOf) {
  const shares = batches.flatMap((batch) => sharesView(batch, amountOf));
  const gasWei = batches.reduce((total, { feeWei }) => total + feeWei, 0n);
  return {
    at,
    termsVersion,
    sends: sentOf(batches).map(([asset, sum]) => amountOf(asset, sum)),
    workers: new Set(shares.map(({ worker }) => worker)).size,
    batches: batches.length,
    gas: { asset: 'ETH', amount: gasWei, decimals: 18 },
    shares,
  };
}

function sharesView({ asset, method, shares }: PlanBatch, amountOf: AmountOf) {
  return shares.map(({ worker, name, to, fiatAccount, amount: sum, lines }) => ({
    ...{ worker, name, method },
    to: to ?? fiatAccount ?? null,
    amount: amountOf(asset, sum),
    lines: lines.map(({ asset: owed, amount: part, quote }) => ({
      owed: amountOf(owed, part),
      rate: quote ? `${quote.numerator}/${quote.denominator} by ${quote.source}` : null,
    })),
  }));
}

function heldView({ asset, amount: sum, detail, ...rest }: PlanHold, amountOf: AmountOf) {
  return { ...rest, amount: amountOf(asset, sum), detail: detail ?? null };
}
