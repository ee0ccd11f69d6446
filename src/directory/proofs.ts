import { type ChainCheck, openChainCheck } from '../epochs/verify-chain.ts';
import { needFile, readIndex, readTerms } from '../epochs/verify-files.ts';
import { checkOneEpoch, type EpochVerdict } from '../epochs/verify-one.ts';
import { type VerifyParts, Wrong } from '../epochs/verify-types.ts';
import { type IndexFile, type PayoutsFile, parsePayouts } from '../proofs/files.ts';
import type { Terms } from '../terms/terms.ts';
import { credit, forget, nothingPromised, type Promised, pay } from './promises.ts';

/** New epochs of one look: the rest has its turn in the next ones. */
const EPOCHS_PER_LOOK = 26;
/** What is shown of epochs: two years of weeks. Older ones were checked, and are counted. */
const EPOCHS_KEPT = 104;

/** An epoch that was recomputed, and held. */
export interface EpochHeld {
  readonly epoch: string;
  /** Of its signed record: another one under this number later is a rewritten history. */
  readonly digest: string;
  readonly closesAt: number;
  readonly checkedAt: number;
  readonly termsVersion: number;
  readonly termsDigest: string;
  readonly steps: readonly string[];
}

/** The first thing that is wrong, in words without a full stop. */
export interface ProofsFault {
  readonly epoch: string | null;
  readonly fault: string;
  readonly text: string;
  readonly since: number;
}

/** What is known of a pool's proofs; plain JSON, kept between looks. */
export interface ProofsState {
  /** How many epochs held, from the first on without a gap. */
  readonly held: number;
  /** The newest of them, oldest first. */
  readonly epochs: readonly EpochHeld[];
  /** Digest of each epoch that held, in order: 64 hex digits each. */
  readonly digests: readonly string[];
  readonly published: number;
  readonly fault: ProofsFault | null;
  readonly promised: Promised;
  readonly privacy: 'public' | 'private' | null;
}

export const noProofs: ProofsState = {
  held: 0,
  epochs: [],
  digests: [],
  published: 0,
  fault: null,
  promised: nothingPromised,
  privacy: null,
};

/** What a look at the proofs is told. */
export interface ProofsCheck {
  readonly now: number;
  /** Of the manifest: an index of somebody else is not this pool's. */
  readonly pool: { readonly orchestrator: string; readonly chainId: string };
}

/**
 * Goes on where the last look ended: recomputes epochs that are new, holds those that were checked
 * against what is published under their numbers now, and follows the payouts. What reading throws
 * comes through.
 */
export async function checkProofs(
  before: ProofsState,
  check: ProofsCheck,
  parts: VerifyParts,
): Promise<ProofsState> {
  let state: ProofsState = before;
  const failed = (error: Wrong): ProofsState => {
    const epoch = error.epoch === undefined ? null : String(error.epoch);
    const isSame = before.fault?.fault === error.fault && before.fault.epoch === epoch;
    const since = isSame && before.fault ? before.fault.since : check.now;
    return { ...state, fault: { epoch, fault: error.fault, text: error.message, since } };
  };
  try {
    if ((await parts.files.read('index.json')) === undefined) {
      if (before.held === 0) return { ...noProofs };
      throw new Wrong('file_missing', 'the index of the proofs, which was there before, is gone');
    }
    const index = await readIndex(parts);
    checkSame(before, check, index);
    const chain =
      parts.chain && index.chainId !== 0n
        ? await openChainCheck(parts.chain, parts, index)
        : undefined;
    state = { ...state, published: index.epochs.length };
    // What came since to the lists of epochs that are not the newest any more.
    if (index.epochs.length > state.held)
      state = await followPayouts(state, { parts, index, chain });
    for (const entry of index.epochs.slice(state.held, state.held + EPOCHS_PER_LOOK)) {
      state = await checkEpoch(state, entry, { parts, check, chain });
    }
    state = await followPayouts(state, { parts, index, chain });
    return { ...state, fault: null };
  } catch (error) {
    if (error instanceof Wrong) return failed(error);
    throw error;
  }
}

/** A pool that replaces what it has published is found by whoever looked before. */
function checkSame({ digests }: ProofsState, { pool }: ProofsCheck, index: IndexFile): void {
  if (index.pool !== pool.orchestrator || String(index.chainId) !== pool.chainId) {
    throw new Wrong(
      'index_wrong',
      'the index is of another orchestrator or chain than the manifest',
    );
  }
  for (const [at, digest] of digests.entries()) {
    const entry = index.epochs[at];
    if (entry?.digest === digest) continue;
    const epoch = BigInt(at + 1);
    const what = entry ? 'has another record than the one that was checked' : 'is gone';
    throw new Wrong('history_rewritten', `epoch ${epoch} ${what} here before`, epoch);
  }
}

interface Looking {
  readonly parts: VerifyParts;
  readonly chain: ChainCheck | undefined;
}

async function checkEpoch(
  state: ProofsState,
  { epoch, digest }: IndexFile['epochs'][number],
  { parts, check, chain }: Looking & { readonly check: ProofsCheck },
): Promise<ProofsState> {
  const { seen, ...verdict } = await checkOneEpoch(epoch, parts, { chain });
  if (!verdict.ok) throw wrongOf(verdict, epoch);
  if (!seen) return state;
  const { head, leaves, terms } = seen;
  const { closesAt, totals, privacy } = head;
  const held: EpochHeld = {
    epoch: String(epoch),
    digest,
    closesAt,
    checkedAt: check.now,
    termsVersion: head.terms.version,
    termsDigest: head.terms.digest,
    steps: verdict.steps,
  };
  return {
    ...state,
    held: state.held + 1,
    digests: [...state.digests, digest],
    epochs: [...state.epochs, held].slice(-EPOCHS_KEPT),
    promised: await paidOf(
      credit(state.promised, { closesAt, leaves, totals: totals.amounts, terms }),
      { epoch, payouts: seen.payouts, terms, chain },
    ),
    privacy,
  };
}

function wrongOf(verdict: EpochVerdict & { readonly ok: false }, epoch: bigint): Wrong {
  return new Wrong(verdict.fault, verdict.text, epoch);
}

/** Payouts go on after an epoch was published: of the newest two the list may have grown. */
async function followPayouts(
  state: ProofsState,
  { parts, index, chain }: Looking & { readonly index: IndexFile },
): Promise<ProofsState> {
  let { promised } = state;
  const still = new Set<string>();
  for (const held of state.epochs.slice(-2)) {
    const epoch = BigInt(held.epoch);
    const path = `epoch-${epoch}/payouts.json`;
    const { payouts } = await needFile(parts.files, path, parsePayouts, epoch);
    const named = { version: held.termsVersion, digest: held.termsDigest };
    const terms = await readTerms(parts, index, { epoch, terms: named });
    promised = await paidOf(promised, { epoch, payouts, terms, chain });
    for (const { id } of payouts) still.add(id);
  }
  return { ...state, promised: forget(promised, still) };
}

async function paidOf(
  promised: Promised,
  given: {
    readonly epoch: bigint;
    readonly payouts: PayoutsFile['payouts'];
    readonly terms: Terms;
    readonly chain: ChainCheck | undefined;
  },
): Promise<Promised> {
  const { epoch, payouts, terms, chain } = given;
  const known = new Set(promised.counted);
  const fresh = payouts.filter(({ id }) => !known.has(id));
  if (fresh.length === 0) return promised;
  await chain?.payouts(epoch, fresh, terms);
  return pay(promised, fresh, { onChain: chain !== undefined, terms });
}
