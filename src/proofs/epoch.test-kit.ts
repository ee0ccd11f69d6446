import type { AssetId } from '../base/asset.ts';
import { toHex, u64 } from './bytes.ts';
import { digestOf } from './canonical.ts';
import {
  epochStatement,
  headDigest,
  namedAmounts,
  namedSiblings,
  sumLeafOf,
} from './epoch-proofs.ts';
import type {
  EpochHead,
  FileLeaf,
  HistoryFile,
  IndexFile,
  LeavesFile,
  PathFile,
  SignedEpoch,
} from './files.ts';
import { continueHistory, readHistory, tilePath, tileWidth } from './history-tiles.ts';
import { buildSumTree, type SumLeaf } from './merkle-sum.ts';
import { nodeHashing as hashing } from './node-hashing.ts';
import type { nodeEd25519 } from './node-signatures.ts';
import { plain } from './read-json.ts';
import { testIdentity, testKey, workerReceipts } from './receipt.test-kit.ts';
import { receiptHash, type SignedReceipt } from './receipt.ts';
import { statementBytes } from './statement.ts';

/** All files of one epoch, as objects: a test changes what it likes and writes them. */
export interface TestEpoch {
  readonly signed: SignedEpoch;
  readonly input: object;
  readonly leaves: LeavesFile;
  readonly paths: readonly PathFile[];
  readonly history: HistoryFile;
}

/** A pool with its published files and what its workers hold. */
export interface TestPool {
  readonly index: IndexFile;
  readonly epochs: readonly TestEpoch[];
  readonly receipts: ReadonlyMap<string, readonly SignedReceipt[]>;
}

/** Signs a head as the pool of the tests does. */
export function signHead(
  head: EpochHead,
  key: ReturnType<typeof nodeEd25519> = testKey,
): SignedEpoch {
  const message = statementBytes(testIdentity, epochStatement(head, hashing));
  return { head, key: toHex(key.publicKey), signature: toHex(key.sign(message)) };
}

/** The index of heads. */
export function indexOf(heads: readonly EpochHead[]): IndexFile {
  return {
    format: 'tributary-proofs-1',
    pool: `0x${toHex(testIdentity.pool)}`,
    chainId: testIdentity.chainId,
    keys: [{ version: 1n, key: toHex(testKey.publicKey) }],
    epochs: heads.map((head) => ({ epoch: head.epoch, digest: headDigest(head, hashing) })),
  };
}

/**
 * A right pool: each worker has a chain of receipts, is owed what `owed` says, and stands in each
 * epoch's tree; the history holds every receipt.
 *
 * @param random a number from 0 up to, and without, `below`; the same numbers make the same pool
 */
