import { equalBytes, toHex } from './bytes.ts';
import { type ProofHashing, ZERO_HASH } from './hashing.ts';
import { amountFor, type Receipt, receiptHash, type SignedReceipt } from './receipt.ts';
import type { VerifyEd25519 } from './signatures.ts';
import type { PoolIdentity } from './statement.ts';

/** What is wrong with a chain of receipts, with the sentence that a worker reads. */
export const chainFaultTexts = {
  pool_differs: 'is of another pool or chain',
  worker_differs: 'is of another worker',
  key_unknown: 'is signed by a key that the pool does not name',
  signature_wrong: 'has a wrong signature',
  sequence_repeated: 'has a number that another receipt has, too',
  sequence_missing: 'does not follow: receipts before it are missing',
  sequence_back: 'has a lower number than the one before it',
  previous_differs: 'does not name the receipt before it: the chain was forked or changed',
  epoch_back: 'is of an earlier epoch than the one before it',
  amount_wrong: 'has another amount than its units and its price come to',
  units_sum_wrong: 'adds up the units of the epoch wrongly',
  amount_sum_wrong: 'adds up the amounts of the epoch wrongly',
} as const;

export type ChainFault = keyof typeof chainFaultTexts;

/** Where a chain stands: what its next receipt has to follow. */
export interface ChainHead {
  readonly sequence: bigint;
  /** 32 bytes; zeros before the first receipt. */
  readonly hash: Uint8Array;
  /** Of the last receipt, as are the sums; undefined before the first and where they are unknown. */
  readonly sums: ChainSums | undefined;
}

/** What a worker did in one epoch, up to a receipt. */
export interface ChainSums {
  readonly epoch: bigint;
  readonly units: bigint;
  /** By asset; work without a price is not in it. */
  readonly amounts: ReadonlyMap<string, bigint>;
}

/** Before a worker's first receipt. */
export const chainStart: ChainHead = {
  sequence: 0n,
  hash: ZERO_HASH,
  sums: { epoch: 0n, units: 0n, amounts: new Map() },
};

/** A chain without fault, or the first receipt at which it has one. */
export type ChainChecked =
  | { readonly ok: true; readonly head: ChainHead }
  | { readonly ok: false; readonly reason: ChainFault; readonly sequence: bigint };

/** What the receipts of a chain have to be of. */
export interface ChainRules {
  readonly identity: PoolIdentity;
  readonly worker: string;
  /** The pool's receipt keys, hex; a receipt of another one is none of the pool's. */
  readonly keys: ReadonlySet<string>;
  readonly hashing: ProofHashing;
  readonly verifyEd25519: VerifyEd25519;
  /**
   * `last`: only the signature of the last receipt is checked; it stands for all before it, which it
   * names by hash. `every`: each one, some 50 us more for each.
   */
  readonly signatures: 'last' | 'every';
}

/**
 * Checks receipts of one worker in their order, from a known head on: complete, chained, signed,
 * reckoned and added up rightly. The first that is wrong is named.
 */
export function checkReceipts(
  receipts: readonly SignedReceipt[],
  from: ChainHead,
  rules: ChainRules,
): ChainChecked {
  let head = from;
  for (const [at, signed] of receipts.entries()) {
    const { receipt, body } = signed;
    const { sequence } = receipt;
    const wrong = (reason: ChainFault) => ({ ok: false, reason, sequence }) as const;
    const stranger = identityFault(receipt, rules);
    if (stranger) return wrong(stranger);
    const added = add(head.sums, receipt);
    const fault = followFault(receipt, head) ?? (added.ok ? undefined : added.reason);
    // What is wrong because somebody changed it shows in its signature: then that is the fault.
    const isChecked = fault !== undefined || rules.signatures === 'every';
    if ((isChecked || at === receipts.length - 1) && !isSigned(signed, rules.verifyEd25519)) {
      return wrong('signature_wrong');
    }
    const before = receipts[at - 1];
    if (fault === 'previous_differs' && before && !isSigned(before, rules.verifyEd25519)) {
      return { ok: false, reason: 'signature_wrong', sequence: before.receipt.sequence };
    }
    if (fault) return wrong(fault);
    if (added.ok) head = { sequence, hash: receiptHash(body, rules.hashing), sums: added.sums };
  }
  return { ok: true, head };
}

/** Whether the key that a receipt names signed it. */
export function isSigned(signed: SignedReceipt, verifyEd25519: VerifyEd25519): boolean {
  return verifyEd25519(signed.receipt.key, signed.body, signed.signature);
}

function identityFault(receipt: Receipt, rules: ChainRules): ChainFault | undefined {
  const { identity, worker, keys } = rules;
  if (receipt.chainId !== identity.chainId || !equalBytes(receipt.pool, identity.pool)) {
    return 'pool_differs';
  }
  if (receipt.worker !== worker) return 'worker_differs';
  return keys.has(toHex(receipt.key)) ? undefined : 'key_unknown';
}

function followFault(receipt: Receipt, head: ChainHead): ChainFault | undefined {
  const { sequence, previous, epoch } = receipt;
  if (sequence === head.sequence) return 'sequence_repeated';
  if (sequence < head.sequence) return 'sequence_back';
  if (sequence > head.sequence + 1n) return 'sequence_missing';
  if (!equalBytes(previous, head.hash)) return 'previous_differs';
  return head.sums && epoch < head.sums.epoch ? 'epoch_back' : undefined;
}

type Added =
  | { readonly ok: true; readonly sums: ChainSums }
  | { readonly ok: false; readonly reason: ChainFault };

/** The sums with a receipt; where none were known before, those that it names itself. */
function add(before: ChainSums | undefined, receipt: Receipt): Added {
  const { epoch, units, amount, asset, epochUnits, epochAmount } = receipt;
  if (amount !== amountFor(units, receipt)) return { ok: false, reason: 'amount_wrong' };
  if (asset === '' && epochAmount !== 0n) return { ok: false, reason: 'amount_sum_wrong' };
  if (!before) {
    const amounts = new Map(asset === '' ? [] : [[asset, epochAmount]]);
    return { ok: true, sums: { epoch, units: epochUnits, amounts } };
  }
  const isSame = before.epoch === epoch;
  const unitsNow = (isSame ? before.units : 0n) + units;
  if (epochUnits !== unitsNow) return { ok: false, reason: 'units_sum_wrong' };
  if (asset === '') {
    const amounts = isSame ? before.amounts : new Map<string, bigint>();
    return { ok: true, sums: { epoch, units: unitsNow, amounts } };
  }
  const amountNow = (isSame ? (before.amounts.get(asset) ?? 0n) : 0n) + amount;
  if (epochAmount !== amountNow) return { ok: false, reason: 'amount_sum_wrong' };
  const amounts = new Map(isSame ? before.amounts : []).set(asset, amountNow);
  return { ok: true, sums: { epoch, units: unitsNow, amounts } };
}
