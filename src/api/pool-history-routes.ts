import { z } from 'zod';
import type { AssetId } from '../base/asset.ts';
import type { Clock } from '../base/clock.ts';
import type { Queryable } from '../database/transaction.ts';
import { earningsByWeek } from '../epochs/earnings-history.ts';
import type { Terms } from '../terms/terms.ts';
import type { TermsService } from '../terms/terms-service.ts';
import { estimateEarnings } from '../workers/estimate.ts';
import { type PoolHistory, poolHistory } from '../workers/history.ts';
import type { Incidents } from '../workers/incidents.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { amount, decimal, moment } from './shapes.ts';

const DAY_MS = 86_400_000;
/** What strangers may ask for is read at most so often, for each of a small number of questions. */
const FRESH_MS = 10_000;
/** Hours of a month, or days of a year and a half. */
const DAYS_MAX = { hour: 31, day: 550 } as const;

const historyView = z.object({
  at: moment,
  upMs: z.int().nullable().describe('Null: the pool did not measure yet.'),
  downMs: z.int().nullable(),
  plannedMs: z.int().describe('Of the time down: announced before.'),
  jobs: z.int(),
  failed: z.int(),
  retried: z.int(),
  credited: z.int(),
  pixels: decimal,
  addedP50Ms: z.number().nullable().describe('What the pool added to a job, to a fifth.'),
  addedP99Ms: z.number().nullable(),
  earned: z.array(amount),
});

const estimateView = z.object({
  gpuClass: z.string(),
  text: z.string(),
  reason: z
    .enum(['no_such_class', 'too_few_workers', 'too_short'])
    .nullable()
    .describe('Why nothing can be said; null: something can.'),
  sure: z.enum(['somewhat', 'well']).nullable(),
  workers: z.int(),
  weeks: z.int(),
  perWeek: z.array(z.object({ low: amount, middle: amount, high: amount })),
});

export const poolHistoryApi = {
  read: defineRoute({
    method: 'GET',
    path: '/api/v1/pool/history',
    access: 'public',
    summary: 'Uptime, jobs, added latency and income of the pool by hour or day.',
    query: z.object({
      by: z.enum(['hour', 'day']).default('day'),
      days: z.coerce.number().int().min(1).max(DAYS_MAX.day).default(30),
    }),
    reply: z.array(historyView),
    csv: ['at', 'upMs', 'downMs', 'plannedMs', 'jobs', 'failed', 'retried', 'credited', 'pixels'],
  }),
  classes: defineRoute({
    method: 'GET',
    path: '/api/v1/calculator',
    access: 'public',
    summary: 'Hardware of which the pool can say something about earnings.',
    reply: z.array(estimateView),
  }),
  estimate: defineRoute({
    method: 'GET',
    path: '/api/v1/calculator/{gpu}',
    access: 'public',
    summary: 'What workers with some hardware earned in a week, and what that rests on.',
    reply: estimateView,
  }),
} as const;

/** What these routes stand on. */
export interface PoolHistoryRoutesParts {
  readonly database: Queryable;
  readonly clock: Clock;
  readonly incidents: Pick<Incidents, 'planned'>;
  readonly terms: Pick<TermsService, 'list' | 'of'>;
}

/** `/api/v1/pool/history` and the calculator: for everybody. */
export function poolHistoryRoutes(parts: PoolHistoryRoutesParts): readonly Route[] {
  const { database, clock, incidents, terms } = parts;
  const assets = async () => (await terms.of((await terms.list()).current)).assets;
  const weeks = keptByQuestion(clock, () => earningsByWeek(database, clock.now()));
  const history = keptByQuestion(clock, async (key: string) => {
    const [by, days] = key.split(' ') as ['hour' | 'day', string];
    const until = clock.now();
    const period = { since: until - Number(days) * DAY_MS, until };
    const planned = await incidents.planned(period);
    return poolHistory(database, by, period, { planned, now: until });
  });

  const estimate = async (gpuClass: string) =>
    showEstimate(gpuClass, estimateEarnings(gpuClass, await weeks('')), await assets());

  return [
    serve(poolHistoryApi.read, async ({ query }) => {
      const rows = await history(`${query.by} ${Math.min(query.days, DAYS_MAX[query.by])}`);
      const known = await assets();
      return rows.map((row) => showHistory(row, known));
    }),
    serve(poolHistoryApi.classes, async () => {
      const classes = new Set((await weeks('')).flatMap(({ gpuClass }) => gpuClass ?? []));
      return Promise.all([...classes].sort().map(estimate));
    }),
    serve(poolHistoryApi.estimate, ({ params }) => estimate(params.gpu.slice(0, 64))),
  ];
}

function showHistory(row: PoolHistory, assets: Terms['assets']): z.input<typeof historyView> {
  const { at, upMs, downMs, plannedMs, jobs, failed, retried, credited, pixels } = row;
  return {
    ...{ at, plannedMs, jobs, failed, retried, credited, pixels },
    upMs: upMs ?? null,
    downMs: downMs ?? null,
    addedP50Ms: row.addedP50Ms ?? null,
    addedP99Ms: row.addedP99Ms ?? null,
    earned: Object.entries(row.earned).map(([asset, value]) => amountOf(assets, asset, value)),
  };
}

function showEstimate(
  gpuClass: string,
  estimate: ReturnType<typeof estimateEarnings>,
  assets: Terms['assets'],
): z.input<typeof estimateView> {
  const { text } = estimate;
  if (!estimate.ok) {
    const { reason } = estimate;
    return { gpuClass, text, reason, sure: null, workers: 0, weeks: 0, perWeek: [] };
  }
  const { sure, workers, weeks } = estimate;
  const perWeek = estimate.perWeek.map(({ asset, low, middle, high }) => ({
    low: amountOf(assets, asset, low),
    middle: amountOf(assets, asset, middle),
    high: amountOf(assets, asset, high),
  }));
  return { gpuClass: estimate.gpuClass, text, reason: null, sure, workers, weeks, perWeek };
}

/** Earlier terms may have named an asset that those of today do not: it is in base units then. */
function amountOf(assets: Terms['assets'], asset: string, value: bigint) {
  return { asset, amount: value, decimals: assets[asset as AssetId]?.decimals ?? 0 };
}

/** Reads each question at most once in a while; whoever asks it meanwhile shares the answer. */
function keptByQuestion<T>(
  clock: Clock,
  read: (key: string) => Promise<T>,
): (key: string) => Promise<T> {
  const answers = new Map<string, { readonly at: number; readonly value: Promise<T> }>();
  return (key) => {
    const now = clock.now();
    const known = answers.get(key);
    if (known && now - known.at < FRESH_MS) return known.value;
    for (const [old, { at }] of answers) if (now - at >= FRESH_MS) answers.delete(old);
    const value = read(key);
    answers.set(key, { at: now, value });
    // What failed is asked again by the next.
    value.catch(() => answers.delete(key));
    return value;
  };
}
