import { z } from 'zod';
import { PPM } from '../base/amounts.ts';
import { TributaryError } from '../base/errors.ts';
import type { ChainAction, ChainActions, OpenProposal } from '../duties/action-types.ts';
import { actionPhrase } from './chain-phrase.ts';
import { demandConsequence } from './consequence.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal, done, moment, units } from './shapes.ts';

/** A reason is stored on chain for ever, at a price by its length. */
const REASON_CHARS_MAX = 1_000;

export interface ChainRoutesParts {
  /** Undefined: the pool works off chain. */
  readonly chain: ChainActions | undefined;
}

const share = units.refine((value) => value <= PPM);
const account = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .transform((text) => text as `0x${string}`);

const action = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.literal('register'),
    bond: units,
    rewardCut: share,
    feeShare: share,
    serviceUri: z.string(),
  }),
  z.strictObject({ do: z.literal('set-service-uri'), serviceUri: z.string() }),
  z.strictObject({ do: z.literal('bond'), amount: units }),
  z.strictObject({ do: z.literal('unbond'), amount: z.union([z.literal('all'), units]) }),
  z.strictObject({ do: z.literal('rebond'), lock: units }),
  z.strictObject({ do: z.literal('withdraw-stake'), lock: units }),
  z.strictObject({ do: z.literal('set-cuts'), rewardCut: share, feeShare: share }),
  z.strictObject({ do: z.literal('reward') }),
  z.strictObject({
    do: z.literal('set-reward-caller'),
    caller: z.union([z.literal('none'), account]),
  }),
  z.strictObject({ do: z.literal('init-round') }),
  z.strictObject({
    do: z.literal('withdraw-fees'),
    amount: z.union([z.literal('all'), units]),
    to: account.optional(),
  }),
  z.strictObject({
    do: z.literal('vote'),
    proposal: units,
    support: z.enum(['for', 'against', 'abstain']),
    reason: z.string().max(REASON_CHARS_MAX),
  }),
  z.strictObject({ do: z.literal('vote-poll'), poll: account, choice: z.enum(['yes', 'no']) }),
  z.strictObject({
    do: z.literal('transfer'),
    asset: z.enum(['LPT', 'ETH']),
    amount: units,
    to: account,
  }),
]);

const hexText = z.string();
const planView = z.object({
  action: z.string(),
  steps: z.array(
    z.object({
      title: z.string(),
      contract: z.string(),
      method: z.string(),
      args: z.array(z.string()),
      from: hexText,
      to: hexText,
      value: decimal,
      data: hexText,
      gasLimit: decimal,
      costWei: decimal,
    }),
  ),
  costWei: decimal,
  gasPrice: decimal,
  movesLpt: decimal,
  movesWei: decimal,
  effects: z.array(z.string()),
  warnings: z.array(z.string()),
  signable: z.boolean(),
  phrase: z.string().describe('What people type to do it.'),
});

const progressView = z.object({
  id: z.string(),
  action: z.string(),
  state: z.enum(['running', 'done', 'failed']),
  version: z.int(),
  steps: z.array(
    z.object({
      title: z.string(),
      state: z.enum(['waiting', 'sent', 'done', 'failed']),
      transaction: hexText.optional(),
      text: z.string().optional(),
    }),
  ),
});

/** Wei and LPT in units of 10^-18, cuts in parts per million. */
const statusView = z.object({
  address: hexText,
  orchestrator: hexText,
  registered: z.boolean(),
  active: z.boolean(),
  round: decimal,
  roundInitialized: z.boolean(),
  roundLocked: z.boolean(),
  lastRewardRound: decimal,
  activationRound: decimal,
  deactivationRound: decimal.optional(),
  stake: decimal,
  ownStake: decimal,
  rewardCut: decimal,
  feeShare: decimal,
  pendingFees: decimal,
  serviceUri: z.string(),
  activeSet: z
    .object({
      place: z.int().optional().describe('From 1; left out: it is not in the set.'),
      members: z.int(),
      sizeMax: z.int(),
      leastStake: decimal,
    })
    .describe('As the next round will have it.'),
  unbondingLocks: z.array(z.object({ id: decimal, amount: decimal, withdrawRound: decimal })),
  balanceLpt: decimal,
  balanceWei: decimal,
  nodeBalanceWei: decimal,
  gasPrice: decimal,
  ticketsReceived: decimal,
  ticketsWon: decimal,
  ticketsRedeemed: decimal,
  redeemedWei: decimal,
  expectedValueWei: decimal,
  queuedWinners: decimal,
  ticketsWrittenOff: decimal,
  writtenOffWei: decimal,
  writtenOff: z.record(z.string(), decimal),
  gasSpentWei: decimal,
  openTransactions: z.int(),
  journalPaused: z.string().optional(),
  alarms: z.array(
    z.object({ kind: z.string(), since: z.number(), text: z.string(), advice: z.string() }),
  ),
});

const supported = z.enum(['for', 'against', 'abstain']);

