import { z } from 'zod';
import { statementLine } from './epochs-routes.ts';
import { amount, decimal, moment, pageOf } from './shapes.ts';

/** A line of the books as the worker sees it: more than zero is owed to it. */
export const line = z.object({
  cursor: z.string().describe('Posting and line: its place in the books.'),
  at: moment,
  account: z.string(),
  amount,
  balance: amount.describe('Of the account, behind this line.'),
  kind: z.string(),
  cause: z.string(),
  epoch: decimal.nullable(),
  note: z.string().nullable(),
});

/** A receipt without its signature. */
export const receipt = z.object({
  sequence: decimal,
  hash: z.string(),
  at: moment,
  epoch: decimal,
  job: z.string(),
  kind: z.int().describe('1: a segment of video.'),
  units: decimal,
  basis: z.enum(['none', 'gateway_price', 'terms_rate']),
  amount: amount.nullable(),
  deviceMs: z.int(),
  previous: z.string(),
});

/** What is owed, waits and was paid, and each epoch. */
export const earnings = pageOf(
  z.object({
    epoch: decimal,
    worker: z.string(),
    openedAt: moment,
    endedAt: moment,
    termsVersion: z.int(),
    units: decimal,
    owed: z.array(amount),
  }),
).extend({
  totals: z.array(
    z.object({
      worker: z.string(),
      owed: z.array(amount).describe('Goes out with the next payout that is due.'),
      heldBack: z.array(amount).describe('Is owed later, by the terms.'),
      awarded: z.array(amount).describe('By disputes, until the epoch is settled.'),
      paid: z.array(amount),
    }),
  ),
});

/** What an epoch came to for one worker. */
export const statement = z.object({
  epoch: decimal,
  worker: z.string(),
  openedAt: moment,
  endedAt: moment.nullable(),
  termsVersion: z.int(),
  root: z.string().describe('Of the tree that is published with the epoch.'),
  recorded: z.boolean(),
  units: decimal,
  owed: z.array(amount),
  cumulative: z.array(amount).describe('Of all epochs until this one.'),
  lines: z.array(statementLine),
});

/** A payout of the worker's own. */
export const payout = z.object({
  id: z.string(),
  worker: z.string(),
  state: z.string(),
  reason: z.string().nullable(),
  createdAt: moment,
  endedAt: moment.nullable(),
  amount: amount.describe('What was meant to arrive.'),
  received: amount.nullable(),
  to: z.string().nullable(),
  reference: z.string().nullable().describe('The transaction, or what a bank calls it.'),
});
