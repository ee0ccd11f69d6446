import type { Hex } from 'viem';
import type { Instant } from '../base/clock.ts';
import type { Wei } from '../base/money.ts';

/** What the pool knows of the chain, all of it as of one block. */
export interface ChainView {
  /** Number and hash of that block (on Arbitrum an L2 block). */
  readonly block: bigint;
  readonly blockHash: Hex;
  /** What contracts see as `block.number`: the L1 block on Arbitrum, elsewhere the block itself. */
  readonly l1Block: bigint;
  /** When the block was made, as its header says. */
  readonly at: Instant;
  /** Protocol: RoundsManager.currentRound; nobody may have initialised it. */
  readonly currentRound: bigint;
  readonly roundInitialized: boolean;
  /** In L1 blocks. */
  readonly roundLength: bigint;
  readonly roundStartL1Block: bigint;
  /** The last so many L1 blocks of a round: orchestrators cannot change their commission in them. */
  readonly lockL1Blocks: bigint;
  /** What tickets are made for. A hash of 32 zero bytes is one that no ticket can be redeemed with. */
  readonly round: {
    readonly lastInitialized: bigint;
    readonly blockHash: Uint8Array;
    readonly previousBlockHash: Uint8Array;
  };
  /** Protocol: BondingManager.getTranscoderPoolSize. */
  readonly poolSize: bigint;
  /** Wei per gas, as the providers advise; see {@link acceptGasPrice}. */
  readonly gasPrice: bigint;
  /** Wei per gas, of the block; 0 where blocks have none. */
  readonly baseFeePerGas: bigint;
  /** Protocol: Controller.paused. */
  readonly paused: boolean;
  readonly recipient: Registration;
}

/** What the contracts say of the orchestrator that tickets name. */
export interface Registration {
  readonly active: boolean;
  /** Active in rounds from the first up to, and without, the second. */
  readonly activationRound: bigint;
  readonly deactivationRound: bigint;
  readonly lastRewardRound: bigint;
  /** Own and delegated stake, in 10^-18 LPT. */
  readonly stake: bigint;
  /** Parts of a million: of rewards kept. */
  readonly rewardCut: bigint;
  /** Parts of a million: of fees given to delegators. */
  readonly feeShare: bigint;
  /** Empty when none is registered. */
  readonly serviceUri: string;
}

/** What a gateway has in TicketBroker; the same fields as payments read. */
export interface SenderState {
  readonly deposit: Wei;
  /** What is left of the reserve. */
  readonly reserve: Wei;
  /** Out of the reserve, by everybody, in the current round. */
  readonly claimedInRound: Wei;
  /** Of it, by the recipient that this pool's tickets name. */
  readonly claimedByRecipient: Wei;
  /** 0: not unlocking. From this round on it may take everything back. */
  readonly withdrawRound: bigint;
}

/** A winning ticket that was used up on chain, whoever it was for. Protocol: WinningTicketRedeemed. */
export interface Redeemed {
  readonly ticketSender: Uint8Array;
  readonly recipient: Uint8Array;
  readonly faceValue: bigint;
  readonly winProb: bigint;
  readonly senderNonce: bigint;
  readonly recipientRand: bigint;
  readonly block: bigint;
  readonly transaction: Hex;
  /** The block is no longer part of the chain: what was told before did not happen. */
  readonly removed: boolean;
}

/** What is wrong with what the providers say, for a person to look at. */
export type WatchAlarm =
  /** No answer, so that the view is old. */
  | 'rpc_unavailable'
  /** The newest block is minutes old where one is made every second. */
  | 'head_old'
  /** Providers do not agree about the blocks. */
  | 'blocks_differ'
  /** One says other things of rounds, pool or registration than the others. */
  | 'view_differs'
  /** One says other things of a gateway's funds; the lowest are believed. */
  | 'funds_differ'
  /** One keeps events back, or makes some up; only what all have is told as redeemed. */
  | 'events_differ'
  /** The chain changed further back than is remembered. */
  | 'reorg_too_deep';

/** What a sender's state is, or why it could not be told; `cause` is fit for a gateway's eyes. */
export type SenderLoad =
  | { readonly ok: true; readonly state: SenderState }
  | { readonly ok: false; readonly cause: string };

/** A price that no chain of ours ever asked for, in wei per gas: whoever says so is wrong. */
const GAS_PRICE_MAX = 10n ** 15n;
/** Arbitrum's price of gas is the base fee of the block; a few blocks later not many times that. */
const ARBITRUM_BASE_FEES_MAX = 100n;

/**
 * The gas price to go on with: of the answers the lower middle one, so that no single provider drives
 * it. A price that cannot be is left out, and with none left the last one stays in force (wire:
 * go-livepeer eth/gaspricemonitor.go).
 */
export function acceptGasPrice(
  answers: readonly bigint[],
  { last, baseFeePerGas, arbitrum }: { last: bigint; baseFeePerGas: bigint; arbitrum: boolean },
): bigint {
  const most =
    arbitrum && baseFeePerGas > 0n ? baseFeePerGas * ARBITRUM_BASE_FEES_MAX : GAS_PRICE_MAX;
  const possible = answers.filter((price) => price >= 0n && price <= most);
  const sorted = possible.sort((a, b) => (a < b ? -1 : 1));
  return sorted[(sorted.length - 1) >> 1] ?? last;
}

/** How many L1 blocks the lock period is. Protocol: MathUtils.percOf(roundLength, roundLockAmount). */
export function lockL1Blocks(roundLength: bigint, roundLockAmount: bigint): bigint {
  return (roundLength * roundLockAmount) / 1_000_000n;
}
