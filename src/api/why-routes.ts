import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable } from '../database/transaction.ts';
import type { Dispatch } from '../dispatch/dispatch-types.ts';
import type { TermsService } from '../terms/terms-service.ts';
import { earnedHours } from '../workers/earned-store.ts';
import { type Fact, type FactChanges, type Facts, factKinds } from '../workers/facts.ts';
import { lastFailures } from '../workers/failures.ts';
import { workIn } from '../workers/history-store.ts';
import { machinesOf } from '../workers/machines.ts';
import { whyNoWork } from '../workers/why-read.ts';
import type { Workers } from '../workers/workers.ts';
import { amountsNow } from './asset-amounts.ts';
import { whichWorker } from './me-routes.ts';
import {
  failureView,
  machineView,
  ownWorkView,
  showMachine,
  showWhy,
  showWork,
  whyView,
  workView,
} from './measured-views.ts';
import { ownWorker } from './own-worker.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { moment } from './shapes.ts';

const HOUR_MS = 3_600_000;
/** Counts by the hour are kept for 30 days. */
const hours = z.coerce.number().int().min(1).max(720).default(1);
const whyQuery = z.object({ hours: hours.describe('How far back, in hours.') });
const workQuery = z.object({
  by: z.enum(['hour', 'day']).default('hour'),
  hours: z.coerce.number().int().min(1).max(8_784).default(24).describe('How far back.'),
});
const mine = { worker: whichWorker };

const facts = z.array(
  z.object({ kind: z.enum(factKinds), value: z.string(), since: moment, evidence: z.string() }),
);
/** A text says something, null takes it back. */
const word = z.string().max(64).nullish();

export const whyApi = {
  mine: defineRoute({
    method: 'GET',
    path: '/api/v1/me/why',
    access: 'worker',
    summary: 'Why your worker got no work, from counted reasons, with what would change it.',
    query: whyQuery.extend(mine),
    reply: whyView,
  }),
  myMachines: defineRoute({
    method: 'GET',
    path: '/api/v1/me/machines',
    access: 'worker',
    summary: 'What your machines said of themselves, the last to connect first.',
    query: z.object(mine),
    reply: z.array(machineView),
  }),
  myWork: defineRoute({
    method: 'GET',
    path: '/api/v1/me/work',
    access: 'worker',
    summary:
      'What your worker did by hour or day: jobs, speed, earnings, failures with what to do.',
    query: workQuery.extend(mine),
    reply: z.array(ownWorkView),
    csv: ['at', 'jobs', 'pixels', 'p50Ms', 'p95Ms'],
  }),
  why: defineRoute({
    method: 'GET',
    path: '/api/v1/workers/{worker}/why',
    access: 'viewer',
    summary: 'Why a worker got no work.',
    query: whyQuery,
    reply: whyView,
  }),
  machines: defineRoute({
    method: 'GET',
    path: '/api/v1/workers/{worker}/machines',
    access: 'viewer',
    summary: 'What the machines of a worker said of themselves.',
    reply: z.array(machineView),
  }),
  work: defineRoute({
    method: 'GET',
    path: '/api/v1/workers/{worker}/work',
    access: 'viewer',
    summary: 'What a worker did by hour or day.',
    query: workQuery,
    reply: z.array(workView),
    csv: ['at', 'jobs', 'pixels', 'p50Ms', 'p95Ms'],
  }),
  myFailures: defineRoute({
    method: 'GET',
    path: '/api/v1/me/failures',
    access: 'worker',
    summary: 'The last attempts of your worker that came to nothing, and what to do.',
    query: z.object(mine),
    reply: z.array(failureView),
    csv: ['at', 'job', 'what', 'text', 'step'],
  }),
  facts: defineRoute({
    method: 'GET',
    path: '/api/v1/workers/{worker}/facts',
    access: 'viewer',
    summary: 'What is said of a worker: hardware class, region and promise.',
    reply: facts,
  }),
  say: defineRoute({
    method: 'POST',
    path: '/api/v1/workers/{worker}/facts',
    access: 'support',
    summary: 'Say of a worker what terms may ask for; it is paid by it from now on.',
    body: z.object({ hardwareClass: word, region: word, promise: word }),
    reply: facts,
  }),
} as const;

/** What these routes stand on. */
export interface WhyRoutesParts {
  readonly database: Queryable;
  readonly clock: Clock;
  readonly workers: Workers;
  readonly dispatch: Pick<Dispatch, 'worker'>;
  readonly facts: Facts;
  readonly terms: Pick<TermsService, 'list' | 'of'>;
}

