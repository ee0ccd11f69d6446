import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { ConnectionId, WorkerId } from '../base/ids.ts';
import type { Queryable } from '../database/transaction.ts';
import type { Dispatch } from '../dispatch/dispatch-types.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { failureViews } from '../workers/failures.ts';
import { failedAttempts, recentWork } from '../workers/fleet-store.ts';
import type { Worker } from '../workers/worker.ts';
import type { Workers } from '../workers/workers.ts';
import { kept } from './kept.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal, done, moment } from './shapes.ts';
import { totalsByWorker, viewOf, workerView } from './workers-routes.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Adding an hour up is some milliseconds for each 10,000 attempts. */
const FRESH_MS = 5_000;
/** Longer than a day is a pause. */
const QUARANTINE_MINUTES_MAX = 1_440;
const FAILURES_MAX = 50;

/** What the routes of the fleet stand on. */
export interface FleetRoutesParts {
  readonly database: Queryable;
  readonly clock: Clock;
  readonly workers: Workers;
  readonly ledger: Ledger;
  readonly dispatch: Dispatch;
  /** Takes workers off work on this node, and lets them back. */
  readonly quarantine: {
    quarantine(worker: WorkerId, ms: number): void;
    release(worker: WorkerId): void;
    quarantineMachine(connection: ConnectionId, ms: number): void;
    releaseMachine(connection: ConnectionId): void;
  };
}

const fleetWorker = workerView.extend({
  health: z.enum(['healthy', 'half_open', 'quarantined']),
  quarantinedUntil: moment.nullable(),
  lastHour: z.object({
    jobs: z.int(),
    failed: z.int(),
    pixels: decimal,
    p95Ms: z.int().nullable().describe('From its task to the judged result; null: no result.'),
  }),
});
const failure = z.object({
  at: moment,
  job: z.string(),
  attempt: z.int(),
  text: z.string(),
  step: z.string().describe('What to do about it.'),
});

const forMinutes = z.object({
  minutes: z.coerce.number().int().min(1).max(QUARANTINE_MINUTES_MAX).default(10),
});

export const fleetApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/operator/fleet',
    access: 'viewer',
    summary: 'Every worker that is not revoked, with what it did in the last 60 minutes.',
    reply: z.array(fleetWorker),
    csv: [
      'id',
      'name',
      'state',
      'health',
      'status',
      'sessions',
      'capacity',
      'segments',
      'failures',
      'pixels',
      'lastHour.jobs',
      'lastHour.failed',
      'lastHour.p95Ms',
    ],
  }),
  failures: defineRoute({
    method: 'GET',
    path: '/api/v1/workers/{worker}/failures',
    access: 'viewer',
    summary: 'The last 50 attempts of a worker that came to nothing, with reasons.',
    reply: z.array(failure),
    csv: ['at', 'job', 'attempt', 'text'],
  }),
  quarantine: defineRoute({
    method: 'POST',
    path: '/api/v1/workers/{worker}/quarantine',
    access: 'support',
    summary: 'Give a connected worker no work for some minutes; then it is on trial.',
    body: forMinutes,
    reply: workerView,
  }),
  release: defineRoute({
    method: 'POST',
    path: '/api/v1/workers/{worker}/release',
    access: 'support',
    summary: 'End a quarantine: one session at a time until a good result.',
    reply: workerView,
  }),
  quarantineMachine: defineRoute({
    method: 'POST',
    path: '/api/v1/workers/{worker}/machines/{connection}/quarantine',
    access: 'support',
    summary: "Give one connected machine no work for some minutes; its worker's others go on.",
    body: forMinutes,
    reply: done,
  }),
  releaseMachine: defineRoute({
    method: 'POST',
    path: '/api/v1/workers/{worker}/machines/{connection}/release',
    access: 'support',
    summary: 'Give a machine work again before its quarantine ends.',
    reply: done,
  }),
} as const;

/** `/api/v1/operator/fleet`, and the quarantine of workers by hand. */
export function fleetRoutes(parts: FleetRoutesParts): readonly Route[] {
  const { database, clock, workers, ledger, dispatch, quarantine } = parts;
  const lastHour = kept(FRESH_MS, clock, async () => {
    const found = await recentWork(database, clock.now() - HOUR_MS);
    return new Map(found.map((one) => [one.worker, one]));
  });

  async function known(ref: string): Promise<Worker> {
    const worker = await workers.show(ref);
    if (worker) return worker;
    throw new TributaryError('worker_unknown', 'There is no such worker.');
  }
  async function shown(worker: Worker) {
    const totals = (await totalsByWorker(ledger)).get(worker.id);
    return viewOf(worker, totals, dispatch.worker(worker.id));
  }

  async function knownMachine(params: { readonly worker: string; readonly connection: string }) {
    const worker = await known(params.worker);
    const machine = dispatch
      .worker(worker.id)
      ?.connections.find(({ connection }) => connection === params.connection);
    if (machine) return { worker, machine };
    throw new TributaryError('worker_away', 'this machine is not connected');
  }

  return [
    serve(fleetApi.list, async () => {
      const [all, totals, recent] = await Promise.all([
        workers.list(),
        totalsByWorker(ledger),
        lastHour(),
      ]);
      return all
        .filter(({ state }) => state !== 'revoked')
        .map((worker) => {
          const live = dispatch.worker(worker.id);
          const { jobs = 0, failed = 0, pixels = 0n, p95Ms } = recent.get(worker.id) ?? {};
          return {
            ...viewOf(worker, totals.get(worker.id), live),
            health: live?.health ?? ('healthy' as const),
            quarantinedUntil: live?.quarantinedUntilAt ?? null,
            lastHour: { jobs, failed, pixels, p95Ms: p95Ms ?? null },
          };
        });
    }),
    serve(fleetApi.failures, async ({ params }) => {
      const { id } = await known(params.worker);
      return (await failedAttempts(database, id, FAILURES_MAX)).map(({ what, ...one }) => {
        const [words] = failureViews({ [what]: 1 });
        return { ...one, text: words?.text ?? what, step: words?.step ?? '' };
      });
    }),
    serve(fleetApi.quarantine, async ({ params, body, note }) => {
      const worker = await known(params.worker);
      const live = dispatch.worker(worker.id);
      if (worker.state === 'revoked' || (live?.connections.length ?? 0) === 0) {
        throw new TributaryError('worker_away', 'this worker is not connected');
      }
      quarantine.quarantine(worker.id, body.minutes * MINUTE_MS);
      note({ target: worker.name, before: { health: live?.health }, after: body });
      return shown(worker);
    }),
    serve(fleetApi.release, async ({ params, note }) => {
      const worker = await known(params.worker);
      const before = dispatch.worker(worker.id)?.health;
      quarantine.release(worker.id);
      note({
        target: worker.name,
        before: { health: before },
        after: { health: dispatch.worker(worker.id)?.health },
      });
      return shown(worker);
    }),
    serve(fleetApi.quarantineMachine, async ({ params, body, note }) => {
      const { worker, machine } = await knownMachine(params);
      quarantine.quarantineMachine(machine.connection, body.minutes * MINUTE_MS);
      note({ target: worker.name, after: { ...body, connection: machine.connection } });
      return {};
    }),
    serve(fleetApi.releaseMachine, async ({ params, note }) => {
      const { worker, machine } = await knownMachine(params);
      quarantine.releaseMachine(machine.connection);
      note({ target: worker.name, after: { connection: machine.connection } });
      return {};
    }),
  ];
}
