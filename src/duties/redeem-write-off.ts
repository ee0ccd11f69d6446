import type { Hex } from 'viem';
import { hex } from '../base/bytes.ts';
import { wei } from '../base/money.ts';
import {
  decideRedemption,
  isFinalRevert,
  type RedemptionView,
  type WriteOffReason,
} from '../payments/redemption.ts';
import type { StoredWinner, WinnerEnd } from '../payments/winners-store.ts';
import { paymentsIn } from './redeem-calls.ts';
import type { RedeemingChain } from './redeem-chain.ts';

/** A block that will not be undone, as all providers see it. */
export interface FinalView {
  readonly block: bigint;
  readonly currentRound: bigint;
}

/** Looks where the chain will not change any more. Throws TributaryError `rpc_unavailable`. */
export async function finalView(chain: RedeemingChain): Promise<FinalView> {
  const block = await chain.finalBlock();
  return { block, currentRound: await chain.currentRound(block) };
}

/**
 * How a ticket that looks lost ends: what cannot be taken back is decided by what cannot change any
 * more, and by what all providers say. A ticket that somebody else redeemed was paid all the same.
 * `alive`: it was refused in a block that was undone, or by a provider that lied. Undefined: not yet.
 *
 * Throws TributaryError `rpc_unavailable`.
 */
export async function endOfLost(
  { chain, ticketBroker }: { readonly chain: RedeemingChain; readonly ticketBroker: Hex },
  { queued, reason }: { readonly queued: StoredWinner; readonly reason: WriteOffReason },
  at: {
    readonly view: RedemptionView;
    /** The events up to this block were told. */
    readonly seenBlock: bigint;
    readonly final: FinalView;
  },
): Promise<WinnerEnd | 'alive' | undefined> {
  const { view, seenBlock, final } = at;
  // Nothing but the ticket itself says so.
  if (reason === 'no_block_hash' || reason === 'worthless') return writtenOff(reason);
  if (await chain.isUsed(queued.id, final.block)) {
    if (queued.seenIn) return paidElsewhere(chain, queued, { ticketBroker, final });
    // Only when everything up to there was told can it be that nobody knows by what.
    return final.block <= seenBlock ? writtenOff('already_used') : undefined;
  }
  const funds = await chain.finalFunding(queued.ticket, final.block);
  const decision = decideRedemption(
    queued,
    { ...view, currentRound: final.currentRound },
    { ...funds, pending: wei(0n), used: new Set() },
  );
  if (decision.action !== 'write_off') return undefined;
  if (decision.reason !== 'reverted') return writtenOff(decision.reason);
  const trial = await chain.tryOut(queued, final.block);
  return trial.ok || !isFinalRevert(trial.text) ? 'alive' : writtenOff('reverted');
}

/** Anybody may redeem; the money goes to the recipient. */
async function paidElsewhere(
  chain: RedeemingChain,
  { id, seenIn }: StoredWinner,
  { ticketBroker, final }: { readonly ticketBroker: Hex; readonly final: FinalView },
): Promise<WinnerEnd | undefined> {
  if (!seenIn) return undefined;
  const receipt = await chain.receipt(`0x${hex(seenIn)}`);
  if (!receipt || BigInt(receipt.blockNumber) > final.block) return undefined;
  const paid = paymentsIn(receipt, ticketBroker).get(id);
  return paid === undefined ? undefined : { state: 'redeemed', transaction: seenIn, paid };
}

function writtenOff(reason: WriteOffReason): WinnerEnd {
  return { state: 'written_off', reason };
}
