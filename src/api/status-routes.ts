import { z } from 'zod';
import type { JobId, WorkerId } from '../base/ids.ts';
import type { Dispatch } from '../dispatch/dispatch-types.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Workers } from '../workers/workers.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal } from './shapes.ts';
import { totalsByWorker, viewOf, workerView } from './workers-routes.ts';

export interface StatusRoutesParts {
  readonly workers: Workers;
  readonly ledger: Ledger;
  readonly dispatch: Dispatch;
  /** Attempts that run at this moment. */
  runningTasks(): readonly { readonly worker: WorkerId; readonly job: JobId }[];
  /** Latencies of recent segments. */
  latency(): { readonly p50: number; readonly p99: number } | undefined;
}

/** A worker in the status. */
const busyWorker = workerView.extend({
  runningTasks: z.int(),
  failedAttempts: z.int(),
  reasons: z.record(z.string(), z.number()).describe('How often each reason kept a job from it.'),
});

export const statusApi = {
  status: defineRoute({
    method: 'GET',
    path: '/api/v1/status',
    access: 'viewer',
    summary: 'What the pool does at this moment, and each worker.',
    reply: z.object({
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
      workers: z.array(busyWorker),
    }),
  }),
  totals: defineRoute({
    method: 'GET',
    path: '/api/v1/contributions/totals',
    access: 'viewer',
    summary: 'What each worker did since it was enrolled.',
    reply: z.array(z.looseObject({ worker: z.string(), name: z.string(), pixels: decimal })),
    csv: ['worker', 'name', 'segments', 'failedAttempts', 'pixels'],
  }),
} as const;

/** `/api/v1/status` and the totals of the ledger: what a view of the pool shows. */
export function statusRoutes(parts: StatusRoutesParts): readonly Route[] {
  const { workers, ledger, dispatch } = parts;
  return [
    serve(statusApi.status, async () => {
      const summary = dispatch.summary();
      const totals = await totalsByWorker(ledger);
      const running = parts.runningTasks();
      return {
        sessions: summary.sessions,
        capacity: summary.capacity,
        segments: {
          ok: summary.totals.settled,
          failed: summary.totals.failed,
          retried: summary.totals.retries,
          hedged: summary.totals.hedges,
          inFlight: summary.jobsRunning + summary.jobsWaiting,
        },
        addedLatencyMs: parts.latency() ?? null,
        workers: (await workers.list()).map((worker) => ({
          ...viewOf(worker, totals.get(worker.id), dispatch.worker(worker.id)),
          runningTasks: running.filter((task) => task.worker === worker.id).length,
          failedAttempts: totals.get(worker.id)?.failedAttempts ?? 0,
          reasons: { ...dispatch.reasonsOf(worker.id) },
        })),
      };
    }),
    serve(statusApi.totals, async () => {
      const names = new Map((await workers.list()).map(({ id, name }) => [id, name]));
      return (await ledger.contributionsByWorker()).map((totals) => ({
        ...totals,
        name: names.get(totals.worker) ?? totals.worker,
      }));
    }),
  ];
}
