import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import type { JobId, WorkerId } from '../base/ids.ts';
import type { Queryable } from '../database/transaction.ts';
import type { Dispatch } from '../dispatch/dispatch-types.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import type { TermsService } from '../terms/terms-service.ts';
import type { Worker } from '../workers/worker.ts';
import type { Workers } from '../workers/workers.ts';
import type { Actor } from './access.ts';
import { amountsNow } from './asset-amounts.ts';
import { kept } from './kept.ts';
import type { Follower, Live } from './live.ts';
import { type WorkedEpoch, workedIn } from './me-progress-store.ts';
import { poolView } from './pool-view.ts';
import { type Caller, defineRoute, type EventSink, type Route, serveEvents } from './route.ts';
import type { Sessions } from './sessions.ts';
import { amount, decimal } from './shapes.ts';
import { statusOf } from './workers-routes.ts';

/** The list of workers is in the database; what they do now is not. */
const WORKERS_MS = 5_000;
/** What receipts come to is read at most this often for somebody whose machines work… */
const EARNED_MS = 5_000;
/** …and this often where they do nothing here: they may work for another node. */
const EARNED_QUIET_MS = 60_000;
/** Those that do most, or should do something and do not; the rest is on the page of all workers. */
const LISTED_MAX = 200;

/** What the routes of live values stand on. */
export interface LiveRoutesParts {
  readonly live: Live;
  readonly clock: Clock;
  readonly sessions: Pick<Sessions, 'actorOf'>;
  readonly database: Queryable;
  readonly terms: Pick<TermsService, 'list' | 'of'>;
  readonly workers: Pick<Workers, 'list' | 'get'>;
  readonly dispatch: Dispatch;
  runningTasks(): readonly { readonly worker: WorkerId; readonly job: JobId }[];
  latency(): { readonly p50: number; readonly p99: number } | undefined;
  /** What `/api/v1/pool` answers with. */
  pool(): Promise<z.input<typeof poolView>>;
}

const worker = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  status: z.string(),
  health: z.string(),
  connections: z.int(),
  sessions: z.int(),
  capacity: z.int(),
  runningTasks: z.int(),
});
/** A worker of the reader, and what its receipts of the open epoch come to so far. */
const own = worker.extend({
  jobs: z.int().describe('Of the open epoch.'),
  earned: amount
    .nullable()
    .describe('In the open epoch, before the terms are applied; null: no receipt names an amount.'),
});
const mine = z.object({ epoch: decimal.describe('The open one.'), workers: z.array(own) });
const fleet = z.object({
  sessions: z.int(),
  capacity: z.int(),
  segments: z.object({
    ok: z.int(),
    failed: z.int(),
    retried: z.int(),
    hedged: z.int(),
    inFlight: z.int(),
  }),
  addedLatencyMs: z.object({ p50: z.number(), p99: z.number() }).nullable(),
  streams: z.int().describe('Readers of live values, this one included.'),
  workersConnected: z.int(),
  workersEnrolled: z.int(),
  workers: z.array(worker).describe('The first 200: unhealthy ones, then by how much they do.'),
});

const follow = 'each is whole. Resumes behind `Last-Event-ID`.';

export const liveApi = {
  pool: defineRoute({
    method: 'GET',
    path: '/api/v1/live',
    access: 'public',
    summary: `The pool as everybody sees it, whenever it changed, at most once a second; ${follow}`,
    reply: poolView,
    stream: true,
  }),
  mine: defineRoute({
    method: 'GET',
    path: '/api/v1/me/live',
    access: 'worker',
    summary: `Your workers and what they earn, whenever it changed, at most once a second; ${follow}`,
    reply: mine,
    stream: true,
  }),
  fleet: defineRoute({
    method: 'GET',
    path: '/api/v1/operator/live',
    access: 'viewer',
    summary: `The fleet, whenever it changed, at most once a second; ${follow}`,
    reply: fleet,
    stream: true,
  }),
} as const;

