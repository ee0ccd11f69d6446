import { parseHex } from '../base/bytes.ts';
import { keccak256 } from '../base/keccak.ts';
import type { Terms } from '../terms/terms.ts';

/** When income counts: at the expected value of each ticket, or by what the contract paid. */
export type IncomePolicy = Terms['income']['recognised'];

/** Wei, each a sum over all time; nothing of it ever falls. */
export interface IncomeMark {
  /** Expected value of credited tickets that is posted. */
  readonly expected: bigint;
  /** Paid for winning tickets. */
  readonly redeemed: bigint;
  /** What of either counted as income so far. */
  readonly recognised: bigint;
}

/**
 * What counts as income now and did not before. Where the policy changes, what counted under the old
 * one is not taken back: nothing more counts until the new one has reached it.
 */
export function newIncome(policy: IncomePolicy, mark: IncomeMark): bigint {
  const due = policy === 'credited' ? mark.expected : mark.redeemed;
  return due > mark.recognised ? due - mark.recognised : 0n;
}

/** What a final transaction of the pool did, as far as the books care. */
export type ChainMove =
  /** Fees left BondingManager. */
  | { readonly move: 'fees_withdrawn'; readonly to: Uint8Array; readonly amount: bigint }
  | { readonly move: 'reward' }
  /** LPT may have left the account or come to it: by how much, its receipt tells. `stake`: it was or is that. */
  | { readonly move: 'own_lpt'; readonly stake: boolean }
  /** ETH went to somebody, without any call. */
  | { readonly move: 'sent'; readonly amount: bigint };

/** A transaction as the journal has it. */
export interface ChainCall {
  /** The name of its intent: `withdraw-fees:4021`. */
  readonly intent: string;
  readonly recipient: Uint8Array;
  readonly value: bigint;
  readonly calldata: Uint8Array;
}

/** Payouts are posted by those who pay, state by state. */
const PAYOUTS = /^payout[s]?[:-]/;

/** Reads a call; undefined for one that moves nothing which the books know of. */
export function chainMove(call: ChainCall, bondingManager: Uint8Array): ChainMove | undefined {
  const { recipient, value, calldata } = call;
  if (PAYOUTS.test(call.intent)) return undefined;
  if (calldata.length === 0) return value > 0n ? { move: 'sent', amount: value } : undefined;
  const selector = Buffer.from(calldata.subarray(0, SELECTOR_BYTES)).toString('hex');
  // Of whichever token: another one than LPT moves no LPT.
  if (selector === TRANSFER) return { move: 'own_lpt', stake: false };
  if (Buffer.compare(recipient, bondingManager) !== 0) return undefined;
  if (STAKES.has(selector)) return { move: 'own_lpt', stake: true };
  if (REWARDS.has(selector)) return { move: 'reward' };
  if (selector !== WITHDRAW_FEES || calldata.length !== SELECTOR_BYTES + 2 * WORD) return undefined;
  return {
    move: 'fees_withdrawn',
    to: calldata.slice(SELECTOR_BYTES + WORD - ADDRESS_BYTES, SELECTOR_BYTES + WORD),
    amount: BigInt(`0x${Buffer.from(calldata.subarray(SELECTOR_BYTES + WORD)).toString('hex')}`),
  };
}

const SELECTOR_BYTES = 4;
const WORD = 32;
const ADDRESS_BYTES = 20;
const selectorOf = (signature: string) =>
  Buffer.from(keccak256(Buffer.from(signature)).subarray(0, SELECTOR_BYTES)).toString('hex');

/** protocol: BondingManager.withdrawFees. Moves exactly the amount that is asked for, or reverts. */
const WITHDRAW_FEES = selectorOf('withdrawFees(address,uint256)');
/** protocol: BondingManager.reward and its variants. */
const REWARDS: ReadonlySet<string> = new Set(
  [
    'reward()',
    'rewardWithHint(address,address)',
    'rewardForTranscoder(address)',
    'rewardForTranscoderWithHint(address,address,address)',
  ].map(selectorOf),
);

/** Calls that turn LPT of the account into stake, and back. protocol: BondingManager. */
const STAKES: ReadonlySet<string> = new Set(
  [
    'bond(uint256,address)',
    'bondWithHint(uint256,address,address,address,address,address)',
    'withdrawStake(uint256)',
  ].map(selectorOf),
);
const TRANSFER = selectorOf('transfer(address,uint256)');

/** The bytes of a 20-byte address in hex. Throws RangeError when it is none. */
export function addressBytes(text: string): Uint8Array {
  const bytes = parseHex(text);
  if (bytes?.length !== ADDRESS_BYTES) throw new RangeError('not an address');
  return bytes;
}
