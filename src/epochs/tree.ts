import type { AssetId } from '../base/asset.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import {
  buildSumTree,
  privateLeafId,
  publicLeafId,
  type SumLeaf,
  type SumTree,
} from '../proofs/merkle-sum.ts';
import type { Amounts, EpochInput, Settlement } from '../terms/settle-types.ts';
import type { EpochWorker } from './store.ts';

/** The assets of an epoch in the order of its tree: by symbol, every one that anybody is owed. */
export function assetsOfEpoch(
  workers: readonly Pick<EpochWorker, 'cumulative'>[],
): readonly AssetId[] {
  const all = new Set(workers.flatMap(({ cumulative }) => Object.keys(cumulative)));
  return [...all].sort() as AssetId[];
}

/** What each worker of the input is owed, of this epoch and of all. */
export function epochWorkersOf(
  input: EpochInput,
  settlement: Settlement,
): readonly Omit<EpochWorker, 'salt'>[] {
  return [...input.workers]
    .sort((a, b) => (a.worker < b.worker ? -1 : 1))
    .map(({ worker, units, cumulative, lastSequence, lastReceiptHash }) => {
      const owed = settlement.owed[worker] ?? {};
      return {
        worker,
        units,
        owed,
        cumulative: added(cumulative, owed),
        lastSequence,
        lastReceiptHash: fromHex(lastReceiptHash),
      };
    });
}

function added(one: Amounts, other: Amounts): Amounts {
  const assets = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort() as AssetId[];
  return Object.fromEntries(
    assets.flatMap((asset) => {
      const sum = (one[asset] ?? 0n) + (other[asset] ?? 0n);
      return sum === 0n ? [] : [[asset, sum]];
    }),
  );
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** The tree of an epoch: a leaf for each worker, by id. */
export function treeOf(
  workers: readonly Omit<EpochWorker, 'salt'>[],
  hashing: ProofHashing,
  salts?: ReadonlyMap<string, Uint8Array>,
): SumTree {
  const assets = assetsOfEpoch(workers);
  const leaves = workers.map((worker): SumLeaf => {
    const salt = salts?.get(worker.worker);
    return {
      id: salt ? privateLeafId(worker.worker, salt, hashing) : publicLeafId(worker.worker),
      units: worker.units,
      amounts: assets.map((asset) => ({
        epoch: worker.owed[asset] ?? 0n,
        cumulative: worker.cumulative[asset] ?? 0n,
      })),
      lastSequence: worker.lastSequence,
      lastReceipt: worker.lastReceiptHash,
    };
  });
  return buildSumTree(leaves, { assets: assets.length, hashing });
}
