import type { Hex } from 'viem';
import type { ErrorCode } from '../base/errors.ts';
import type { WriteOffReason } from '../payments/redemption.ts';
import type { Alarm } from './alarms.ts';

/**
 * What an operator may ask the orchestrator to do on chain. Amounts of LPT and ETH in units of
 * 10^-18, cuts in parts per million.
 */
export type ChainAction =
  | {
      readonly do: 'register';
      /** LPT that are bonded in the end; what is bonded already counts. */
      readonly bond: bigint;
      readonly rewardCut: bigint;
      readonly feeShare: bigint;
      readonly serviceUri: string;
    }
  | { readonly do: 'set-service-uri'; readonly serviceUri: string }
  | { readonly do: 'bond'; readonly amount: bigint }
  | { readonly do: 'unbond'; readonly amount: bigint | 'all' }
  | { readonly do: 'rebond'; readonly lock: bigint }
  | { readonly do: 'withdraw-stake'; readonly lock: bigint }
  | { readonly do: 'set-cuts'; readonly rewardCut: bigint; readonly feeShare: bigint }
  | { readonly do: 'reward' }
  | { readonly do: 'set-reward-caller'; readonly caller: Hex | 'none' }
  | { readonly do: 'init-round' }
  | {
      readonly do: 'withdraw-fees';
      readonly amount: bigint | 'all';
      /** Undefined: the orchestrator itself. */
      readonly to: Hex | undefined;
    }
  | {
      readonly do: 'vote';
      readonly proposal: bigint;
      readonly support: Support;
      readonly reason: string;
    }
  | { readonly do: 'vote-poll'; readonly poll: Hex; readonly choice: 'yes' | 'no' }
  | {
      readonly do: 'transfer';
      readonly asset: 'LPT' | 'ETH';
      readonly amount: bigint;
      readonly to: Hex;
    };

/** What can be voted. protocol: LivepeerGovernor, GovernorCountingOverridable: VoteType. */
export type Support = 'for' | 'against' | 'abstain';

/** A proposal of the governor on which votes count, or soon will. LPT in units of 10^-18. */
export interface OpenProposal {
  readonly id: bigint;
  /** The first line of its text, and the rest; anybody with enough stake writes it. */
  readonly title: string;
  readonly description: string;
  /** `pending`: votes do not count yet. */
  readonly state: 'pending' | 'active';
  readonly proposer: Hex;
  /** How many calls it would make when it wins; none of them is judged here. */
  readonly calls: number;
  readonly opensWithRound: bigint;
  /** Votes count until this round ends. */
  readonly lastRound: bigint;
  /** About when that is, by the pace of the blocks until now; undefined where nothing tells. */
  readonly endsAt: number | undefined;
  readonly votes: Readonly<Record<Support, bigint>>;
  /** How much must be voted in all; undefined before the vote begins. */
  readonly quorum: bigint | undefined;
  /** What the orchestrator's vote counts for; undefined before the vote begins. */
  readonly power: bigint | undefined;
  readonly hasVoted: boolean;
  /** What it voted, where that was found. */
  readonly vote: Support | undefined;
}

/** What a governor has open. */
export interface OpenProposals {
  /** Undefined: the network has none. */
  readonly governor: Hex | undefined;
  readonly round: bigint;
  /** False: the look at older blocks goes on with the next question. */
  readonly isComplete: boolean;
  /** The newest first. */
  readonly items: readonly OpenProposal[];
}

/** Why an action cannot be done now; each is also the code of an error with its advice. */
export type ActionRefusal = Extract<
  ErrorCode,
  | 'chain_unseen'
  | 'chain_paused'
  | 'chain_round_not_initialized'
  | 'chain_round_initialized'
  | 'chain_round_locked'
  | 'chain_not_registered'
  | 'chain_not_active'
  | 'chain_nothing_to_do'
  | 'chain_amount_wrong'
  | 'chain_funds_short'
  | 'chain_lock_unknown'
  | 'chain_lock_waiting'
  | 'chain_reward_called'
  | 'chain_reward_first'
  | 'chain_stake_pending'
  | 'chain_service_uri_invalid'
  | 'chain_address_invalid'
  | 'chain_vote_closed'
  | 'chain_unsupported'
  | 'chain_key_missing'
  | 'chain_busy'
  | 'chain_would_fail'
>;

/** One transaction of an action, ready to be signed, here or elsewhere. */
export interface PlanStep {
  /** A sentence of what it does: `Bond 100 LPT to yourself`. */
  readonly title: string;
  readonly contract: string;
  readonly method: string;
  readonly args: readonly string[];
  readonly from: Hex;
  readonly to: Hex;
  readonly value: bigint;
  readonly data: Hex;
  /** Gas that is allowed for. */
  readonly gasLimit: bigint;
  /** Expected wei for gas at the price of now. */
  readonly costWei: bigint;
}