/** Server-sent events: one snapshot a second for everybody who sees the same. */
export function liveRoutes(parts: LiveRoutesParts): readonly Route[] {
  const { live, clock, workers, dispatch } = parts;
  const listed = kept(WORKERS_MS, clock, () => workers.list());

  function viewOf(one: Worker, running: ReadonlyMap<string, number>): z.input<typeof worker> {
    const now = dispatch.worker(one.id);
    const connections = now?.connections ?? [];
    return {
      id: one.id,
      name: one.name,
      state: one.state,
      status: statusOf(one, now),
      health: now?.health ?? 'healthy',
      connections: connections.length,
      sessions: connections.reduce((sum, { load }) => sum + load, 0),
      capacity: connections.reduce((sum, { capacity }) => sum + capacity, 0),
      runningTasks: running.get(one.id) ?? 0,
    };
  }

  function running(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { worker: id } of parts.runningTasks()) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  }

  async function fleetNow(): Promise<z.input<typeof fleet>> {
    const { sessions, capacity, totals, jobsRunning, jobsWaiting } = dispatch.summary();
    const counts = running();
    const all = (await listed())
      .filter(({ state }) => state !== 'revoked')
      .map((one) => viewOf(one, counts));
    const connected = all.filter((one) => one.connections > 0);
    return {
      sessions,
      capacity,
      segments: {
        ok: totals.settled,
        failed: totals.failed,
        retried: totals.retries,
        hedged: totals.hedges,
        inFlight: jobsRunning + jobsWaiting,
      },
      addedLatencyMs: parts.latency() ?? null,
      streams: live.count(),
      workersConnected: connected.length,
      workersEnrolled: all.length,
      workers: connected.sort(byUrgency).slice(0, LISTED_MAX),
    };
  }

  const openNow = kept(EARNED_MS, clock, async () => {
    const [epoch, { amountOf }] = await Promise.all([
      openEpoch(parts.database),
      amountsNow(parts.terms),
    ]);
    return { epoch: epoch.number, amountOf };
  });

  /** What somebody's machines did in the open epoch; read anew when they did more. */
  function workOf(ids: readonly WorkerId[]): (epoch: bigint) => Promise<readonly WorkedEpoch[]> {
    let last: { readonly at: number; readonly key: string; readonly work: readonly WorkedEpoch[] };
    return async (epoch) => {
      const at = clock.now();
      const settled = ids.map((id) => dispatch.worker(id)?.settled ?? 0);
      const key = `${epoch} ${settled.join(' ')}`;
      const age = at - (last?.at ?? 0);
      const isOld = key === last?.key ? age >= EARNED_QUIET_MS : age >= EARNED_MS;
      if (isOld) last = { at, key, work: await workedIn(parts.database, epoch, ids) };
      return last.work;
    };
  }

  function mineNow(ids: readonly WorkerId[]): () => Promise<z.input<typeof mine>> {
    const worked = workOf(ids);
    return async () => {
      const { epoch, amountOf } = await openNow();
      const work = new Map((await worked(epoch)).map((one) => [one.worker, one]));
      const counts = running();
      return {
        epoch,
        workers: ids
          .flatMap((id) => workers.get(id) ?? [])
          .map((one) => {
            const { jobs = 0, asset, amount: sum = 0n } = work.get(one.id) ?? {};
            const earned = asset === undefined ? null : amountOf(asset, sum);
            return { ...viewOf(one, counts), jobs, earned };
          }),
      };
    };
  }

  function followerOf(actor: Actor, caller: Caller, { response }: EventSink): Follower {
    return {
      response,
      peer: caller.peer,
      actor: actor.kind === 'nobody' ? undefined : `${actor.kind} ${actor.id}`,
      after: caller.lastEventId,
      async stillAllowed() {
        if (actor.kind === 'nobody' || actor.by === 'token') return true;
        if (actor.by === 'credential')
          return workers.get(actor.workers[0] as WorkerId) !== undefined;
        const now =
          caller.cookie === undefined ? undefined : await parts.sessions.actorOf(caller.cookie);
        return now !== undefined && sameRights(now, actor);
      },
    };
  }

  return [
    serveEvents(liveApi.pool, ({ actor, caller }, sink) =>
      live.follow(
        'pool',
        async () => poolView.parse(await parts.pool()),
        followerOf(actor, caller, sink),
      ),
    ),
    serveEvents(liveApi.mine, ({ actor, caller }, sink) => {
      const now = mineNow(actor.workers);
      return live.follow(
        `me ${actor.workers.join(' ')}`,
        async () => mine.parse(await now()),
        followerOf(actor, caller, sink),
      );
    }),
    serveEvents(liveApi.fleet, ({ actor, caller }, sink) =>
      live.follow(
        'fleet',
        async () => fleet.parse(await fleetNow()),
        followerOf(actor, caller, sink),
      ),
    ),
  ];
}

type View = z.input<typeof worker>;
function byUrgency(a: View, b: View): number {
  const trouble = Number(b.health !== 'healthy') - Number(a.health !== 'healthy');
  return trouble || b.sessions - a.sessions || (a.name < b.name ? -1 : 1);
}

/** Whoever lost its role, or a worker, follows anew with what it has now. */
function sameRights(now: Actor, before: Actor): boolean {
  if (now.kind === 'operator') return before.kind === 'operator' && now.role === before.role;
  return (
    now.kind === 'worker' &&
    before.kind === 'worker' &&
    now.workers.join(' ') === before.workers.join(' ')
  );
}
