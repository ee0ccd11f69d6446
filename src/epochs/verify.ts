import type { AssetId } from '../base/asset.ts';
import { fromHex, toHex } from '../proofs/bytes.ts';
import { identityOf } from '../proofs/epoch-proofs.ts';
import {
  type EpochHead,
  type FileLeaf,
  type IndexFile,
  type PayoutsFile,
  parsePayouts,
} from '../proofs/files.ts';
import { privateLeafId } from '../proofs/merkle-sum.ts';
import type { Amounts, Settlement, WorkerInput } from '../terms/settle-types.ts';
import type { Terms } from '../terms/terms.ts';
import { checkAnchors } from './verify-anchors.ts';
import { type ChainCheck, openChainCheck } from './verify-chain.ts';
import { type DisputesCheck, openDisputesCheck } from './verify-disputes.ts';
import {
  checkCumulative,
  checkHistory,
  checkIncomeSums,
  checkLeaves,
  checkOwnPath,
  checkTotals,
  type EpochContents,
  readContents,
  recompute,
} from './verify-epoch.ts';
import { needFile, readHead, readIndex, readTerms } from './verify-files.ts';
import { openReplacedCheck, type ReplacedCheck } from './verify-kept.ts';
import { type OwnReceipts, ownReceipts } from './verify-receipts.ts';
import {
  type CheckedEpoch,
  type Verdict,
  type VerifyParts,
  type VerifyRequest,
  Wrong,
} from './verify-types.ts';
import { findWorker } from './verify-worker.ts';

/** What is carried from one epoch to the next. */
interface Walk {
  readonly parts: VerifyParts;
  readonly index: IndexFile;
  readonly worker: string;
  readonly own: OwnReceipts | undefined;
  readonly chain: ChainCheck | undefined;
  readonly disputes: DisputesCheck;
  readonly replaced: ReplacedCheck;
  before: EpochHead | undefined;
  beforeLeaf: FileLeaf | undefined;
  owed: Amounts;
  paid: Amounts;
  /** Ids of payouts, by the epoch that lists them. */
  readonly listed: Map<string, bigint>;
}

/**
 * Recomputes what a pool owes and paid to one worker, from its published files, from what the worker
 * was given, and from the chain; believes nothing else. Goes epoch by epoch and stops at the first
 * thing that is wrong. Uses nothing of Node's, so it runs in a browser as well.
 *
 * What the reading of files or the chain throws comes through: that is nobody's fraud.
 */
export async function verifyPool(request: VerifyRequest, parts: VerifyParts): Promise<Verdict> {
  const epochs: CheckedEpoch[] = [];
  try {
    const walk = await begin(request, parts);
    for (const entry of walk.index.epochs) epochs.push(await checkEpoch(walk, entry));
    const { worker, owed, paid, index } = walk;
    const anchored = await checkAnchors(parts, index, walk.chain && parts.chain);
    const notes = [...notesOf(request, walk), ...walk.replaced.notes];
    if (anchored !== undefined) notes.push(`The chain holds the record of epoch ${anchored}.`);
    return { ok: true, worker, epochs, owed, paid, notes };
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return { ok: false, fault: error.fault, epoch: error.epoch, text: error.message, epochs };
  }
}

async function begin(request: VerifyRequest, parts: VerifyParts): Promise<Walk> {
  const index = await readIndex(parts);
  const worker = await findWorker(parts, request.worker);
  const rules = {
    identity: identityOf(index),
    worker,
    keys: new Set(index.keys.map(({ key }) => key)),
    hashing: parts.hashing,
    verifyEd25519: parts.verifyEd25519,
  };
  const onChain = parts.chain && index.chainId !== 0n;
  return {
    parts,
    index,
    worker,
    own: request.receipts && ownReceipts(request.receipts, rules),
    chain: onChain
      ? await openChainCheck(parts.chain as NonNullable<typeof parts.chain>, parts, index)
      : undefined,
    disputes: await openDisputesCheck(parts),
    replaced: openReplacedCheck(parts, index, request.kept),
    before: undefined,
    beforeLeaf: undefined,
    owed: {},
    paid: {},
    listed: new Map(),
  };
}

async function checkEpoch(walk: Walk, entry: IndexFile['epochs'][number]): Promise<CheckedEpoch> {
  const { parts, index, worker, own, chain, before } = walk;
  const head = await readHead(parts, index, entry, before);
  const { epoch } = head;
  const terms = await readTerms(parts, index, head);
  const contents = await readContents(parts, head, worker);
  const input = contents.privacy === 'public' ? contents.input : undefined;
  const leaf = leafIn(contents, walk, head);
  await walk.replaced.check(head, leaf);

  const ownInput = input?.workers.find((one) => one.worker === worker);
  const receipts = own?.check(epoch, leaf, ownInput);
  if (contents.privacy === 'public') {
    const settlement = recompute(parts, head, terms, contents.input);
    checkInputFollows(walk, contents.input.workers, epoch);
    checkOwed(settlement, leaf, epoch);
    checkLeaves(parts, head, { ...contents, settlement }, before);
    checkIncomeSums(head, contents.input, before);
    for (const line of contents.input.incomeLines) await chain?.income(epoch, line);
  } else if (contents.path) {
    checkOwnPath(parts, head, contents.path, before);
  }
  checkTotals(head, before);
  checkCumulative(epoch, leaf, walk.beforeLeaf);
  await checkHistory(parts, head, before);
  walk.disputes.check(head, input);
  const paid = await checkPayouts(walk, head, leaf, contents, terms);

  const owed = Object.fromEntries(
    Object.entries(leaf.amounts).map(([asset, amounts]) => [asset, amounts.epoch]),
  );
  walk.owed = sum(walk.owed, owed);
  walk.before = head;
  walk.beforeLeaf = leaf;
  return {
    epoch,
    opensAt: head.opensAt,
    closesAt: head.closesAt,
    units: leaf.units,
    receipts,
    owed,
    paid,
    recomputed: contents.privacy === 'public',
  };
}

