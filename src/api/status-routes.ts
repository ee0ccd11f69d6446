import type { JobId, WorkerId } from '../base/ids.ts';
import type { Dispatch } from '../dispatch/dispatch-types.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Workers } from '../workers/workers.ts';
import type { Route } from './admin.ts';
import { totalsByWorker, viewOf } from './workers-routes.ts';

export interface StatusRoutesParts {
  readonly workers: Workers;
  readonly ledger: Ledger;
  readonly dispatch: Dispatch;
  /** Attempts that run at this moment. */
  runningTasks(): readonly { readonly worker: WorkerId; readonly job: JobId }[];
  /** Latencies of recent segments. */
  latency(): { readonly p50: number; readonly p99: number } | undefined;
}

/** `/api/v1/status` and the totals of the ledger: what a view of the pool shows. */
export function statusRoutes(parts: StatusRoutesParts): readonly Route[] {
  const { workers, ledger, dispatch } = parts;
  return [
    {
      method: 'GET',
      path: '/api/v1/status',
      async handle() {
        const summary = dispatch.summary();
        const totals = await totalsByWorker(ledger);
        const running = parts.runningTasks();
        const value = {
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
            reasons: dispatch.reasonsOf(worker.id),
          })),
        };
        return { status: 200, value };
      },
    },
    {
      method: 'GET',
      path: '/api/v1/contributions/totals',
      async handle() {
        const names = new Map((await workers.list()).map(({ id, name }) => [id, name]));
        const value = (await ledger.contributionsByWorker()).map((totals) => ({
          ...totals,
          name: names.get(totals.worker) ?? totals.worker,
        }));
        return { status: 200, value };
      },
    },
  ];
}
