import { z } from 'zod';
import type { WorkerView } from '../dispatch/dispatch-types.ts';
import { failureViews } from '../workers/failures.ts';
import type { Work } from '../workers/history-store.ts';
import type { Incident } from '../workers/incidents-store.ts';
import type { MachineView } from '../workers/machines.ts';
import { type Why, whyReasons } from '../workers/why.ts';
import { amount, decimal, moment } from './shapes.ts';

/** Jobs by hour. */
const curve = z.array(z.object({ hour: moment, jobs: z.int() }));

/** Why a worker got no work. */
export const whyView = z.object({
  text: z.string().describe('All of it in sentences.'),
  verdict: z.enum(['no_demand', 'fair_share', 'missed']),
  since: moment,
  until: moment,
  jobs: z.int().describe('Jobs that came to the pool.'),
  couldHaveTaken: z.int(),
  got: z.int(),
  parts: z.array(
    z.object({
      reason: z.enum(whyReasons),
      jobs: z.int(),
      text: z.string(),
      step: z.string().nullable().describe('What would change it; null: nothing can be done.'),
    }),
  ),
  speed: z.object({
    mineMs: z.number().nullable().describe('95 of 100 results were judged within it.'),
    theirsMs: z.number().nullable(),
  }),
  notAsked: z.array(z.string()).describe('What it offers and nothing asked for.'),
  lacking: z.array(z.object({ capability: z.string(), jobs: z.int() })),
  curve: curve.describe('Jobs of the last days by hour.'),
});

export function showWhy(why: Why): z.input<typeof whyView> {
  const { period, speed, parts, ...rest } = why;
  return {
    ...rest,
    ...period,
    speed: { mineMs: speed.mineMs ?? null, theirsMs: speed.theirsMs ?? null },
    parts: parts.map((part) => ({ ...part, step: part.step ?? null })),
    notAsked: [...rest.notAsked],
    lacking: [...rest.lacking],
    curve: [...rest.curve],
  };
}

/** A machine as it said of itself; where it is, is not known here. */
export const machineView = z.object({
  connection: z.string(),
  software: z.enum(['tributary', 'stock']),
  version: z.string(),
  capacity: z.int(),
  capabilities: z.array(z.string()),
  distanceMs: z.int().describe('Round trip when it connected.'),
  devices: z.array(z.object({ name: z.string(), sessions: z.int() })),
  joinedAt: moment,
  leftAt: moment.nullable().describe('Null: it is connected.'),
  leftBecause: z.string().nullable(),
  sessions: z.int().nullable().describe('Sessions that it serves now; null: it is not connected.'),
  quarantinedUntil: moment.nullable().describe('An operator took this machine off work.'),
});

export function showMachine(
  machine: MachineView,
  now: WorkerView['connections'][number] | undefined,
): z.input<typeof machineView> {
  const { worker, leftAt, leftBecause, capabilities, device, ...rest } = machine;
  return {
    ...rest,
    capabilities: [...capabilities],
    devices: [...(device?.devices ?? [])],
    leftAt: leftAt ?? null,
    leftBecause: leftBecause ?? null,
    sessions: now?.load ?? null,
    quarantinedUntil: now?.quarantinedUntilAt ?? null,
  };
}

/** What a worker did in an hour or a day. */
export const workView = z.object({
  at: moment,
  jobs: z.int(),
  pixels: decimal,
  p50Ms: z.int().nullable(),
  p95Ms: z.int().nullable(),
  failures: z.array(
    z.object({ what: z.string(), count: z.int(), text: z.string(), step: z.string() }),
  ),
});

/** The same with what its receipts come to, which only its owner is shown by the hour. */
export const ownWorkView = workView.extend({
  earned: z
    .array(amount)
    .nullable()
    .describe(
      'Before the terms are applied; empty: no receipt named an amount. Null by day: see statements.',
    ),
});

export function showWork(work: Work): z.input<typeof workView> {
  const { at, jobs, pixels, p50Ms, p95Ms, failures } = work;
  return {
    ...{ at, jobs, pixels },
    p50Ms: p50Ms ?? null,
    p95Ms: p95Ms ?? null,
    failures: [...failureViews(failures)],
  };
}

/** One attempt that came to nothing. */
export const failureView = z.object({
  at: moment,
  job: z.string(),
  what: z.string(),
  text: z.string(),
  step: z.string().describe('What to do about it.'),
});

/** What went wrong, or is planned. */
export const incidentView = z.object({
  id: decimal,
  kind: z.enum(['incident', 'maintenance']),
  title: z.string(),
  startsAt: moment,
  endsAt: moment.nullable().describe('Null: it goes on.'),
  closedAt: moment.nullable(),
  automatic: z.boolean().describe('The pool opened it by itself.'),
  updates: z.array(z.object({ at: moment, text: z.string() })),
});

export function showIncident(incident: Incident): z.input<typeof incidentView> {
  return {
    ...incident,
    endsAt: incident.endsAt ?? null,
    closedAt: incident.closedAt ?? null,
    updates: [...incident.updates],
  };
}
