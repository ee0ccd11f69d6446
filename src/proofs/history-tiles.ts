import { concat } from './bytes.ts';
import { HASH_BYTES, type ProofHashing } from './hashing.ts';
import {
  consistencyRanges,
  emptyHistoryRoot,
  type HistoryHead,
  historyLeaf,
  historyNode,
  inclusionRanges,
  type LeafRange,
} from './history.ts';
import { splitOf } from './tree-shape.ts';

// The tree is kept and published as tiles of height 8. Tile n of level l holds the hashes of the
// tree's level 8 l, from 256 n on: 256 of them when it is full (8 KiB), fewer at the edge. A full tile
// never changes, so it may be kept for ever; every proof comes out of a few tiles.

/** Hashes in a full tile: 8 levels of the tree. */
export const TILE_HASHES = 256;
/** Enough for 2^53 leaves. */
export const TILE_LEVELS_MAX = 7;

/** Where a tile belongs. */
export interface TilePlace {
  readonly level: number;
  readonly index: number;
}

/** One tile, full or at the edge: `bytes` are 1 to 256 hashes. */
export interface Tile extends TilePlace {
  readonly bytes: Uint8Array;
}

/** Under which name a tile is published: `tile/0/12`, at the edge with its width `tile/0/13.p/200`. */
export function tilePath(place: TilePlace, hashes: number): string {
  const path = `tile/${place.level}/${place.index}`;
  return hashes === TILE_HASHES ? path : `${path}.p/${hashes}`;
}

/** How many hashes the tile at a place has in a tree of `size`; 0 when it is not there. */
export function tileWidth({ level, index }: TilePlace, size: number): number {
  const hashes = Math.floor(size / TILE_HASHES ** level);
  return Math.max(0, Math.min(TILE_HASHES, hashes - index * TILE_HASHES));
}

/** The tiles at the right edge: those that are not full, lowest level first. They are the state. */
export function edgeTiles(size: number): readonly TilePlace[] {
  const places: TilePlace[] = [];
  for (let level = 0; level < TILE_LEVELS_MAX; level += 1) {
    const hashes = Math.floor(size / TILE_HASHES ** level);
    if (hashes === 0) break;
    if (hashes % TILE_HASHES > 0) places.push({ level, index: Math.floor(hashes / TILE_HASHES) });
  }
  return places;
}

/** Appends receipts to the history; O(1) amortised for each. */
export interface HistoryWriter {
  readonly size: number;
  /** Appends the hash of a receipt. */
  append(receiptHash: Uint8Array): void;
  head(): HistoryHead;
  /** The tiles that are new or changed since they were taken last. */
  takeTiles(): readonly Tile[];
}

/**
 * Goes on with a history of `size` receipts.
 *
 * @param edge the tiles of {@link edgeTiles}; none for a new history
 * @throws RangeError when they are not the edge of a tree of this size
 */
export function continueHistory(
  from: { readonly size: number; readonly edge: readonly Tile[] },
  hashing: ProofHashing,
): HistoryWriter {
  /** For each level of tiles, the hashes of its tile at the edge. */
  const edges: Uint8Array[][] = [];
  const changed = new Map<string, Tile>();
  let size = from.size;
  for (const place of edgeTiles(size)) {
    const tile = from.edge.find(
      ({ level, index }) => level === place.level && index === place.index,
    );
    if (tile?.bytes.length !== tileWidth(place, size) * HASH_BYTES) {
      throw new RangeError(
        `tile ${place.index} of level ${place.level} is missing or of another width`,
      );
    }
    edges[place.level] = hashesOf(tile.bytes);
  }

  const push = (level: number, index: number, hash: Uint8Array): void => {
    const edge = edges[level] ?? [];
    edges[level] = edge;
    edge.push(hash);
    const tileIndex = Math.floor(index / TILE_HASHES);
    changed.set(`${level}/${tileIndex}`, { level, index: tileIndex, bytes: EMPTY });
    if (edge.length < TILE_HASHES) return;
    changed.set(`${level}/${tileIndex}`, { level, index: tileIndex, bytes: concat(...edge) });
    edges[level] = [];
    push(level + 1, tileIndex, rootOfHashes(edge, hashing));
  };

  return {
    get size() {
      return size;
    },
    append(receiptHash) {
      push(0, size, historyLeaf(receiptHash, hashing));
      size += 1;
    },
    head() {
      // From the right: what stands at the edge of each level, the lowest being the youngest.
      let root: Uint8Array | undefined;
      for (let level = 0; level < edges.length; level += 1) {
        const edge = edges[level] ?? [];
        const all = root ? [...edge, root] : edge;
        // The younger part is smaller than a hash of this level, so it takes the last place.
        if (all.length > 0) root = rootOfHashes(all, hashing);
      }
      return { size, root: root ?? emptyHistoryRoot(hashing) };
    },
    takeTiles() {
      const tiles = [...changed.values()].map((tile) =>
        tile.bytes.length > 0 ? tile : { ...tile, bytes: concat(...(edges[tile.level] ?? [])) },
      );
      changed.clear();
      return tiles;
    },
  };
}
const EMPTY = new Uint8Array(0);

