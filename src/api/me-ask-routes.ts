import { z } from 'zod';
import type { AskedPayout, Asks } from '../payouts/ask.ts';
import type { TermsService } from '../terms/terms-service.ts';
import { type AmountOf, amountsNow } from './asset-amounts.ts';
import { sentOf } from './consequence.ts';
import { whichWorker } from './me-routes.ts';
import { ownWorker } from './own-worker.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { amount, moment } from './shapes.ts';

/** What the routes of asking for one's pay stand on. */
export interface MeAskRoutesParts {
  readonly payouts: Asks;
  readonly terms: Pick<TermsService, 'list' | 'of'>;
}

const askedView = z.object({
  state: z
    .enum(['planned', 'waits'])
    .describe('`planned`: it goes out by itself; `waits`: the operator lets it go first.'),
  at: moment,
  sends: z.array(amount),
  approvalsNeeded: z.int().describe('How many people must approve it; more than 0: it is large.'),
});

export const meAskApi = {
  ask: defineRoute({
    method: 'POST',
    path: '/api/v1/me/payouts',
    access: 'worker',
    summary: 'Ask for what you are owed now, where the terms pay on demand; one at a time.',
    body: z.object({ worker: whichWorker }),
    reply: askedView,
  }),
  asked: defineRoute({
    method: 'GET',
    path: '/api/v1/me/payouts/asked',
    access: 'worker',
    summary: 'What you asked for and the operator has not let go yet; null: nothing.',
    query: z.object({ worker: whichWorker }),
    reply: z.object({ waits: askedView.nullable() }),
  }),
} as const;

/** `/api/v1/me/payouts`: a worker asks for its payout itself. */
export function meAskRoutes({ payouts, terms }: MeAskRoutesParts): readonly Route[] {
  return [
    serve(meAskApi.ask, async ({ actor, body, note }) => {
      const id = ownWorker(actor, body.worker);
      note({ target: id });
      const asked = await payouts.ask(id);
      note({ after: { digest: asked.digest, state: asked.state } });
      return viewOf(asked, (await amountsNow(terms)).amountOf);
    }),
    serve(meAskApi.asked, async ({ actor, query }) => {
      const asked = await payouts.asked(ownWorker(actor, query.worker));
      return { waits: asked ? viewOf(asked, (await amountsNow(terms)).amountOf) : null };
    }),
  ];
}

function viewOf({ plan, state, approvalsNeeded }: AskedPayout, amountOf: AmountOf) {
  const sends = sentOf(plan.batches).map(([asset, sum]) => amountOf(asset, sum));
  return { state, at: plan.at, sends, approvalsNeeded };
}