/** What an action will do, what it costs and what to mind; nothing has been sent for it. */
export interface Plan {
  readonly action: ChainAction['do'];
  readonly steps: readonly PlanStep[];
  /** Sum of the steps. */
  readonly costWei: bigint;
  readonly gasPrice: bigint;
  /** Leaves the orchestrator's account, apart from gas. */
  readonly movesLpt: bigint;
  readonly movesWei: bigint;
  /** What is different afterwards, a sentence each. */
  readonly effects: readonly string[];
  readonly warnings: readonly string[];
  /** False: the key is kept elsewhere, and the steps are to be signed there. */
  readonly signable: boolean;
}

/** How far one step of a submitted action has got. */
export interface StepProgress {
  readonly title: string;
  readonly state: 'waiting' | 'sent' | 'done' | 'failed';
  readonly transaction: Hex | undefined;
  /** Why it failed, in words. */
  readonly text: string | undefined;
}

/** A submitted action. */
export interface Progress {
  readonly id: string;
  readonly action: ChainAction['do'];
  readonly state: 'running' | 'done' | 'failed';
  /** Grows with every change. */
  readonly version: number;
  readonly steps: readonly StepProgress[];
}

/** LPT on its way out of the bond. */
export interface UnbondingLock {
  readonly id: bigint;
  readonly amount: bigint;
  /** It can be withdrawn from this round on. */
  readonly withdrawRound: bigint;
}

/** The orchestrators with the largest stakes, as the next round will have them. */
export interface ActiveSet {
  /** Of this orchestrator, from 1; undefined: it is not among them. */
  readonly place: number | undefined;
  readonly members: number;
  readonly sizeMax: number;
  /** The smallest stake in it. */
  readonly leastStake: bigint;
}

/** What `tributary chain status` shows. Wei and LPT in units of 10^-18; cuts in parts per million. */
export interface ChainStatus {
  /** The node account, which signs results and is `OrchestratorInfo.address`. */
  readonly address: Hex;
  readonly orchestrator: Hex;
  readonly registered: boolean;
  readonly active: boolean;
  readonly round: bigint;
  readonly roundInitialized: boolean;
  readonly roundLocked: boolean;
  readonly lastRewardRound: bigint;
  readonly activationRound: bigint;
  /** Undefined: it stays active. */
  readonly deactivationRound: bigint | undefined;
  /** All that is bonded to the orchestrator. */
  readonly stake: bigint;
  /** Its own part of the stake. */
  readonly ownStake: bigint;
  readonly rewardCut: bigint;
  readonly feeShare: bigint;
  readonly pendingFees: bigint;
  readonly serviceUri: string;
  readonly activeSet: ActiveSet;
  readonly unbondingLocks: readonly UnbondingLock[];
  readonly balanceLpt: bigint;
  readonly balanceWei: bigint;
  /** What pays for gas of the node account. */
  readonly nodeBalanceWei: bigint;
  readonly gasPrice: bigint;
  readonly ticketsReceived: bigint;
  readonly ticketsWon: bigint;
  readonly ticketsRedeemed: bigint;
  readonly redeemedWei: bigint;
  readonly expectedValueWei: bigint;
  readonly queuedWinners: bigint;
  /** Winning tickets that brought nothing and never will, by why; and their face values. */
  readonly ticketsWrittenOff: bigint;
  readonly writtenOffWei: bigint;
  readonly writtenOff: Readonly<Partial<Record<WriteOffReason, bigint>>>;
  readonly gasSpentWei: bigint;
  /** Transactions that are on their way, over all accounts. */
  readonly openTransactions: number;
  /** Why nothing is sent just now. */
  readonly journalPaused: string | undefined;
  readonly alarms: readonly Alarm[];
}

/** What the admin API and through it `tributary chain` can ask of a pool on chain. */
export interface ChainActions {
  /** Throws `chain_unseen` before the first look at the chain, `rpc_unavailable`. */
  status(): Promise<ChainStatus>;
  /** What the governor lets vote on. Throws `rpc_unavailable`. */
  proposals(): Promise<OpenProposals>;
  /** Sends nothing. */
  prepare(
    action: ChainAction,
  ): Promise<
    | { readonly ok: true; readonly plan: Plan }
    | { readonly ok: false; readonly reason: ActionRefusal; readonly text: string }
  >;
  /** Prepares again, and sends the steps one after the other through the journal. */
  submit(
    action: ChainAction,
  ): Promise<
    | { readonly ok: true; readonly progress: Progress }
    | { readonly ok: false; readonly reason: ActionRefusal; readonly text: string }
  >;
  /**
   * Calls off a transaction of an action that no block shows yet: unsigned it is dropped, sent it is
   * replaced by one that does nothing. It may be too late. Only what an operator asked for.
   */
  callOff(
    intent: string,
  ): Promise<
    | { readonly ok: true }
    | { readonly ok: false; readonly reason: ActionRefusal; readonly text: string }
  >;
  /**
   * How a submitted action stands, once its version is higher than `known` or after some seconds;
   * undefined when there is none of that id since the start.
   */
  progress(id: string, known?: number): Promise<Progress | undefined>;
}
