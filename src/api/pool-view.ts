import { z } from 'zod';
import { amount, decimal, moment } from './shapes.ts';

/** One side of the river: a gateway or worker, and the pixels that flow there in a second. */
const end = z.object({ label: z.string(), pixelsPerSecond: z.number() });

/** What a pool says of itself to everybody: identity, terms, what flows now, how it performs. */
export const poolView = z.object({
  name: z.string(),
  /** Of the program. */
  version: z.string(),
  /** Where gateways and workers reach it. */
  serviceUri: z.string(),
  /** The orchestrator on its chain; null off-chain. */
  chain: z
    .object({
      id: z.string(),
      orchestrator: z.string(),
      /** Who signs for it; the orchestrator itself, unless its key is cold. */
      account: z.string(),
      /** Null until the chain was asked. */
      standing: z
        .object({
          active: z.boolean(),
          /** Own and delegated. */
          stake: amount,
          /** What the orchestrator keeps of rewards, and of fees, in parts per million. */
          rewardCutPpm: decimal,
          feeCutPpm: decimal,
          /** As the registry on the chain has it; null when nothing is registered. */
          serviceUri: z.string().nullable(),
          round: decimal,
        })
        .nullable(),
    })
    .nullable(),
  /** The operator's own word, as the manifest has it; null where nothing is said. */
  operator: z.object({
    name: z.string().nullable(),
    contact: z.string().nullable(),
    region: z.string().nullable(),
    /** Whether owners of GPUs may ask to join. */
    outsideGpus: z.boolean(),
    hardware: z.string().nullable(),
  }),
  terms: z.object({
    /** 0: the defaults, before any were published. */
    current: z.int(),
    versions: z.array(
      z.object({
        version: z.int(),
        startsAtEpoch: decimal,
        publishedAt: moment,
        digest: z.string(),
      }),
    ),
  }),
  epoch: z.object({ number: decimal, openedAt: moment, endsAt: moment.nullable() }),
  /** What a worker can be given here. */
  capabilities: z.array(z.string()),
  now: z.object({
    streams: z.int(),
    capacity: z.int(),
    workersConnected: z.int(),
    workersEnrolled: z.int(),
    gateways: z.array(end),
    workers: z.array(end),
    /** Of recent segments; null before the first. */
    addedLatencyMs: z.object({ p50: z.number(), p99: z.number() }).nullable(),
  }),
  /** Since the pool was founded. */
  totals: z.object({ segments: z.int(), failed: z.int(), pixels: decimal }),
  payouts: z.object({
    count: z.int(),
    workers: z.int(),
    /** Paid later than the terms say. */
    late: z.int(),
    paid: z.array(amount),
    lastAt: moment.nullable(),
    nextAt: moment.nullable(),
    /** What waits until somebody, or enough money, lets it go on; empty: nothing does. */
    paused: z.array(
      z.object({
        asset: z.string().nullable().describe('Null: everything.'),
        since: moment,
        text: z.string().describe('Why, and what comes of it.'),
      }),
    ),
  }),
  /** What workers are owed now, and what the pool's accounts hold against it; null off-chain. */
  solvency: z.object({ owed: z.array(amount), held: z.array(amount).nullable() }),
});
/** {@link poolView} as its readers have it. */
export type PoolView = z.output<typeof poolView>;
