import { type ChainCheck, openChainCheck } from '../epochs/verify-chain.ts';
import { needFile, readIndex, readTerms } from '../epochs/verify-files.ts';
import { checkOneEpoch, type EpochVerdict } from '../epochs/verify-one.ts';
import { type VerifyParts, Wrong } from '../epochs/verify-types.ts';
import { type IndexFile, type PayoutsFile, parsePayouts } from '../proofs/files.ts';
import type { Terms } from '../terms/terms.ts';
import { type Corrected, type EpochCredits, findCorrected, withCredits } from './corrections.ts';
import { credit, forget, nothingPromised, type Promised, pay } from './promises.ts';

/** New epochs of one look: the rest has its turn in the next ones. */
const EPOCHS_PER_LOOK = 26;
/** What is shown of epochs: two years of weeks. Older ones were checked, and are counted. */
const EPOCHS_KEPT = 104;

/** How ids of payouts begin that were found on the chain after a restore (docs: proofs.md). */
const FOUND = 'recovered:';

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
  /** Of the newest epochs; none in what an older version kept. */
  readonly credits?: readonly EpochCredits[];
  /** Epochs whose record was corrected after a restore, and checked again since. */
  readonly corrected?: readonly Corrected[];
  /** Payouts and epochs that came out of a backup, for which all payouts were counted anew. */
  readonly foundAgain?: readonly string[];
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
  try {
    return await look(before, check, parts);
  } catch (error) {
    if (!(error instanceof FoundAgain)) throw error;
    const foundAgain = [...(before.foundAgain ?? []), ...error.found];
    return checkProofs(anew({ ...before, foundAgain }), check, parts);
  }
}

async function look(
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
      if (before.digests.length === 0) return { ...noProofs };
      throw new Wrong('file_missing', 'the index of the proofs, which was there before, is gone');
    }
    const index = await readIndex(parts);
    checkPool(check, index);
    const corrected = await findCorrected(before, index, parts);
    if (corrected.length > 0) state = afterCorrection(before, corrected, index);
    // Whoever counts from the first epoch on anyway has nothing to find again.
    const isAgain = state.held < state.digests.length;
    const foundAgain = isAgain ? undefined : (state.foundAgain ?? []);
    const chain =
      parts.chain && index.chainId !== 0n
        ? await openChainCheck(parts.chain, parts, index)
        : undefined;
    state = { ...state, published: index.epochs.length };
    // What came since to the lists of epochs that are not the newest any more.
    if (index.epochs.length > state.held)
      state = await followPayouts(state, { parts, index, chain, foundAgain });
    for (const entry of index.epochs.slice(state.held, state.held + EPOCHS_PER_LOOK)) {
      state = await checkEpoch(state, entry, { parts, check, chain, foundAgain });
    }
    state = await followPayouts(state, { parts, index, chain, foundAgain });
    return { ...state, fault: null };
  } catch (error) {
    if (error instanceof Wrong) return failed(error);
    throw error;
  }
}

function checkPool({ pool }: ProofsCheck, index: IndexFile): void {
  if (index.pool === pool.orchestrator && String(index.chainId) === pool.chainId) return;
  throw new Wrong('index_wrong', 'the index is of another orchestrator or chain than the manifest');
}

/** Payouts stand in the lists that were counted as others, or elsewhere. */
class FoundAgain extends Error {
  override readonly name = 'FoundAgain';
  readonly found: readonly string[];
  constructor(found: readonly string[]) {
    super('payouts were found again after a restore');
    this.found = found;
  }
}

/**
 * Begins again with the first epoch. Only so is each payout counted once: out of a backup it may
 * come back under another name, and in another list. The records stay bound to what they were.
 */
function anew({ digests, published, corrected = [], foundAgain = [] }: ProofsState): ProofsState {
  return { ...noProofs, digests, published, corrected, foundAgain };
}

