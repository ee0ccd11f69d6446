import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concat, toHex, u64 } from './bytes.ts';
import { checkConsistency, checkInclusion, type HistoryHead, historyLeaf } from './history.ts';
import {
  continueHistory,
  edgeTiles,
  readHistory,
  TILE_HASHES,
  type Tile,
  type TilePlace,
  tilePath,
  tileWidth,
} from './history-tiles.ts';
import { nodeHashing as hashing } from './node-hashing.ts';
import { splitOf } from './tree-shape.ts';

const receipts = Array.from({ length: 70_000 }, (_, at) => hashing.sha256(u64(BigInt(at))));

/** The definition, word for word: RFC 9162, section 2.1.1. */
function naiveRoot(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return hashing.sha256(new Uint8Array(0));
  if (hashes.length === 1) return hashing.sha256(concat(Uint8Array.of(0), hashes[0] as Uint8Array));
  const split = splitOf(hashes.length);
  const [left, right] = [naiveRoot(hashes.slice(0, split)), naiveRoot(hashes.slice(split))];
  return hashing.sha256(concat(Uint8Array.of(1), left, right));
}

/** A history that stores its tiles as files would be stored, and opens them again. */
function storedHistory() {
  const files = new Map<string, Uint8Array>();
  let size = 0;
  const fileOf = (place: TilePlace, hashes: number) =>
    files.get(tilePath(place, hashes)) as Uint8Array;
  return {
    appendUpTo(end: number): HistoryHead {
      const edge: Tile[] = edgeTiles(size).map((place) => ({
        ...place,
        bytes: fileOf(place, tileWidth(place, size)),
      }));
      const writer = continueHistory({ size, edge }, hashing);
      while (size < end) {
        writer.append(receipts[size] as Uint8Array);
        size += 1;
      }
      for (const tile of writer.takeTiles())
        files.set(tilePath(tile, tile.bytes.length / 32), tile.bytes);
      return writer.head();
    },
    at: (earlier: number) =>
      readHistory(earlier, { read: async (place, hashes) => fileOf(place, hashes), hashing }),
  };
}

const sizes = fc.oneof(
  { weight: 6, arbitrary: fc.nat(1_200) },
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 255, 256, 257, 511, 512) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536, 65_537, receipts.length) },
);

test('a history has the root of the definition, however it was cut into batches', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(sizes, { minLength: 1, maxLength: 5 }), async (batches) => {
      const history = storedHistory();
      for (const size of batches.toSorted((a, b) => a - b)) {
        const head = history.appendUpTo(size);
        assert.equal(head.size, size);
        assert.equal(toHex(head.root), toHex(naiveRoot(receipts.slice(0, size))));
        assert.deepEqual(await history.at(size).root(), head.root);
      }
    }),
    { numRuns: 25 },
  );
});

test('each receipt is proven to be in it, and no other', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, seed, other) => {
      fc.pre(size > 0);
      const history = storedHistory();
      const { root } = history.appendUpTo(size);
      const index = seed % size;
      const proof = await history.at(size).inclusion(index);
      const receiptHash = receipts[index] as Uint8Array;
      const claim = { receiptHash, index, size, proof, root };
      assert.equal(checkInclusion(claim, hashing), true);
      const wrong = receipts[(index + 1 + (other % 1_000)) % receipts.length] as Uint8Array;
      assert.equal(checkInclusion({ ...claim, receiptHash: wrong }, hashing), false);
      assert.equal(checkInclusion({ ...claim, index: size }, hashing), false);
      assert.equal(checkInclusion({ ...claim, proof: [...proof, root] }, hashing), false);
      if (proof.length > 0) {
        assert.equal(checkInclusion({ ...claim, proof: proof.slice(1) }, hashing), false);
      }
    }),
    { numRuns: 40 },
  );
});

test('an earlier root and a later one are proven to be of one history', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, sizes, fc.nat(), async (one, another, seed) => {
      const [early, late] = [Math.min(one, another), Math.max(one, another)];
      const history = storedHistory();
      const before = history.appendUpTo(early);
      const after = history.appendUpTo(late);
      const proof = await history.at(late).consistency(early);
      assert.equal(checkConsistency({ before, after, proof }, hashing), true);
      if (early === 0) return;
      const wrongRoot = { ...before, root: receipts[0] as Uint8Array };
      assert.equal(checkConsistency({ before: wrongRoot, after, proof }, hashing), false);
      if (early === late) return;
      const stale = { ...after, root: before.root };
      assert.equal(checkConsistency({ before, after: stale, proof }, hashing), false);
      const spoiled = proof.map((hash, at) => (at === seed % proof.length ? before.root : hash));
      if (
        toHex(spoiled[seed % proof.length] as Uint8Array) !==
        toHex(proof[seed % proof.length] as Uint8Array)
      ) {
        assert.equal(checkConsistency({ before, after, proof: spoiled }, hashing), false);
      }
      assert.equal(checkConsistency({ before, after, proof: proof.slice(1) }, hashing), false);
    }),
    { numRuns: 40 },
  );
});

test('a receipt that is rewritten breaks the consistency with the root before', async () => {
  const history = storedHistory();
  const before = history.appendUpTo(300);
  const files = new Map<string, Uint8Array>();
  const rewritten = continueHistory({ size: 0, edge: [] }, hashing);
  for (let at = 0; at < 700; at += 1) {
    rewritten.append(receipts[at === 7 ? 8 : at] as Uint8Array);
  }
  for (const tile of rewritten.takeTiles()) files.set(`${tile.level}/${tile.index}`, tile.bytes);
  const read = async ({ level, index }: TilePlace) => files.get(`${level}/${index}`) as Uint8Array;
  const proof = await readHistory(700, { read, hashing }).consistency(300);
  const after = rewritten.head();
  assert.equal(checkConsistency({ before, after, proof }, hashing), false);
});

test('a full tile has 8 KiB and never changes', () => {
  const writer = continueHistory({ size: 0, edge: [] }, hashing);
  for (let at = 0; at < 600; at += 1) writer.append(receipts[at] as Uint8Array);
  const tiles = writer.takeTiles();
  const widths = tiles.map((tile) => [tilePath(tile, tile.bytes.length / 32), tile.bytes.length]);
  assert.deepEqual(widths, [
    ['tile/0/0', 8_192],
    ['tile/1/0.p/2', 64],
    ['tile/0/1', 8_192],
    ['tile/0/2.p/88', 88 * 32],
  ]);
  assert.deepEqual(
    tiles[0]?.bytes.subarray(0, 32),
    historyLeaf(receipts[0] as Uint8Array, hashing),
  );
  writer.append(receipts[600] as Uint8Array);
  assert.deepEqual(
    writer.takeTiles().map(({ level, index }) => [level, index]),
    [[0, 2]],
  );
});

test('a history does not go on from tiles of another size', () => {
  const bytes = new Uint8Array(32 * 3);
  const edge = [{ level: 0, index: 0, bytes }];
  assert.throws(() => continueHistory({ size: 4, edge }, hashing), /tile 0 of level 0/);
  assert.throws(() => continueHistory({ size: TILE_HASHES + 3, edge }, hashing), RangeError);
  assert.equal(continueHistory({ size: 3, edge }, hashing).size, 3);
});
