import { eventually } from './eventually.ts';
import type { TestPool } from './start-pool.ts';

/** A worker's line of `/api/v1/contributions/totals`. */
export interface Totals {
  readonly worker: string;
  readonly segments: number;
  /** Decimal. */
  readonly pixels: string;
  readonly failedAttempts: number;
}

/** A worker as `/api/v1/workers/ID` shows it. */
export interface WorkerFigures {
  readonly state: string;
  readonly status: string;
  readonly connections: number;
  readonly sessions: number;
  readonly capacity: number;
  readonly segments: number;
  readonly failures: number;
  readonly pixels: string;
}

/** What the ledger holds for a worker; zeros when it never attempted a job. */
export async function totalsOf(pool: TestPool, worker: string): Promise<Totals> {
  const all = await pool.admin<Totals[]>('GET', '/api/v1/contributions/totals');
  const none = { worker, segments: 0, pixels: '0', failedAttempts: 0 };
  return all.find((totals) => totals.worker === worker) ?? none;
}

export function workerFigures(pool: TestPool, worker: string): Promise<WorkerFigures> {
  return pool.admin('GET', `/api/v1/workers/${worker}`);
}

/** A sample of `/metrics`, 0 when there is none; `labels` as Prometheus writes them. */
export async function metricOf(pool: TestPool, name: string, labels = ''): Promise<number> {
  const text = await (await fetch(new URL('/metrics', pool.adminUrl))).text();
  const key = labels === '' ? name : `${name}{${labels}}`;
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${key} `));
  return line ? Number(line.slice(key.length + 1)) : 0;
}

/** Resolves when no worker is connected: a test that shares its pool begins so. */
export function allWorkersGone(pool: TestPool): Promise<void> {
  return eventually(
    'the workers of the last test are gone',
    async () => (await metricOf(pool, 'tributary_front_worker_connections')) === 0,
  );
}