function afterCorrection(
  before: ProofsState,
  corrected: readonly Corrected[],
  index: IndexFile,
): ProofsState {
  const digests = before.digests.map((digest, at) => index.epochs[at]?.digest ?? digest);
  const again = new Set(corrected.map(({ epoch }) => epoch));
  const others = (before.corrected ?? []).filter(({ epoch }) => !again.has(epoch));
  return anew({ ...before, digests, corrected: [...others, ...corrected] });
}

interface Looking {
  readonly parts: VerifyParts;
  readonly chain: ChainCheck | undefined;
  /** For what all payouts were counted anew; undefined while they are. */
  readonly foundAgain: readonly string[] | undefined;
}

async function checkEpoch(
  state: ProofsState,
  { epoch, digest }: IndexFile['epochs'][number],
  { parts, check, chain, foundAgain }: Looking & { readonly check: ProofsCheck },
): Promise<ProofsState> {
  const { seen, ...verdict } = await checkOneEpoch(epoch, parts, { chain });
  if (!verdict.ok) throw wrongOf(verdict, epoch);
  if (!seen) return state;
  const { head, leaves, terms } = seen;
  if (head.recovered !== undefined) checkFound(state.promised, [`epoch ${epoch}`], foundAgain);
  const { closesAt, totals, privacy } = head;
  const held: EpochHeld = {
    epoch: String(epoch),
    digest,
    closesAt,
    checkedAt: check.now,
    termsVersion: head.terms.version,
    termsDigest: head.terms.digest,
    steps: state.corrected?.some((one) => one.epoch === String(epoch))
      ? [...verdict.steps, 'corrected after a restore: the record says so, and credits nobody less']
      : verdict.steps,
  };
  return {
    ...state,
    held: state.held + 1,
    // Longer than what held where epochs are checked again.
    digests: state.held < state.digests.length ? state.digests : [...state.digests, digest],
    credits: withCredits(state.credits ?? [], { head, leaves }),
    epochs: [...state.epochs, held].slice(-EPOCHS_KEPT),
    promised: await paidOf(
      credit(state.promised, { closesAt, leaves, totals: totals.amounts, terms }),
      { epoch, payouts: seen.payouts, terms, chain, foundAgain },
    ),
    privacy,
  };
}

/** Throws {@link FoundAgain} for what came out of a backup and was not seen before. */
function checkFound(
  promised: Promised,
  found: readonly string[],
  known: readonly string[] | undefined,
): void {
  const fresh = found.filter((one) => known && !known.includes(one));
  if (fresh.length > 0 && promised.payouts > 0) throw new FoundAgain(fresh);
}

function wrongOf(verdict: EpochVerdict & { readonly ok: false }, epoch: bigint): Wrong {
  return new Wrong(verdict.fault, verdict.text, epoch);
}

/** Payouts go on after an epoch was published: of the newest two the list may have grown. */
async function followPayouts(
  state: ProofsState,
  { parts, index, chain, foundAgain }: Looking & { readonly index: IndexFile },
): Promise<ProofsState> {
  let { promised } = state;
  const still = new Set<string>();
  for (const held of state.epochs.slice(-2)) {
    const epoch = BigInt(held.epoch);
    const path = `epoch-${epoch}/payouts.json`;
    const { payouts } = await needFile(parts.files, path, parsePayouts, epoch);
    const named = { version: held.termsVersion, digest: held.termsDigest };
    const terms = await readTerms(parts, index, { epoch, terms: named });
    promised = await paidOf(promised, { epoch, payouts, terms, chain, foundAgain });
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
    readonly foundAgain: readonly string[] | undefined;
  },
): Promise<Promised> {
  const { epoch, payouts, terms, chain, foundAgain } = given;
  const known = new Set(promised.counted);
  const fresh = payouts.filter(({ id }) => !known.has(id));
  if (fresh.length === 0) return promised;
  const found = fresh.filter(({ id }) => id.startsWith(FOUND)).map(({ id }) => id);
  checkFound(promised, found, foundAgain);
  await chain?.payouts(epoch, fresh, terms);
  return pay(promised, fresh, { onChain: chain !== undefined, terms });
}
