import type { Address } from 'viem';
import { exactAmount, showEth, showLpt } from '../base/amounts.ts';
import type { Contracts } from '../chain/contracts.ts';
import type { ActionRefusal } from './action-types.ts';
import type { Standing } from './standing.ts';

/** Contracts that actions call, and two addresses that are not of the protocol's. */
export type CallTarget =
  | {
      readonly contract: Extract<
        keyof Contracts,
        'token' | 'bondingManager' | 'roundsManager' | 'serviceRegistry' | 'governor'
      >;
    }
  | { readonly contract: 'poll'; readonly at: Address }
  /** ETH alone. */
  | { readonly contract: 'account'; readonly at: Address };

/** One call of an action, before it is encoded. */
export type Call = CallTarget & {
  readonly title: string;
  /** Empty for a plain transfer of ETH. */
  readonly method: string;
  readonly args: readonly (bigint | string | number)[];
  readonly value: bigint;
  /** Whose call it has to be. */
  readonly from: 'orchestrator' | 'reward_caller' | 'anybody';
  /** Gas that such a call took at most, where it cannot be tried before the one before it is done. */
  readonly gas: bigint;
};

/** Refused, in words that name the figures. */
export interface Refused {
  readonly ok: false;
  readonly reason: ActionRefusal;
  readonly text: string;
}

/** What an action comes to. */
export interface Drafted {
  readonly ok: true;
  readonly calls: readonly Call[];
  readonly movesLpt: bigint;
  readonly movesWei: bigint;
  readonly effects: readonly string[];
  readonly warnings: readonly string[];
}

/** A decision about an action. */
export type Draft = Drafted | Refused;

/** Gas per call, the most that was measured; Arbitrum's share of L1 comes with the estimate. */
export const GAS = {
  approve: 60_000n,
  bond: 700_000n,
  unbond: 550_000n,
  rebond: 700_000n,
  withdrawStake: 150_000n,
  transcoder: 300_000n,
  setServiceUri: 150_000n,
  reward: 650_000n,
  setRewardCaller: 60_000n,
  initializeRound: 350_000n,
  withdrawFees: 350_000n,
  vote: 250_000n,
  transfer: 100_000n,
} as const;

/** A refusal. */
export function refuse(reason: ActionRefusal, text: string): Refused {
  return { ok: false, reason, text };
}

/** A draft out of what is particular to it. */
export function drafted(
  calls: readonly Call[],
  more: Partial<Omit<Drafted, 'ok' | 'calls'>> = {},
): Drafted {
  return { ok: true, calls, movesLpt: 0n, movesWei: 0n, effects: [], warnings: [], ...more };
}

/** A call of BondingManager by the orchestrator. */
export function bondingCall(title: string, method: string, args: Call['args'], gas: bigint): Call {
  return { contract: 'bondingManager', title, method, args, value: 0n, from: 'orchestrator', gas };
}

/** What nearly every call of BondingManager asks for first, in its order. */
export function bondingOpen(standing: Standing): Refused | undefined {
  if (standing.paused) return refuse('chain_paused', 'The protocol is paused.');
  if (standing.roundInitialized) return undefined;
  const text = `Round ${standing.round} is not initialised; no stake moves until it is.`;
  return refuse('chain_round_not_initialized', text);
}

/**
 * Claiming before the reward call of a round loses the own stake's share of that reward.
 * protocol: BondingManager.updateClaimEarnings, EarningsPool factors.
 */
export function rewardFirst(standing: Standing): readonly string[] {
  if (!standing.active || standing.lastRewardRound >= standing.round) return [];
  return [
    `The reward of round ${standing.round} is not called yet. This claims your earnings first, and your own stake's share of that reward would be lost: run \`tributary chain reward\` before.`,
  ];
}

/** An amount with all its digits where four do not say it. */
export function lpt(amount: bigint): string {
  const short = showLpt(amount);
  return short.replaceAll(',', '') === `${exactAmount(amount)} LPT` || amount === 0n
    ? short
    : `${exactAmount(amount)} LPT`;
}

/** The same in ETH. */
export function eth(amount: bigint): string {
  const short = showEth(amount);
  return short.replaceAll(',', '') === `${exactAmount(amount)} ETH` || amount === 0n
    ? short
    : `${exactAmount(amount)} ETH`;
}
