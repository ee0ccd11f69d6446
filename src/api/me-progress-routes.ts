import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable } from '../database/transaction.ts';
import type { Dispatch } from '../dispatch/dispatch-types.ts';
import { endsAt } from '../epochs/schedule.ts';
import { type Epoch, epochOf, openEpoch } from '../ledger/epoch-store.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { TermsService } from '../terms/terms-service.ts';
import type { Worker } from '../workers/worker.ts';
import type { Workers } from '../workers/workers.ts';
import { amountsNow } from './asset-amounts.ts';
import { epochIn } from './epochs-routes.ts';
import { pausedByItself, workedIn } from './me-progress-store.ts';
import { whichWorker } from './me-routes.ts';
import { ownWorker } from './own-worker.ts';
import { Refusal } from './problem.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { amount, decimal, moment } from './shapes.ts';
import { granted, totalsByWorker, viewOf, workerView } from './workers-routes.ts';

/** What these routes stand on. */
export interface MeProgressRoutesParts {
  readonly database: Queryable;
  readonly clock: Clock;
  readonly workers: Workers;
  readonly ledger: Ledger;
  readonly dispatch: Dispatch;
  readonly terms: Pick<TermsService, 'list' | 'of'>;
}

const which = z.object({ worker: whichWorker });
const progress = z.object({
  epoch: decimal,
  state: z.enum(['open', 'closing', 'closed']),
  openedAt: moment,
  endsAt: moment.nullable().describe('Null: with a round of the protocol.'),
  endedAt: moment.nullable(),
  termsVersion: z.int(),
  workers: z.array(
    z.object({
      worker: z.string(),
      jobs: z.int(),
      failedAttempts: z.int(),
      units: decimal,
      amount: amount
        .nullable()
        .describe('What the receipts come to, before the terms are applied; null: they name none.'),
      firstReceipt: decimal.nullable().describe('Null: there is none of this epoch.'),
      lastReceipt: decimal.nullable(),
    }),
  ),
});

export const meProgressApi = {
  progress: defineRoute({
    method: 'GET',
    path: '/api/v1/me/progress',
    access: 'worker',
    summary: 'What your receipts of an epoch come to: of the open one so far, or of another.',
    query: which.extend({ epoch: z.string().max(18).optional() }),
    reply: progress,
  }),
  pause: defineRoute({
    method: 'POST',
    path: '/api/v1/me/pause',
    access: 'worker',
    summary: 'Get no new sessions until you resume; those that run go on.',
    body: which,
    reply: workerView,
  }),
  resume: defineRoute({
    method: 'POST',
    path: '/api/v1/me/resume',
    access: 'worker',
    summary: 'Get sessions again, when it was you who paused.',
    body: which,
    reply: workerView,
  }),
} as const;

/** A pause of the operator is the operator's to end. */
const notYours = {
  status: 409,
  code: 'paused_by_operator',
  title: 'The operator of the pool paused this worker, not you.',
  advice: 'Ask the operator why; only an operator can resume it.',
};

/** `/api/v1/me/progress`, and a worker that pauses itself. */
export function meProgressRoutes(parts: MeProgressRoutesParts): readonly Route[] {
  const { database, workers, dispatch, terms } = parts;

  const view = async (worker: Worker) =>
    viewOf(worker, (await totalsByWorker(parts.ledger)).get(worker.id), dispatch.worker(worker.id));

  async function epochAsked(number: string | undefined): Promise<Epoch> {
    if (number === undefined) return openEpoch(database);
    const found = await epochOf(database, epochIn(number));
    if (found) return found;
    throw new TributaryError('epoch_unknown', 'There is no such epoch.');
  }

  async function ofWorker(id: WorkerId): Promise<Worker> {
    const worker = await workers.show(id);
    if (worker) return worker;
    throw new TributaryError('worker_unknown', 'You have no such worker.');
  }

  return [
    serve(meProgressApi.progress, async ({ actor, query }) => {
      const ids = query.worker === undefined ? actor.workers : [ownWorker(actor, query.worker)];
      const epoch = await epochAsked(query.epoch);
      const [{ amountOf }, rules, worked] = await Promise.all([
        amountsNow(terms),
        terms.of(epoch.termsVersion),
        workedIn(database, epoch.number, ids),
      ]);
      const { period } = rules.epoch;
      return {
        epoch: epoch.number,
        state: epoch.state,
        openedAt: epoch.openedAt,
        endsAt: period === 'round' ? null : endsAt(epoch.openedAt, period),
        endedAt: epoch.endedAt ?? null,
        termsVersion: epoch.termsVersion,
        workers: worked.map(({ asset, amount: sum, firstReceipt, lastReceipt, ...rest }) => ({
          ...rest,
          amount: asset === undefined ? null : amountOf(asset, sum),
          firstReceipt: firstReceipt ?? null,
          lastReceipt: lastReceipt ?? null,
        })),
      };
    }),
    serve(meProgressApi.pause, async ({ actor, body, note }) => {
      const before = await ofWorker(ownWorker(actor, body.worker));
      note({ target: before.name, before: { state: before.state } });
      // Who is paused by the operator stays so, and cannot make the pause its own.
      if (before.state !== 'active') return view(before);
      const { worker } = granted(await workers.pause(before.id));
      note({ after: { state: worker.state } });
      return view(worker);
    }),
    serve(meProgressApi.resume, async ({ actor, body, note }) => {
      const before = await ofWorker(ownWorker(actor, body.worker));
      note({ target: before.name, before: { state: before.state } });
      if (before.state === 'active') return view(before);
      if (!(await pausedByItself(database, before.name))) throw new Refusal(notYours);
      const { worker } = granted(await workers.resume(before.id));
      note({ after: { state: worker.state } });
      return view(worker);
    }),
  ];
}
