import { equalBytes } from '../proofs/bytes.ts';
import { equivocationOf } from '../proofs/equivocation.ts';
import type { FileLeaf } from '../proofs/files.ts';
import type { SignedReceipt } from '../proofs/receipt.ts';
import {
  type ChainFault,
  type ChainHead,
  type ChainRules,
  chainFaultTexts,
  chainStart,
  checkReceipts,
} from '../proofs/receipt-chain.ts';
import type { WorkerInput } from '../terms/settle-types.ts';
import { type VerifyFault, Wrong } from './verify-types.ts';

const FAULTS: Partial<Record<ChainFault, VerifyFault>> = {
  signature_wrong: 'receipt_changed',
  sequence_repeated: 'receipt_repeated',
  sequence_missing: 'receipts_missing',
};

/** The worker's own receipts, looked at epoch by epoch. */
export interface OwnReceipts {
  /**
   * Checks those of the next epoch: complete, chained and signed, and that the pool counted them all
   * and nothing else. Returns how many they are.
   *
   * @param input the worker in the input of the epoch; undefined in a private pool
   */
  check(epoch: bigint, leaf: FileLeaf, input: WorkerInput | undefined): number;
}

/** Sorts what a worker kept. Throws {@link Wrong} for two different receipts of one number. */
export function ownReceipts(
  given: readonly SignedReceipt[],
  rules: Omit<ChainRules, 'signatures'>,
): OwnReceipts {
  // A folder may hold those of several workers.
  const mine = given.filter(({ receipt }) => receipt.worker === rules.worker);
  const sorted = mine.sort((a, b) =>
    a.receipt.sequence < b.receipt.sequence ? -1 : a.receipt.sequence > b.receipt.sequence ? 1 : 0,
  );
  const receipts = sorted.filter((one, index) => {
    const before = sorted[index - 1];
    if (before?.receipt.sequence !== one.receipt.sequence) return true;
    if (!equalBytes(before.body, one.body)) throw twice(before, one, rules);
    return false;
  });
  let place = 0;
  let head: ChainHead = chainStart;

  return {
    check(epoch, leaf, input) {
      const from = place;
      while (receipts[place]?.receipt.epoch === epoch) place += 1;
      const own = receipts.slice(from, place);
      const early = receipts[place];
      if (early && early.receipt.epoch < epoch) {
        throw new Wrong(
          'receipt_chain_broken',
          `receipt ${early.receipt.sequence} ${chainFaultTexts.epoch_back}`,
          epoch,
        );
      }
      const checked = checkReceipts(own, head, { ...rules, signatures: 'last' });
      if (!checked.ok) {
        const fault = FAULTS[checked.reason] ?? 'receipt_chain_broken';
        const text = `receipt ${checked.sequence} ${chainFaultTexts[checked.reason]}`;
        throw new Wrong(fault, text, epoch);
      }
      head = checked.head;
      compare(epoch, head, own.at(-1), leaf, input);
      return own.length;
    },
  };
}

/** A proof of cheating, if both are signed; else one of them was changed on the way. */
function twice(
  one: SignedReceipt,
  other: SignedReceipt,
  { verifyEd25519 }: Pick<ChainRules, 'verifyEd25519'>,
): Wrong {
  const { sequence, epoch } = one.receipt;
  if (equivocationOf(one, other, verifyEd25519)) {
    const text = `the pool signed two different receipts with the number ${sequence}, which proves that it cheated`;
    return new Wrong('receipt_repeated', text, epoch);
  }
  return new Wrong(
    'receipt_changed',
    `receipt ${sequence} ${chainFaultTexts.signature_wrong}`,
    epoch,
  );
}

function compare(
  epoch: bigint,
  head: ChainHead,
  last: SignedReceipt | undefined,
  leaf: FileLeaf,
  input: WorkerInput | undefined,
): void {
  const wrong = (fault: VerifyFault, text: string) => new Wrong(fault, text, epoch);
  if (head.sequence > leaf.lastSequence) {
    throw wrong(
      'receipt_dropped',
      `the pool counts receipts up to ${leaf.lastSequence}, and left out those up to ${head.sequence}`,
    );
  }
  if (head.sequence < leaf.lastSequence) {
    throw wrong(
      'receipts_missing',
      `the receipts end with ${head.sequence}, and the pool counts up to ${leaf.lastSequence}`,
    );
  }
  const hash = Array.from(head.hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (hash !== leaf.lastReceipt) {
    throw wrong(
      'receipt_chain_broken',
      `the pool has another receipt ${head.sequence} than this one`,
    );
  }
  const units = last?.receipt.epochUnits ?? 0n;
  if (units !== leaf.units) {
    throw wrong(
      'units_differ',
      `the receipts come to ${units} units, the pool counts ${leaf.units}`,
    );
  }
  if (!input) return;
  const gross = last
    ? (head.sums?.amounts ?? new Map<string, bigint>())
    : new Map<string, bigint>();
  const assets = new Set([...gross.keys(), ...Object.keys(input.grossFee)]);
  for (const asset of assets) {
    const [mine, theirs] = [gross.get(asset) ?? 0n, amountIn(input.grossFee, asset)];
    if (mine === theirs) continue;
    throw wrong(
      'amount_differs',
      `the receipts come to ${mine} ${asset}, the pool counts ${theirs}`,
    );
  }
}

function amountIn(amounts: Readonly<Record<string, bigint>>, asset: string): bigint {
  return amounts[asset] ?? 0n;
}