function hashesOf(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, at) =>
    bytes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

function rootOfHashes(hashes: readonly Uint8Array[], hashing: ProofHashing): Uint8Array {
  let level = hashes;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < level.length; at += 2) {
      const [left, right] = [level[at] as Uint8Array, level[at + 1]];
      above.push(right ? historyNode(left, right, hashing) : left);
    }
    level = above;
  }
  return level[0] as Uint8Array;
}

/** Reads the bytes of a tile that has (at least) so many hashes: a published file, or one of ours. */
export type ReadTile = (place: TilePlace, hashes: number) => Promise<Uint8Array>;

/** Answers every question about one size of the history out of its tiles. */
export interface HistoryReader {
  root(): Promise<Uint8Array>;
  /** Proof that the receipt at `index` is in it. Throws RangeError when there is none. */
  inclusion(index: number): Promise<readonly Uint8Array[]>;
  /** Proof that it begins with the history of the size `before`. */
  consistency(before: number): Promise<readonly Uint8Array[]>;
}

/** Throws RangeError when a tile has another width than it must. What `read` throws comes through. */
export function readHistory(
  size: number,
  { read, hashing }: { readonly read: ReadTile; readonly hashing: ProofHashing },
): HistoryReader {
  const known = new Map<string, Promise<readonly Uint8Array[]>>();
  const tile = (place: TilePlace): Promise<readonly Uint8Array[]> => {
    const width = tileWidth(place, size);
    const path = tilePath(place, width);
    const hashes = known.get(path) ?? read(place, width).then((bytes) => firstHashes(bytes, width));
    known.set(path, hashes);
    return hashes;
  };
  const ofRange = async ({ from, to }: LeafRange): Promise<Uint8Array> => {
    const count = to - from;
    if (count > 1 && splitOf(count) * 2 !== count) {
      const middle = from + splitOf(count);
      return historyNode(
        await ofRange({ from, to: middle }),
        await ofRange({ from: middle, to }),
        hashing,
      );
    }
    // A whole subtree: its hash, or the leaves of its part of a tile.
    let level = 0;
    while (TILE_HASHES ** (level + 1) <= count) level += 1;
    const each = TILE_HASHES ** level;
    const first = from / each;
    const index = Math.floor(first / TILE_HASHES);
    const start = first - index * TILE_HASHES;
    const hashes = await tile({ level, index });
    return rootOfHashes(hashes.slice(start, start + count / each), hashing);
  };
  const all = (ranges: readonly LeafRange[]) => Promise.all(ranges.map(ofRange));
  return {
    root: async () => (size === 0 ? emptyHistoryRoot(hashing) : ofRange({ from: 0, to: size })),
    inclusion: async (index) => all(inclusionRanges(index, size)),
    consistency: async (before) => all(consistencyRanges(before, size)),
  };
}

function firstHashes(bytes: Uint8Array, width: number): readonly Uint8Array[] {
  if (bytes.length < width * HASH_BYTES || bytes.length % HASH_BYTES !== 0) {
    throw new RangeError(`a tile has ${bytes.length} bytes, not ${width * HASH_BYTES}`);
  }
  return hashesOf(bytes.subarray(0, width * HASH_BYTES));
}
