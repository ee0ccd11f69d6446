import { z } from 'zod';
import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Dispatch, WorkerView } from '../dispatch/dispatch-types.ts';
import type { WorkerTotals } from '../ledger/contribution.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Credential } from '../workers/credentials.ts';
import { type Worker, workerStates } from '../workers/worker.ts';
import type { Workers, WorkersResult } from '../workers/workers.ts';
import { demandConsequence } from './consequence.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal } from './shapes.ts';

export interface WorkersRoutesParts {
  readonly workers: Workers;
  readonly ledger: Ledger;
  readonly dispatch: Dispatch;
  /** The join string for a credential of this pool. */
  joinString(credential: Credential): string;
  /** Where everybody finds the pages of the pool; undefined: nobody does. */
  site?(): string | undefined;
}

/** A worker as operators see it. */
export const workerView = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(workerStates),
  status: z.string().describe('The state in words, with what to do.'),
  payoutAddress: z.string().optional(),
  createdAt: z.string(),
  validSecrets: z.int().describe('2 during a rotation, 0 when revoked.'),
  connections: z.int(),
  sessions: z.int().describe('Sessions that it serves now.'),
  capacity: z.int().describe('Sessions that it takes.'),
  segments: z.int().describe('Segments credited since it was enrolled.'),
  failures: z.int(),
  pixels: decimal,
});

const enrolmentView = z.object({
  id: z.string(),
  name: z.string(),
  credential: z.string().describe('Shown in this answer and nowhere else.'),
  join: z.string().describe('What `tributary worker join` takes.'),
  site: z.string().nullable().describe('Where its owner finds the pages of the pool.'),
});

/** Typed by people in a browser, where a change cannot be undone. */
const typed = z.object({ confirm: z.string().max(300).optional() });

const changeRoute = <const Word extends string>(word: Word, summary: string) =>
  defineRoute({
    method: 'POST',
    path: `/api/v1/workers/{worker}/${word}`,
    access: 'support',
    summary,
    body: typed,
    reply: workerView,
  });

export const workersApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/workers',
    access: 'viewer',
    summary: 'All workers by name, revoked ones too.',
    reply: z.array(workerView),
    csv: ['id', 'name', 'state', 'status', 'payoutAddress', 'segments', 'failures', 'pixels'],
  }),
  add: defineRoute({
    method: 'POST',
    path: '/api/v1/workers',
    access: 'support',
    summary: 'Enrol a worker.',
    body: z.object({ name: z.string().nullish(), payoutAddress: z.string().nullish() }),
    reply: enrolmentView,
    status: 201,
  }),
  show: defineRoute({
    method: 'GET',
    path: '/api/v1/workers/{worker}',
    access: 'viewer',
    summary: 'One worker, by name or id.',
    reply: workerView,
  }),
  rotate: defineRoute({
    method: 'POST',
    path: '/api/v1/workers/{worker}/rotate',
    access: 'owner',
    summary: 'Give a worker a new credential; the one before stays valid until the next rotation.',
    reply: enrolmentView,
  }),
  revoke: changeRoute('revoke', 'Cut a worker off at once and for good; what it earned stays.'),
  pause: changeRoute('pause', 'Give a worker no new sessions until it is resumed.'),
  resume: changeRoute('resume', 'Give a paused worker sessions again.'),
  drain: changeRoute('drain', 'Let a worker finish what it has and give it nothing more.'),
} as const;

