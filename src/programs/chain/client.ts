import { z } from 'zod';
import { callerOf, decode, type RunningPool } from '../../api/admin-client.ts';
import type { ChainAction } from '../../duties/action-types.ts';

/** Many questions to nodes that may be far away, and one after the other. */
const ANSWER_MS_MAX = 60_000;

const units = z.string().regex(/^\d+$/).transform(BigInt);

const plan = z.object({
  action: z.string(),
  steps: z.array(
    z.object({
      title: z.string(),
      contract: z.string(),
      method: z.string(),
      args: z.array(z.string()),
      from: z.string(),
      to: z.string(),
      value: units,
      data: z.string(),
      gasLimit: units,
      costWei: units,
    }),
  ),
  costWei: units,
  gasPrice: units,
  movesLpt: units,
  movesWei: units,
  effects: z.array(z.string()),
  warnings: z.array(z.string()),
  signable: z.boolean(),
});

/** What an action will do, as the pool says. */
export type PlanView = z.infer<typeof plan>;

const progress = z.object({
  id: z.string(),
  action: z.string(),
  state: z.enum(['running', 'done', 'failed']),
  version: z.number(),
  steps: z.array(
    z.object({
      title: z.string(),
      state: z.enum(['waiting', 'sent', 'done', 'failed']),
      transaction: z.string().optional(),
      text: z.string().optional(),
    }),
  ),
});

/** How far an action has got, as the pool says. */
export type ProgressView = z.infer<typeof progress>;

const status = z.object({
  address: z.string(),
  orchestrator: z.string(),
  registered: z.boolean(),
  active: z.boolean(),
  round: units,
  roundInitialized: z.boolean(),
  roundLocked: z.boolean(),
  lastRewardRound: units,
  activationRound: units,
  deactivationRound: units.optional(),
  stake: units,
  ownStake: units,
  rewardCut: units,
  feeShare: units,
  pendingFees: units,
  serviceUri: z.string(),
  unbondingLocks: z.array(z.object({ id: units, amount: units, withdrawRound: units })),
  balanceLpt: units,
  balanceWei: units,
  nodeBalanceWei: units,
  gasPrice: units,
  ticketsReceived: units,
  ticketsWon: units,
  ticketsRedeemed: units,
  redeemedWei: units,
  expectedValueWei: units,
  queuedWinners: units,
  ticketsWrittenOff: units,
  writtenOffWei: units,
  writtenOff: z.record(z.string(), units),
  gasSpentWei: units,
  openTransactions: z.number(),
  journalPaused: z.string().optional(),
  alarms: z.array(
    z.object({ kind: z.string(), since: z.number(), text: z.string(), advice: z.string() }),
  ),
});

/** How the orchestrator stands, as the pool says. */
export type StatusView = z.infer<typeof status>;

const proposals = z.object({
  governor: z.string().nullable(),
  round: units,
  isComplete: z.boolean(),
  items: z.array(
    z.object({
      id: units,
      title: z.string(),
      description: z.string(),
      state: z.enum(['pending', 'active']),
      proposer: z.string(),
      calls: z.number(),
      opensWithRound: units,
      lastRound: units,
      endsAt: z.string().nullable(),
      votes: z.object({ for: units, against: units, abstain: units }),
      quorum: units.nullable(),
      power: units.nullable(),
      hasVoted: z.boolean(),
      vote: z.enum(['for', 'against', 'abstain']).nullable(),
    }),
  ),
});

/** What can be voted on, as the pool says. */
export type ProposalsView = z.infer<typeof proposals>;

/** The chain part of a running pool's admin API. Every call throws a TributaryError when refused. */
export interface ChainClient {
  status(): Promise<StatusView>;
  proposals(): Promise<ProposalsView>;
  prepare(action: ChainAction): Promise<PlanView>;
  submit(action: ChainAction): Promise<ProgressView>;
  /** Waits for news behind `version`. */
  progress(id: string, version: number): Promise<ProgressView>;
}

/** A client of the pool. */
export function createChainClient(pool: RunningPool): ChainClient {
  const call = callerOf(pool);
  const path = '/api/v1/chain';
  const post = (verb: string, action: ChainAction) =>
    call('POST', `${path}/${verb}`, action, ANSWER_MS_MAX);
  const get = (rest: string) => call('GET', `${path}/${rest}`, undefined, ANSWER_MS_MAX);
  return {
    status: async () => decode(status, await get('status')),
    proposals: async () => decode(proposals, await get('proposals')),
    prepare: async (action) => decode(plan, await post('prepare', action)),
    submit: async (action) => decode(progress, await post('submit', action)),
    progress: async (id, version) =>
      decode(progress, await get(`actions/${encodeURIComponent(id)}/after/${version}`)),
  };
}
