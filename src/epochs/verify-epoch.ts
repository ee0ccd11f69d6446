import type { AssetId } from '../base/asset.ts';
import { equalBytes, fromHex, toHex } from '../proofs/bytes.ts';
import { rootOf, sumLeafOf, sumPathOf } from '../proofs/epoch-proofs.ts';
import {
  type EpochHead,
  type FileLeaf,
  type LeavesFile,
  type PathFile,
  parseHistory,
  parseLeaves,
  parsePath,
} from '../proofs/files.ts';
import { checkConsistency, type HistoryHead } from '../proofs/history.ts';
import {
  buildSumTree,
  checkPath,
  pathFaultTexts,
  type SumLeaf,
  sameSums,
} from '../proofs/merkle-sum.ts';
import { NotReadable } from '../proofs/read-json.ts';
import { settleEpoch } from '../terms/settle.ts';
import type { Amounts, EpochInput, Settlement } from '../terms/settle-types.ts';
import type { Terms } from '../terms/terms.ts';
import { readInput, writeSettlement } from './input-json.ts';
import { epochWorkersOf } from './tree.ts';
import { needFile } from './verify-files.ts';
import { type VerifyFault, type VerifyParts, Wrong } from './verify-types.ts';

const utf8 = new TextEncoder();

/** What was published of an epoch besides its head; of a private pool, the worker's own path. */
export type EpochContents =
  | {
      readonly privacy: 'public';
      readonly input: EpochInput;
      readonly leaves: LeavesFile['leaves'];
    }
  | {
      readonly privacy: 'private';
      /** Undefined: there is none, as before a worker's first epoch. */
      readonly path: PathFile | undefined;
    };

/** Reads what belongs to a head. Throws {@link Wrong}. */
export async function readContents(
  parts: VerifyParts,
  head: EpochHead,
  worker: string,
): Promise<EpochContents> {
  const { epoch } = head;
  if (head.privacy === 'private') {
    return { privacy: 'private', path: await readPath(parts, head, worker) };
  }
  const path = `epoch-${epoch}/input.json`;
  const text = await parts.files.read(path);
  if (text === undefined) throw new Wrong('file_missing', `${path} is not there`, epoch);
  if (toHex(parts.hashing.sha256(utf8.encode(text))) !== head.input) {
    throw new Wrong('input_differs', `${path} is not what the record of the epoch names`, epoch);
  }
  const input = readable(path, epoch, () => readInput(text));
  const file = await needFile(parts.files, `epoch-${epoch}/leaves.json`, parseLeaves, epoch);
  return { privacy: 'public', input, leaves: file.leaves };
}

async function readPath(
  parts: VerifyParts,
  { epoch }: EpochHead,
  worker: string,
): Promise<PathFile | undefined> {
  const path = `epoch-${epoch}/paths/${worker}.json`;
  if ((await parts.files.read(path)) === undefined) return undefined;
  const file = await needFile(parts.files, path, parsePath, epoch);
  if (file.leaf.worker === worker && file.epoch === epoch) return file;
  throw new Wrong('leaf_differs', `${path} is of another worker or epoch`, epoch);
}

function readable<T>(path: string, epoch: bigint, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof NotReadable || error instanceof RangeError)) throw error;
    throw new Wrong('file_malformed', `${path}: ${error.message}`, epoch);
  }
}

/** Runs the rule again, and holds what was published of its result against it. */
export function recompute(
  { hashing }: VerifyParts,
  head: EpochHead,
  terms: Terms,
  input: EpochInput,
): Settlement {
  const { epoch } = head;
  const wrong = (fault: VerifyFault, text: string) => new Wrong(fault, text, epoch);
  if (
    input.epoch !== epoch ||
    input.opensAt !== head.opensAt ||
    input.closesAt !== head.closesAt ||
    input.termsVersion !== head.terms.version
  ) {
    throw wrong('input_differs', 'the input is of another epoch or of other terms than the record');
  }
  const settlement = readable('input.json', epoch, () => settleEpoch(terms, input));
  if (toHex(hashing.sha256(utf8.encode(writeSettlement(settlement)))) !== head.settlement) {
    throw wrong(
      'settlement_differs',
      'the terms come to another settlement than the published one',
    );
  }
  for (const [name, mine, theirs] of [
    ['income', input.income, head.income],
    ['commission', settlement.commission, head.commission],
    ['dust', settlement.dust, head.dust],
  ] as const) {
    if (!sameAmounts(mine, theirs)) {
      throw wrong(
        'total_wrong',
        `the ${name} of the record is ${show(theirs)}, and comes to ${show(mine)}`,
      );
    }
  }
  return settlement;
}