/** Why a worker got no work, what it did, and what its machines are. */
export function whyRoutes(parts: WhyRoutesParts): readonly Route[] {
  const { database, clock, workers, dispatch } = parts;

  const byName = async (ref: string) => {
    const worker = await workers.show(ref);
    if (!worker) throw new TributaryError('worker_unknown', 'There is no such worker.');
    return worker;
  };
  const readWhy = async (worker: WorkerId, back: number) => {
    const until = clock.now();
    return showWhy(await whyNoWork(database, worker, { since: until - back * HOUR_MS, until }));
  };
  const readMachines = async (worker: WorkerId) => {
    const live = dispatch.worker(worker)?.connections ?? [];
    const now = new Map<string, (typeof live)[number]>(live.map((one) => [one.connection, one]));
    const machines = await machinesOf(database, worker, clock.now());
    return machines.map((machine) => showMachine(machine, now.get(machine.connection)));
  };
  const readWork = async (worker: WorkerId, by: 'hour' | 'day', back: number) => {
    const until = clock.now();
    const since = until - back * HOUR_MS;
    return (await workIn(database, by, { since, until }, worker)).map(showWork);
  };
  /** Work and earnings are counted each for itself: an hour may have one of them before the other. */
  const readOwnWork = async (worker: WorkerId, by: 'hour' | 'day', back: number) => {
    const until = clock.now();
    const period = { since: until - back * HOUR_MS, until };
    const work = await workIn(database, by, period, worker);
    if (by === 'day') return work.map((day) => ({ ...showWork(day), earned: null }));
    const [{ amountOf }, earned] = await Promise.all([
      amountsNow(parts.terms),
      earnedHours(database, worker, period),
    ]);
    const worked = new Map(work.map((hour) => [hour.at, hour]));
    const paid = Map.groupBy(earned, ({ at }) => at);
    return [...new Set([...worked.keys(), ...paid.keys()])]
      .toSorted((a, b) => a - b)
      .map((at) => ({
        ...showWork(worked.get(at) ?? { at, worker, ...nothingDone }),
        earned: (paid.get(at) ?? []).map(({ asset, amount }) => amountOf(asset, amount)),
      }));
  };

  return [
    serve(whyApi.mine, ({ query, actor }) => readWhy(ownWorker(actor, query.worker), query.hours)),
    serve(whyApi.myMachines, ({ query, actor }) => readMachines(ownWorker(actor, query.worker))),
    serve(whyApi.myWork, ({ query, actor }) =>
      readOwnWork(ownWorker(actor, query.worker), query.by, query.hours),
    ),
    serve(whyApi.why, async ({ params, query }) =>
      readWhy((await byName(params.worker)).id, query.hours),
    ),
    serve(whyApi.machines, async ({ params }) => readMachines((await byName(params.worker)).id)),
    serve(whyApi.work, async ({ params, query }) =>
      readWork((await byName(params.worker)).id, query.by, query.hours),
    ),
    serve(whyApi.myFailures, ({ query, actor }) =>
      lastFailures(database, ownWorker(actor, query.worker)),
    ),
    serve(whyApi.facts, async ({ params }) =>
      (await parts.facts.of((await byName(params.worker)).id)).map(showFact),
    ),
    serve(whyApi.say, async ({ params, body, note }) => {
      const worker = await byName(params.worker);
      const before = await parts.facts.of(worker.id);
      const said = await parts.facts.say(worker.id, changesIn(body));
      if (!said.ok) throw new TributaryError(said.reason, 'This cannot be said of a worker.');
      const after = await parts.facts.of(worker.id);
      note({ target: worker.name, before: summary(before), after: summary(after) });
      return after.map(showFact);
    }),
  ];
}

const nothingDone = { jobs: 0, pixels: 0n, p50Ms: undefined, p95Ms: undefined, failures: {} };

function changesIn(body: {
  readonly hardwareClass?: string | null | undefined;
  readonly region?: string | null | undefined;
  readonly promise?: string | null | undefined;
}): FactChanges {
  const { hardwareClass, region, promise } = body;
  return {
    ...(hardwareClass === undefined ? {} : { hardware_class: hardwareClass }),
    ...(region === undefined ? {} : { region }),
    ...(promise === undefined ? {} : { promise }),
  };
}

function showFact({ id, kind, value, at }: Fact) {
  return { kind, value: value ?? '', since: at, evidence: `fact-${id}` };
}

function summary(facts: readonly Fact[]): object {
  return Object.fromEntries(facts.map(({ kind, value }) => [kind, value]));
}