/** `/api/v1/workers`: enrol, look up, and change workers while the pool runs. */
export function workersRoutes(parts: WorkersRoutesParts): readonly Route[] {
  const { workers, ledger, dispatch } = parts;

  const view = (worker: Worker, totals: ReadonlyMap<WorkerId, WorkerTotals>) =>
    viewOf(worker, totals.get(worker.id), dispatch.worker(worker.id));

  const change = (word: 'revoke' | 'pause' | 'resume' | 'drain') =>
    serve(workersApi[word], async ({ params, body, actor, note }) => {
      const before = await workers.show(params.worker);
      if (before && word === 'revoke') {
        demandConsequence(actor, body.confirm, `revoke ${before.name}`);
      }
      const { worker } = granted(await workers[word](params.worker));
      note({
        target: worker.name,
        before: { state: before?.state },
        after: { state: worker.state },
      });
      return view(worker, await totalsByWorker(ledger));
    });

  return [
    serve(workersApi.list, async () => {
      const totals = await totalsByWorker(ledger);
      return (await workers.list()).map((worker) => view(worker, totals));
    }),
    serve(workersApi.add, async ({ body: { name, payoutAddress }, note }) => {
      if (!name) throw new TributaryError('worker_name_invalid', 'name is missing');
      const added = granted(
        await workers.add({ name, ...(payoutAddress ? { payoutAddress } : {}) }),
      );
      note({ target: name, after: { id: added.worker.id } });
      return enrolment(parts, added);
    }),
    serve(workersApi.show, async ({ params }) => {
      const worker = await workers.show(params.worker);
      if (!worker) throw new TributaryError('worker_unknown', 'There is no such worker.');
      return view(worker, await totalsByWorker(ledger));
    }),
    serve(workersApi.rotate, async ({ params, note }) => {
      // The one before stays valid, so nobody is disconnected; the one before that goes.
      const made = granted(await workers.rotate(params.worker, { retire: 'oldest' }));
      note({ target: made.worker.name });
      return enrolment(parts, made);
    }),
    change('revoke'),
    change('pause'),
    change('resume'),
    change('drain'),
  ];
}

function enrolment(
  { joinString, site }: WorkersRoutesParts,
  { worker, credential }: { worker: Worker; credential: Credential },
) {
  const { id, name } = worker;
  return { id, name, credential, join: joinString(credential), site: site?.() ?? null };
}

/** What a request led to, or its refusal as the error that the API answers with. */
export function granted<T>(result: WorkersResult<T>): T {
  if (result.ok) return result;
  throw new TributaryError(result.reason, REFUSALS[result.reason]);
}

const REFUSALS = {
  worker_name_invalid: 'This name cannot be used.',
  worker_name_taken: 'A worker has this name already.',
  payout_address_invalid: 'This is not a payout address.',
  worker_unknown: 'There is no such worker.',
  worker_revoked: 'This worker is revoked, for good.',
  worker_secrets_full: 'This worker has two valid credentials already.',
} as const;

/** Totals of all workers, by id. */
export async function totalsByWorker(ledger: Ledger): Promise<Map<WorkerId, WorkerTotals>> {
  return new Map((await ledger.contributionsByWorker()).map((totals) => [totals.worker, totals]));
}

/** A worker as the API shows it. Pixels are a decimal string. */
export function viewOf(
  worker: Worker,
  totals: WorkerTotals | undefined,
  live: WorkerView | undefined,
) {
  const connections = live?.connections ?? [];
  return {
    id: worker.id,
    name: worker.name,
    state: worker.state,
    status: statusOf(worker, live),
    payoutAddress: worker.payoutAddress,
    createdAt: new Date(worker.createdAt).toISOString(),
    validSecrets: worker.validSecrets,
    connections: connections.length,
    sessions: connections.reduce((sum, { load }) => sum + load, 0),
    capacity: connections.reduce((sum, { capacity }) => sum + capacity, 0),
    segments: totals?.segments ?? 0,
    failures: totals?.failedAttempts ?? 0,
    pixels: totals?.pixels ?? 0n,
  };
}

/** The state in words that say what to do, or that nothing needs doing. */
export function statusOf(worker: Worker, live: WorkerView | undefined): string {
  const connected = (live?.connections.length ?? 0) > 0;
  if (worker.state === 'revoked') return 'Revoked';
  if (!connected)
    return worker.state === 'active' ? 'Not connected' : `Not connected, ${worker.state}`;
  if (worker.state === 'paused') return 'Paused: resume it to give it work';
  if (worker.state === 'draining') return 'Draining: finishes what it has';
  if (live?.health === 'quarantined') {
    const until = live.quarantinedUntilAt;
    const time = until === undefined ? '' : ` until ${new Date(until).toISOString()}`;
    return `Quarantined${time}: its last results failed`;
  }
  if (live?.health === 'half_open') return 'On trial after a quarantine: one session at a time';
  const busy = live?.connections.some(({ load }) => load > 0);
  return busy ? 'Working' : 'Idle: no demand';
}