/** Holds every published leaf against the settlement, and the tree over them against the root. */
export function checkLeaves(
  { hashing }: VerifyParts,
  head: EpochHead,
  given: {
    readonly input: EpochInput;
    readonly settlement: Settlement;
    readonly leaves: LeavesFile['leaves'];
  },
  before: EpochHead | undefined,
): void {
  const { epoch, assets } = head;
  const wrong = (fault: VerifyFault, text: string) => new Wrong(fault, text, epoch);
  const { leaves } = given;
  const wanted = epochWorkersOf(given.input, given.settlement);
  const missing = wanted.find(({ worker }, at) => leaves[at]?.worker !== worker);
  if (missing || leaves.length !== wanted.length) {
    throw wrong(
      'leaf_differs',
      `the leaves are of other workers than the input, at ${missing?.worker ?? 'the end'}`,
    );
  }
  for (const [at, worker] of wanted.entries()) {
    const leaf = leaves[at] as FileLeaf;
    const owed = amountsIn(leaf, 'epoch');
    const cumulative = amountsIn(leaf, 'cumulative');
    const isSame =
      leaf.units === worker.units &&
      leaf.lastSequence === worker.lastSequence &&
      leaf.lastReceipt === toHex(worker.lastReceiptHash) &&
      sameAmounts(owed, worker.owed) &&
      sameAmounts(cumulative, worker.cumulative);
    if (!isSame) {
      throw wrong(
        'leaf_differs',
        `the leaf of ${leaf.worker} says ${show(owed)}, and the settlement comes to ${show(worker.owed)}`,
      );
    }
  }
  const sums = leaves.map((leaf) => sumLeafOf(leaf, { assets, hashing }));
  if (sums.some((sum) => sum === undefined)) {
    throw wrong('leaf_differs', 'a leaf has amounts of other assets than the record');
  }
  if (head.leaves !== leaves.length) {
    throw wrong(
      'total_wrong',
      `the record counts ${head.leaves} leaves, and there are ${leaves.length}`,
    );
  }
  const tree = treeOver(sums as readonly SumLeaf[], assets, hashing, epoch);
  const root = rootOf(head);
  if (!equalBytes(tree.root.hash, root.hash)) {
    const isOld = before !== undefined && head.root === before.root;
    throw isOld
      ? wrong('root_stale', 'the root is still that of the epoch before')
      : wrong('root_differs', 'the leaves do not come to the published root');
  }
  if (!sameSums(tree.root, root)) {
    throw wrong('total_wrong', 'the leaves add up to other totals than the published ones');
  }
}

function treeOver(
  leaves: readonly SumLeaf[],
  assets: readonly AssetId[],
  hashing: VerifyParts['hashing'],
  epoch: bigint,
) {
  try {
    return buildSumTree(leaves, { assets: assets.length, hashing });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Wrong('sum_overflow', 'the sums of the leaves overflow 16 bytes', epoch);
  }
}

/** Whether a private leaf is in the published root. */
export function checkOwnPath(
  { hashing }: VerifyParts,
  head: EpochHead,
  file: PathFile,
  before: EpochHead | undefined,
): void {
  const { epoch, assets } = head;
  const leaf = sumLeafOf(file.leaf, { assets, hashing, salt: file.salt });
  const path = sumPathOf(file, assets);
  if (!leaf || !path || path.count !== head.leaves) {
    throw new Wrong('leaf_differs', 'the path has other assets or leaves than the record', epoch);
  }
  const checked = checkPath(leaf, path, { root: rootOf(head), hashing });
  if (checked.ok) return;
  const faults: Partial<Record<typeof checked.reason, VerifyFault>> = {
    sum_overflow: 'sum_overflow',
    sibling_swapped: 'sibling_swapped',
    total_wrong: 'total_wrong',
  };
  const isOld = before !== undefined && head.root === before.root;
  const fault = faults[checked.reason] ?? (isOld ? 'root_stale' : 'root_differs');
  throw new Wrong(fault, pathFaultTexts[checked.reason], epoch);
}