export async function makePool(options: {
  readonly epochs: number;
  readonly workers: number;
  readonly perEpoch: number;
  readonly assets: readonly AssetId[];
  readonly privacy: 'public' | 'private';
  readonly random: (below: number) => number;
}): Promise<TestPool> {
  const { perEpoch, random, privacy } = options;
  const workers = Array.from({ length: options.workers }, () => workerName(random)).sort();
  const receipts = new Map(
    workers.map((worker) => [
      worker,
      workerReceipts(perEpoch * options.epochs, { worker, perEpoch }),
    ]),
  );
  const tiles = new Map<string, Uint8Array>();
  const writer = continueHistory({ size: 0, edge: [] }, hashing);
  const last = new Map<string, FileLeaf>();
  const epochs: TestEpoch[] = [];
  for (let number = 1; number <= options.epochs; number += 1) {
    const before = epochs.at(-1)?.signed.head;
    const epoch = BigInt(number);
    const assets = options.assets.slice(0, 1 + random(options.assets.length)).sort();
    const leaves = workers.map((worker) => {
      const own = receipts.get(worker) as readonly SignedReceipt[];
      return nextLeaf({ worker, own, number, perEpoch, assets, random, last: last.get(worker) });
    });
    for (const leaf of leaves)
      last.set(leaf.worker, {
        ...leaf,
        amounts: { ...last.get(leaf.worker)?.amounts, ...leaf.amounts },
      });
    for (const worker of workers) {
      const own = receipts.get(worker) as readonly SignedReceipt[];
      for (const { body } of own.slice((number - 1) * perEpoch, number * perEpoch)) {
        writer.append(receiptHash(body, hashing));
      }
    }
    for (const tile of writer.takeTiles())
      tiles.set(tilePath(tile, tile.bytes.length / 32), tile.bytes);
    const { size, root: historyRoot } = writer.head();
    const salts =
      privacy === 'private'
        ? leaves.map((_, at) => hashing.sha256(u64(BigInt(number * 1_000 + at))))
        : [];
    const sumLeaves = leaves.map((leaf, at) =>
      sumLeafOf(leaf, { assets, hashing, salt: salts[at] && toHex(salts[at]) }),
    ) as SumLeaf[];
    const tree = buildSumTree(sumLeaves, { assets: assets.length, hashing });
    const input = {
      epoch,
      opensAt: 1_800_000_000_000 + number,
      closesAt: 1_800_000_000_001 + number,
      workers: leaves.map(({ worker, units, lastSequence, lastReceipt }) => ({
        worker,
        units,
        lastSequence,
        lastReceiptHash: lastReceipt,
      })),
    };
    const head: EpochHead = {
      format: 'tributary-epoch-1',
      pool: `0x${toHex(testIdentity.pool)}`,
      chainId: testIdentity.chainId,
      epoch,
      period: 'day',
      opensAt: 1_800_000_000_000 + number,
      closesAt: 1_800_000_000_001 + number,
      terms: { version: 1, digest: toHex(digestOf({ name: 'test' }, hashing)) },
      previous: before ? headDigest(before, hashing) : '0'.repeat(64),
      privacy,
      assets,
      leaves: leaves.length,
      root: toHex(tree.root.hash),
      totals: { units: tree.root.units, amounts: namedAmounts(tree.root.amounts, assets) },
      income: {},
      commission: {},
      dust: {},
      input: toHex(digestOf(plain(input), hashing)),
      settlement: toHex(digestOf({ of: String(number) }, hashing)),
      history: { size: BigInt(size), root: toHex(historyRoot) },
    };
    const reader = readHistory(size, {
      read: async (place, width) => {
        const bytes = tiles.get(tilePath(place, width));
        if (!bytes || tileWidth(place, size) !== width) throw new RangeError('no such tile');
        return bytes;
      },
      hashing,
    });
    const start = before?.history ?? { size: 0n, root: toHex(hashing.sha256(new Uint8Array(0))) };
    epochs.push({
      signed: signHead(head),
      input,
      leaves: { format: 'tributary-leaves-1', epoch, leaves },
      paths: leaves.map((leaf, index) => ({
        format: 'tributary-path-1',
        epoch,
        leaf,
        ...(salts[index] ? { salt: toHex(salts[index]) } : {}),
        index,
        count: leaves.length,
        siblings: namedSiblings(tree.pathOf(index), assets),
      })),
      history: {
        format: 'tributary-history-1',
        epoch,
        before: start,
        after: head.history,
        proof: (await reader.consistency(Number(start.size))).map(toHex),
      },
    });
  }
  return { index: indexOf(epochs.map(({ signed }) => signed.head)), epochs, receipts };
}

function workerName(random: (below: number) => number): string {
  return Array.from({ length: 10 }, () => 'abcdefghijklmnopqrstuvwxyz234567'[random(32)]).join('');
}

/** Units are those of the receipts of the epoch; what is owed is drawn. */
function nextLeaf(of: {
  readonly worker: string;
  readonly own: readonly SignedReceipt[];
  readonly number: number;
  readonly perEpoch: number;
  readonly assets: readonly AssetId[];
  readonly random: (below: number) => number;
  readonly last: FileLeaf | undefined;
}): FileLeaf {
  const { worker, own, number, perEpoch, assets, random, last } = of;
  const { receipt, body } = own[number * perEpoch - 1] as SignedReceipt;
  const amounts = assets.map((asset) => {
    const epoch = BigInt(random(2 ** 31)) * 10n ** BigInt(random(20));
    return { epoch, cumulative: (last?.amounts[asset]?.cumulative ?? 0n) + epoch };
  });
  return {
    worker,
    units: receipt.epochUnits,
    amounts: namedAmounts(amounts, assets),
    lastSequence: receipt.sequence,
    lastReceipt: toHex(receiptHash(body, hashing)),
  };
}

/** Numbers that a seed decides: the same pool wherever it is made. */
export function seededNumbers(seed: string): (below: number) => number {
  let [block, at] = [hashing.sha256(new TextEncoder().encode(seed)), 0];
  return (below) => {
    if (at === 32) [block, at] = [hashing.sha256(block), 0];
    const value = new DataView(block.buffer).getUint32(at);
    at += 4;
    return value % below;
  };
}
