import { headDigest } from '../proofs/epoch-proofs.ts';
import {
  type IndexFile,
  type LeavesFile,
  type PayoutsFile,
  parsePayouts,
  parseSignedEpoch,
  type SignedEpoch,
} from '../proofs/files.ts';
import type { Terms } from '../terms/terms.ts';
import type { ChainCheck } from './verify-chain.ts';
import {
  checkHistory,
  checkIncomeSums,
  checkLeaves,
  checkTotals,
  readContents,
  recompute,
} from './verify-epoch.ts';
import { needFile, readHead, readIndex, readTerms } from './verify-files.ts';
import { type VerifyFault, type VerifyParts, Wrong } from './verify-types.ts';

type Head = SignedEpoch['head'];

/** What came out of checking one epoch for everybody. */
export type EpochVerdict =
  | {
      readonly ok: true;
      /** What held, a sentence each without a full stop, in the order in which it was looked at. */
      readonly steps: readonly string[];
      /** What could not be looked at here, and how to. */
      readonly notes: readonly string[];
    }
  | {
      readonly ok: false;
      readonly steps: readonly string[];
      readonly fault: VerifyFault;
      /** A sentence without a full stop. */
      readonly text: string;
    };

/**
 * Recomputes one epoch from what the pool publishes, for whoever looks at it: signed record, terms,
 * settlement, tree, sums, and that it goes on from the epoch before. {@link verifyPool} of verify.ts
 * goes through all epochs for one worker, with its receipts and the chain. Uses nothing of Node's.
 *
 * What the reading of files throws comes through: that is nobody's fraud.
 *
 * @param said is called with each step as it holds
 */
export async function verifyOneEpoch(
  epoch: bigint,
  parts: VerifyParts,
  said: (step: string) => void = () => undefined,
): Promise<EpochVerdict> {
  const { seen, ...verdict } = await checkOneEpoch(epoch, parts, { said });
  return verdict;
}

/** What was read of an epoch in which everything held. */
export interface SeenEpoch {
  readonly head: Head;
  /** Undefined of the first. */
  readonly before: Head | undefined;
  readonly terms: Terms;
  /** Undefined of a private pool. */
  readonly leaves: LeavesFile['leaves'] | undefined;
  readonly payouts: PayoutsFile['payouts'];
}

/**
 * {@link verifyOneEpoch}, with what was read; for who goes on from there.
 *
 * @param how with `chain`, the transactions of the income are looked at, too; payments are for
 *   `chain.payouts`, since they go on after the epoch
 */
export async function checkOneEpoch(
  epoch: bigint,
  parts: VerifyParts,
  how: { readonly said?: (step: string) => void; readonly chain?: ChainCheck | undefined } = {},
): Promise<EpochVerdict & { readonly seen?: SeenEpoch }> {
  const { said = () => undefined, chain } = how;
  const steps: string[] = [];
  const holds = (step: string) => {
    steps.push(step);
    said(step);
  };
  try {
    const index = await readIndex(parts);
    holds(
      index.chainId === 0n
        ? 'the index of the pool reads, with the keys that sign its epochs'
        : 'the account of the pool signed the keys that sign its epochs',
    );
    const before = await readBefore(parts, index, epoch);
    const entry = index.epochs.find((one) => one.epoch === epoch);
    if (!entry) throw new Wrong('index_wrong', `the index does not name epoch ${epoch}`, epoch);
    const head = await readHead(parts, index, entry, before);
    holds('the record of the epoch is signed, and follows the record before it');
    const terms = await readTerms(parts, index, head);
    holds(`version ${head.terms.version} of the terms is the one that the record names`);
    const { notes, leaves } = await checkContents(parts, head, { terms, before, chain }, holds);
    checkTotals(head, before);
    holds('the totals go on where those of the epoch before ended');
    await checkHistory(parts, head, before);
    holds('the history of receipts goes on: nothing in it was rewritten');
    const path = `epoch-${epoch}/payouts.json`;
    const { payouts } = await needFile(parts.files, path, parsePayouts, epoch);
    return { ok: true, steps, notes, seen: { head, before, terms, leaves, payouts } };
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return { ok: false, steps, fault: error.fault, text: error.message };
  }
}

/** The epoch before, as the index names it; its own record is not what is looked at. */
async function readBefore(
  parts: VerifyParts,
  { epochs }: IndexFile,
  epoch: bigint,
): Promise<Head | undefined> {
  const entry = epochs.find((one) => one.epoch === epoch - 1n);
  if (!entry) return undefined;
  const path = `epoch-${entry.epoch}/epoch.json`;
  const { head } = await needFile(parts.files, path, parseSignedEpoch, entry.epoch);
  if (headDigest(head, parts.hashing) === entry.digest) return head;
  throw new Wrong('epoch_chain_broken', `the index names another record than ${path}`, epoch);
}

async function checkContents(
  parts: VerifyParts,
  head: Head,
  given: {
    readonly terms: Terms;
    readonly before: Head | undefined;
    readonly chain: ChainCheck | undefined;
  },
  holds: (step: string) => void,
): Promise<{ readonly notes: readonly string[]; readonly leaves: SeenEpoch['leaves'] }> {
  const unseen =
    head.chainId === 0n || given.chain
      ? []
      : ['Income and payments on the chain are not looked at here: run tributary verify.'];
  if (head.privacy === 'private') {
    const mine = 'This pool shows each line to its own worker alone: yours is in your portal.';
    return { notes: [mine, ...unseen], leaves: undefined };
  }
  const { terms, before } = given;
  // Of a public pool, whose list has everybody: the name is not used.
  const contents = await readContents(parts, head, '');
  if (contents.privacy !== 'public') return { notes: unseen, leaves: undefined };
  holds('the input of the epoch is the one that was signed');
  const settlement = recompute(parts, head, terms, contents.input);
  holds('the terms, applied again, come to the same settlement');
  checkLeaves(parts, head, { ...contents, settlement }, before);
  holds(`${leavesText(head.leaves)} to the published root and totals`);
  checkIncomeSums(head, contents.input, before);
  holds('the lines of the income come to the income');
  if (given.chain) {
    for (const line of contents.input.incomeLines) await given.chain.income(head.epoch, line);
    holds('the transactions of the income are on the chain, and final');
  }
  return { notes: unseen, leaves: contents.leaves };
}

function leavesText(count: number): string {
  return count === 1 ? 'the line of 1 worker comes' : `the lines of ${count} workers come`;
}
