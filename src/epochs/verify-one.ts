import { headDigest } from '../proofs/epoch-proofs.ts';
import {
  type IndexFile,
  parsePayouts,
  parseSignedEpoch,
  type SignedEpoch,
} from '../proofs/files.ts';
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
    const notes = await checkContents(parts, head, { terms, before }, holds);
    checkTotals(head, before);
    holds('the totals go on where those of the epoch before ended');
    await checkHistory(parts, head, before);
    holds('the history of receipts goes on: nothing in it was rewritten');
    await needFile(parts.files, `epoch-${epoch}/payouts.json`, parsePayouts, epoch);
    return { ok: true, steps, notes };
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
    readonly terms: Awaited<ReturnType<typeof readTerms>>;
    readonly before: Head | undefined;
  },
  holds: (step: string) => void,
): Promise<readonly string[]> {
  const chain =
    head.chainId === 0n
      ? []
      : ['Income and payments on the chain are not looked at here: run tributary verify.'];
  if (head.privacy === 'private') {
    return [
      'This pool shows each line to its own worker alone: yours is in your portal.',
      ...chain,
    ];
  }
  const { terms, before } = given;
  // Of a public pool, whose list has everybody: the name is not used.
  const contents = await readContents(parts, head, '');
  if (contents.privacy !== 'public') return chain;
  holds('the input of the epoch is the one that was signed');
  const settlement = recompute(parts, head, terms, contents.input);
  holds('the terms, applied again, come to the same settlement');
  checkLeaves(parts, head, { ...contents, settlement }, before);
  holds(`${leavesText(head.leaves)} to the published root and totals`);
  checkIncomeSums(head, contents.input, before);
  holds('the lines of the income come to the income');
  return chain;
}

function leavesText(count: number): string {
  return count === 1 ? 'the line of 1 worker comes' : `the lines of ${count} workers come`;
}
