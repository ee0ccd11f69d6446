import { z } from 'zod';
import { amount, decimal, moment } from './shapes.ts';

/** A share from 0 to 1; null where nothing was looked at. */
const share = z.number().min(0).max(1).nullable();
const uptime = z.object({
  checks: z.int(),
  page: share.describe('Of the public address, with a manifest that holds.'),
  service: share.describe('Of the service URI: a TLS handshake.'),
});

/** How a pool stands in a directory. */
export const standing = z.enum(['verified', 'signed', 'failing', 'unreachable', 'refused', 'new']);

const check = z.object({
  name: z.enum(['manifest', 'identity', 'service', 'terms', 'proofs', 'payouts']),
  result: z.enum(['holds', 'fails', 'unknown']),
  text: z.string(),
  since: moment.nullable(),
});

/** A pool of a directory: what it says of itself, signed, and what was measured. */
export const listedPool = z.object({
  id: z.string(),
  url: z.string().describe('Where the seed list says that it is.'),
  standing,
  lookedAt: moment.nullable(),
  checks: z.array(check),
  /** Null: no manifest was ever in order. */
  says: z
    .object({
      name: z.string(),
      chainId: z.string(),
      orchestrator: z.string().nullable(),
      account: z.string().nullable(),
      serviceUri: z.string(),
      operator: z.object({
        name: z.string().nullable(),
        contact: z.string().nullable(),
        region: z.string().nullable(),
      }),
      outsideGpus: z.boolean(),
      hardware: z.string().nullable(),
      software: z.string(),
      issuedAt: z.string(),
      terms: z.object({
        version: z.int(),
        digest: z.string(),
        document: z
          .looseObject({})
          .describe('The terms; in lists without groups, multipliers, penalties and remarks.'),
      }),
    })
    .nullable(),
  /** As the contracts have it; null where the chain was not asked. */
  onChain: z
    .object({
      active: z.boolean(),
      stake: amount,
      rewardCutPpm: decimal,
      feeCutPpm: decimal,
      serviceUri: z.string().nullable(),
    })
    .nullable(),
  measured: z.object({
    uptime30: uptime,
    epochsHeld: z.int(),
    epochsPublished: z.int(),
    proofsAt: moment.nullable(),
    payouts: z.int(),
    payoutsOnChain: z.int(),
    payoutsLate: z.int(),
    workersOverdue: z
      .int()
      .describe('Owed more than the threshold for more than a day after the terms say it is paid.'),
    lastPayoutAt: moment.nullable(),
    paid: z.array(amount),
    credited: z.array(amount),
  }),
});

/** One of them, with what stands behind it. */
export const wholePool = listedPool.extend({
  days: z.array(uptime.extend({ day: z.string() })),
  epochs: z.array(
    z.object({
      epoch: decimal,
      digest: z.string(),
      closesAt: moment,
      checkedAt: moment,
      termsVersion: z.int(),
      steps: z.array(z.string()),
    }),
  ),
  terms: z.array(z.object({ version: z.int(), digest: z.string(), seenAt: moment })),
});

/** What the directory is, for the foot of its pages. */
export const directoryView = z.object({
  name: z.string(),
  version: z.string(),
  pools: z.int(),
  everyMs: z.int(),
  chainId: z.string().nullable(),
});

export type ListedPool = z.output<typeof listedPool>;
export type WholePool = z.output<typeof wholePool>;
export type DirectoryView = z.output<typeof directoryView>;