/** LPT in units of 10^-18. */
const proposalsView = z.object({
  governor: hexText.nullable().describe('Null: the network has none.'),
  round: decimal,
  isComplete: z.boolean().describe('False: older blocks are looked at with the next question.'),
  items: z.array(
    z.object({
      id: decimal,
      title: z.string().describe('Anybody with enough stake writes it.'),
      description: z.string(),
      state: z.enum(['pending', 'active']),
      proposer: hexText,
      calls: z.int().describe('How many calls it would make when it wins.'),
      opensWithRound: decimal,
      lastRound: decimal.describe('Votes count until this round ends.'),
      endsAt: moment
        .nullable()
        .describe('About when that is, by the pace of the blocks until now.'),
      votes: z.object({ for: decimal, against: decimal, abstain: decimal }),
      quorum: decimal.nullable().describe('How much must be voted in all.'),
      power: decimal.nullable().describe("What this orchestrator's vote counts for."),
      hasVoted: z.boolean(),
      vote: supported.nullable().describe('What this orchestrator voted.'),
    }),
  ),
});

export const chainApi = {
  status: defineRoute({
    method: 'GET',
    path: '/api/v1/chain/status',
    access: 'viewer',
    summary: 'How the orchestrator stands on chain.',
    reply: statusView,
  }),
  proposals: defineRoute({
    method: 'GET',
    path: '/api/v1/chain/proposals',
    access: 'viewer',
    summary: 'What can be voted on in the governor of the protocol, and how the vote stands.',
    reply: proposalsView,
  }),
  prepare: defineRoute({
    method: 'POST',
    path: '/api/v1/chain/prepare',
    access: 'viewer',
    summary: 'What an action would do and cost; nothing is sent.',
    body: z.looseObject({ do: z.string() }),
    reply: planView,
    reads: true,
  }),
  submit: defineRoute({
    method: 'POST',
    path: '/api/v1/chain/submit',
    access: 'owner',
    summary: 'Do an action on chain.',
    body: z.looseObject({ do: z.string() }),
    reply: progressView,
    status: 202,
  }),
  callOff: defineRoute({
    method: 'POST',
    path: '/api/v1/chain/call-off',
    access: 'owner',
    summary: 'Call off a transaction of an action that no block shows yet; it may be too late.',
    body: z.object({ id: z.string().max(200) }),
    reply: done,
  }),
  progress: defineRoute({
    method: 'GET',
    path: '/api/v1/chain/actions/{id}/after/{version}',
    access: 'viewer',
    summary:
      'How an action stands, once there is something newer than a version, or after seconds.',
    reply: progressView,
  }),
} as const;

/**
 * `/api/v1/chain`: how the orchestrator stands, what an action would do (`prepare`), doing it
 * (`submit`), and how far it has got.
 */
export function chainRoutes({ chain }: ChainRoutesParts): readonly Route[] {
  const on = (): ChainActions => {
    if (chain) return chain;
    throw new TributaryError('chain_off', 'This pool works off chain.');
  };
  return [
    serve(chainApi.status, async () => on().status()),
    serve(chainApi.proposals, async () => {
      const { governor = null, round, isComplete, items } = await on().proposals();
      return { governor, round, isComplete, items: items.map(proposalView) };
    }),
    serve(chainApi.prepare, async ({ body }) => {
      const asked = actionIn(body);
      const prepared = await on().prepare(asked);
      if (!prepared.ok) throw new TributaryError(prepared.reason, prepared.text);
      return { ...prepared.plan, phrase: actionPhrase(asked) };
    }),
    serve(chainApi.submit, async ({ body: { confirm, ...body }, actor, note }) => {
      const asked = actionIn(body);
      demandConsequence(actor, confirm, actionPhrase(asked));
      const submitted = await on().submit(asked);
      if (!submitted.ok) throw new TributaryError(submitted.reason, submitted.text);
      note({ target: body.do, after: { id: submitted.progress.id } });
      return submitted.progress;
    }),
    serve(chainApi.callOff, async ({ body: { id }, note }) => {
      const calledOff = await on().callOff(id);
      if (!calledOff.ok) throw new TributaryError(calledOff.reason, calledOff.text);
      note({ target: id });
      return {};
    }),
    serve(chainApi.progress, async ({ params: { id, version } }) => {
      const known = /^\d{1,9}$/.test(version) ? Number(version) : -1;
      const progress = await on().progress(id, known);
      if (progress) return progress;
      throw new TributaryError('chain_submission_unknown', 'The pool knows no such action.');
    }),
  ];
}

function actionIn(body: Readonly<Record<string, unknown>>): ChainAction {
  const decoded = action.safeParse(body);
  if (!decoded.success) {
    const [issue] = decoded.error.issues;
    const where = issue?.path.join('.') || 'do';
    throw new TributaryError('setting_invalid', `"${where}" of the action is not allowed`);
  }
  const { data } = decoded;
  return data.do === 'withdraw-fees' ? { ...data, to: data.to ?? undefined } : data;
}

function proposalView({ endsAt, quorum, power, vote, ...proposal }: OpenProposal) {
  return {
    ...proposal,
    endsAt: endsAt ?? null,
    quorum: quorum ?? null,
    power: power ?? null,
    vote: vote ?? null,
  };
}