/** A leaf goes on where that of the epoch before ended. */
export function checkCumulative(epoch: bigint, leaf: FileLeaf, before: FileLeaf | undefined): void {
  for (const [asset, { epoch: owed, cumulative }] of Object.entries(leaf.amounts)) {
    const earlier = before?.amounts[asset as AssetId]?.cumulative ?? 0n;
    if (cumulative === earlier + owed) continue;
    throw new Wrong(
      'cumulative_differs',
      `the total of ${leaf.worker} is ${cumulative} ${asset}, and ${earlier} before and ${owed} now come to ${earlier + owed}`,
      epoch,
    );
  }
  for (const [asset, { cumulative }] of Object.entries(before?.amounts ?? {})) {
    if (cumulative === 0n || leaf.amounts[asset as AssetId]) continue;
    throw new Wrong('cumulative_differs', `the total of ${leaf.worker} lost its ${asset}`, epoch);
  }
}

/** The totals of all workers go on, too, so that nobody's past was changed. */
export function checkTotals(head: EpochHead, before: EpochHead | undefined): void {
  for (const [asset, { epoch: now, cumulative }] of Object.entries(head.totals.amounts)) {
    const earlier = before?.totals.amounts[asset as AssetId]?.cumulative ?? 0n;
    if (cumulative === earlier + now) continue;
    throw new Wrong(
      'total_wrong',
      `all workers together were credited ${earlier} ${asset} before and ${now} now, and ${cumulative} is published`,
      head.epoch,
    );
  }
}

/** What was carried over, and that income lines are the income. */
export function checkIncomeSums(
  { epoch }: EpochHead,
  input: EpochInput,
  before: EpochHead | undefined,
): void {
  const sums: Record<string, bigint> = {};
  for (const { asset, amount } of input.incomeLines) sums[asset] = (sums[asset] ?? 0n) + amount;
  if (!sameAmounts(sums, input.income)) {
    throw new Wrong(
      'income_wrong',
      `the lines of the income come to ${show(sums)}, and not to ${show(input.income)}`,
      epoch,
    );
  }
  const carried = before?.dust ?? {};
  if (!sameAmounts(input.carried, carried)) {
    throw new Wrong(
      'income_wrong',
      `the epoch before left ${show(carried)} to carry, and ${show(input.carried)} was carried`,
      epoch,
    );
  }
}

/** That the history up to this epoch begins with the one that was published before. */
export async function checkHistory(
  parts: VerifyParts,
  head: EpochHead,
  before: EpochHead | undefined,
): Promise<void> {
  const { epoch } = head;
  const path = `epoch-${epoch}/history.json`;
  const file = await needFile(parts.files, path, parseHistory, epoch);
  const rewritten = (text: string) => new Wrong('history_rewritten', text, epoch);
  const isEnd = file.after.size === head.history.size && file.after.root === head.history.root;
  const isStart = before
    ? file.before.size === before.history.size && file.before.root === before.history.root
    : file.before.size === 0n;
  if (!isEnd || !isStart) {
    throw rewritten(`${path} proves something about other histories than the published ones`);
  }
  const proof = file.proof.map((hash) => fromHex(hash, 32) as Uint8Array);
  const claim = { before: endOf(file.before), after: endOf(file.after), proof };
  if (!checkConsistency(claim, parts.hashing)) {
    throw rewritten(
      'the history of receipts does not go on from the epoch before: it was rewritten',
    );
  }
}

function endOf({ size, root }: { readonly size: bigint; readonly root: string }): HistoryHead {
  return { size: Number(size), root: fromHex(root, 32) as Uint8Array };
}

function amountsIn(leaf: FileLeaf, which: 'epoch' | 'cumulative'): Amounts {
  return Object.fromEntries(
    Object.entries(leaf.amounts).map(([asset, amounts]) => [asset, amounts[which]]),
  );
}

/** Whether two say the same; what is not named is nothing. */
export function sameAmounts(one: Amounts, other: Amounts): boolean {
  const assets = [...Object.keys(one), ...Object.keys(other)] as AssetId[];
  return assets.every((asset) => (one[asset] ?? 0n) === (other[asset] ?? 0n));
}

/** `12 ETH, 5 LPT` in base units. */
export function show(amounts: Amounts): string {
  const named = Object.entries(amounts).filter(([, amount]) => amount !== 0n);
  return named.length === 0
    ? 'nothing'
    : named.map(([asset, amount]) => `${amount} ${asset}`).join(', ');
}