/** The worker's own leaf; one of nothing, where it did not work for the pool yet. */
function leafIn(
  contents: EpochContents,
  { worker, beforeLeaf }: Walk,
  { epoch, assets }: EpochHead,
): FileLeaf {
  const isPublic = contents.privacy === 'public';
  const found = isPublic
    ? contents.leaves.find((leaf) => leaf.worker === worker)
    : contents.path?.leaf;
  if (found) return found;
  if (
    beforeLeaf?.lastSequence ||
    (isPublic && contents.input.workers.some((one) => one.worker === worker))
  ) {
    throw new Wrong('leaf_differs', `the leaf of ${worker} is missing`, epoch);
  }
  const nothing = { epoch: 0n, cumulative: 0n };
  return {
    worker,
    units: 0n,
    amounts: Object.fromEntries(assets.map((asset) => [asset, nothing])),
    lastSequence: 0n,
    lastReceipt: '0'.repeat(64),
  };
}

/** What the input says of a worker's earlier epochs is what was published of them. */
function checkInputFollows(
  { worker, beforeLeaf }: Walk,
  workers: readonly WorkerInput[],
  epoch: bigint,
): void {
  const own = workers.find((one) => one.worker === worker);
  if (!beforeLeaf) return;
  const earlier = Object.entries(beforeLeaf.amounts);
  const isSame =
    own !== undefined &&
    earlier.every(
      ([asset, { cumulative }]) => (own.cumulative[asset as AssetId] ?? 0n) === cumulative,
    );
  if (isSame || (own === undefined && earlier.every(([, { cumulative }]) => cumulative === 0n)))
    return;
  throw new Wrong(
    'cumulative_differs',
    `what ${worker} was credited in earlier epochs is not what they published`,
    epoch,
  );
}

/** The own leaf first: it is the line that the worker wants to see. */
function checkOwed(settlement: Settlement, leaf: FileLeaf, epoch: bigint): void {
  const owed = settlement.owed[leaf.worker] ?? {};
  for (const asset of new Set([
    ...Object.keys(owed),
    ...Object.keys(leaf.amounts),
  ]) as Set<AssetId>) {
    const [mine, theirs] = [owed[asset] ?? 0n, leaf.amounts[asset]?.epoch ?? 0n];
    if (mine === theirs) continue;
    throw new Wrong(
      'leaf_differs',
      `${leaf.worker} is owed ${mine} ${asset} by the terms, and its leaf says ${theirs}`,
      epoch,
    );
  }
}

async function checkPayouts(
  walk: Walk,
  { epoch }: EpochHead,
  leaf: FileLeaf,
  contents: EpochContents,
  terms: Terms,
): Promise<Amounts> {
  const path = `epoch-${epoch}/payouts.json`;
  const { payouts } = await needFile(walk.parts.files, path, parsePayouts, epoch);
  const name = nameIn(contents, leaf, walk.parts);
  const own = payouts.filter(({ worker }) => worker === name);
  for (const { id } of own) {
    const other = walk.listed.get(id);
    if (other !== undefined) {
      const text = `the payout ${id} is listed twice, with epochs ${other} and ${epoch}`;
      throw new Wrong('payout_repeated', text, epoch);
    }
    walk.listed.set(id, epoch);
  }
  await walk.chain?.payouts(epoch, own, terms);
  const paid = own.reduce<Amounts>((all, one) => sum(all, creditOf(one)), {});
  walk.paid = sum(walk.paid, paid);
  const owed = leaf.amounts;
  for (const [asset, amount] of Object.entries(walk.paid) as [AssetId, bigint][]) {
    const most = owed[asset]?.cumulative ?? 0n;
    if (amount <= most) continue;
    throw new Wrong(
      'paid_too_much',
      `${amount} ${asset} are listed as paid, of ${most} that were owed`,
      epoch,
    );
  }
  return paid;
}

/** Private payouts name the salted leaf. */
function nameIn(contents: EpochContents, leaf: FileLeaf, { hashing }: VerifyParts): string {
  const text = contents.privacy === 'private' ? contents.path?.salt : undefined;
  if (text === undefined) return leaf.worker;
  const salt = fromHex(text, 32) as Uint8Array;
  return toHex(privateLeafId(leaf.worker, salt, hashing));
}

/** What a payment took from the worker's credit. */
function creditOf(payout: PayoutsFile['payouts'][number]): Amounts {
  const lines = payout.for ?? [payout];
  return lines.reduce<Amounts>((all, { asset, amount }) => sum(all, { [asset]: amount }), {});
}

function sum(one: Amounts, other: Amounts): Amounts {
  const all: Record<string, bigint> = { ...one };
  for (const [asset, amount] of Object.entries(other)) all[asset] = (all[asset] ?? 0n) + amount;
  return all;
}

function notesOf(request: VerifyRequest, { index, chain }: Walk): readonly string[] {
  const notes: string[] = [];
  if (!request.receipts) {
    notes.push(
      'No receipts were given, so the work that the pool counts is not checked (--receipts).',
    );
  }
  if (index.chainId !== 0n && !chain) {
    notes.push('No chain was given, so income and payments are not checked (--rpc).');
  }
  if (index.account !== undefined && index.account !== index.pool) {
    notes.push(`The account ${index.account} signs for the orchestrator ${index.pool}.`);
  }
  return notes;
}
