import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concat, toHex, u64, u128 } from './bytes.ts';
import {
  buildSumTree,
  checkPath,
  leafNode,
  privateLeafId,
  publicLeafId,
  type SumLeaf,
  type SumNode,
  type SumPath,
} from './merkle-sum.ts';
import { nodeHashing as hashing } from './node-hashing.ts';
import { splitOf } from './tree-shape.ts';

const ASSETS = 2;
const small = fc.bigInt({ min: 0n, max: 2n ** 96n });
const anyLeaf: fc.Arbitrary<SumLeaf> = fc.record({
  id: fc.stringMatching(/^[a-z2-7]{10}$/).map(publicLeafId),
  units: small,
  amounts: fc.array(fc.record({ epoch: small, cumulative: small }), {
    minLength: ASSETS,
    maxLength: ASSETS,
  }),
  lastSequence: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  lastReceipt: fc.uint8Array({ minLength: 32, maxLength: 32 }),
});
const leafLists = fc.array(anyLeaf, { minLength: 1, maxLength: 40 });
const treeOf = (leaves: readonly SumLeaf[]) => buildSumTree(leaves, { assets: ASSETS, hashing });

/** The definition, word for word, slow and plain. */
function naiveRoot(nodes: readonly SumNode[]): SumNode {
  if (nodes.length === 1) return nodes[0] as SumNode;
  const split = splitOf(nodes.length);
  const left = naiveRoot(nodes.slice(0, split));
  const right = naiveRoot(nodes.slice(split));
  const packed = (node: SumNode) =>
    concat(
      node.hash,
      u128(node.units),
      ...node.amounts.flatMap((one) => [u128(one.epoch), u128(one.cumulative)]),
    );
  return {
    hash: hashing.sha256(concat(Uint8Array.of(1), packed(left), packed(right))),
    units: left.units + right.units,
    amounts: left.amounts.map((one, at) => ({
      epoch: one.epoch + (right.amounts[at]?.epoch ?? 0n),
      cumulative: one.cumulative + (right.amounts[at]?.cumulative ?? 0n),
    })),
  };
}

test('the root is that of the definition, and adds up every leaf', () => {
  fc.assert(
    fc.property(leafLists, (leaves) => {
      const { root } = treeOf(leaves);
      assert.deepEqual(root, naiveRoot(leaves.map((leaf) => leafNode(leaf, hashing))));
      assert.equal(
        root.units,
        leaves.reduce((sum, { units }) => sum + units, 0n),
      );
    }),
  );
});

test('every leaf has a path to the root, and none to another place', () => {
  fc.assert(
    fc.property(leafLists, fc.nat(), (leaves, seed) => {
      const tree = treeOf(leaves);
      for (const [index, leaf] of leaves.entries()) {
        const path = tree.pathOf(index);
        assert.deepEqual(checkPath(leaf, path, { root: tree.root, hashing }), { ok: true });
      }
      const path = tree.pathOf(seed % leaves.length);
      const leaf = leaves[(seed + 1) % leaves.length] as SumLeaf;
      if (
        toHex(leafNode(leaf, hashing).hash) ===
        toHex(leafNode(leaves[path.index] as SumLeaf, hashing).hash)
      )
        return;
      assert.equal(checkPath(leaf, path, { root: tree.root, hashing }).ok, false);
    }),
  );
});

test('each change of a leaf is seen', () => {
  const [leaf, ...rest] = fc.sample(anyLeaf, { seed: 3, numRuns: 6 }) as [SumLeaf, ...SumLeaf[]];
  const tree = treeOf([leaf, ...rest]);
  const path = tree.pathOf(0);
  const [first] = leaf.amounts as [SumLeaf['amounts'][number]];
  const changes: readonly Partial<SumLeaf>[] = [
    { id: publicLeafId('aaaaaaaaaa') },
    { units: leaf.units + 1n },
    { amounts: leaf.amounts.with(0, { ...first, epoch: first.epoch + 1n }) },
    { amounts: leaf.amounts.with(0, { ...first, cumulative: first.cumulative + 1n }) },
    { amounts: leaf.amounts.toReversed() },
    { lastSequence: leaf.lastSequence ^ 1n },
    { lastReceipt: new Uint8Array(32) },
  ];
  for (const change of changes) {
    const changed = checkPath({ ...leaf, ...change }, path, { root: tree.root, hashing });
    assert.deepEqual(changed, { ok: false, reason: 'root_differs' });
  }
});

test('what is wrong with a path is named', () => {
  const leaves = fc.sample(anyLeaf, { seed: 5, numRuns: 7 });
  const tree = treeOf(leaves);
  const { root } = tree;
  const path = tree.pathOf(2);
  const reasonOf = (change: Partial<SumPath>, to: SumNode = root) => {
    const checked = checkPath(leaves[2] as SumLeaf, { ...path, ...change }, { root: to, hashing });
    return checked.ok ? 'ok' : checked.reason;
  };
  const [bottom, middle, top] = path.siblings as [SumNode, SumNode, SumNode];
  const heavy = { ...bottom, units: 2n ** 128n - 1n };
  assert.equal(reasonOf({}), 'ok');
  assert.equal(reasonOf({ index: 7 }), 'index_out_of_range');
  assert.equal(reasonOf({ index: -1 }), 'index_out_of_range');
  assert.equal(reasonOf({ index: 3 }), 'sibling_swapped');
  assert.equal(reasonOf({ siblings: [middle, bottom, top] }), 'sibling_swapped');
  assert.equal(reasonOf({ siblings: [bottom, middle] }), 'path_length_wrong');
  assert.equal(reasonOf({ siblings: [bottom, middle, bottom] }), 'root_differs');
  assert.equal(reasonOf({ siblings: [heavy, middle, top] }), 'sum_overflow');
  assert.equal(reasonOf({ siblings: [{ ...bottom, amounts: [] }, middle, top] }), 'assets_differ');
  assert.equal(reasonOf({}, { ...root, units: root.units + 1n }), 'total_wrong');
  assert.equal(reasonOf({}, { ...root, hash: new Uint8Array(32) }), 'root_differs');
});

test('a total that 16 bytes cannot hold is refused', () => {
  const [leaf] = fc.sample(anyLeaf, { seed: 7, numRuns: 1 }) as [SumLeaf];
  const half = { ...leaf, units: 2n ** 127n };
  assert.throws(() => treeOf([half, half]), /does not fit/);
  assert.throws(() => treeOf([{ ...leaf, units: 2n ** 128n }]), RangeError);
  assert.throws(() => buildSumTree([leaf], { assets: 1, hashing }), RangeError);
});

test('an epoch without workers has a root', () => {
  const { root, count } = treeOf([]);
  assert.equal(count, 0);
  assert.equal(root.units, 0n);
  assert.equal(toHex(root.hash), toHex(hashing.sha256(new Uint8Array(0))));
});

test('a leaf lies in its bytes as documented', () => {
  const leaf: SumLeaf = {
    id: publicLeafId('abcdefghij'),
    units: 5n,
    amounts: [{ epoch: 6n, cumulative: 7n }],
    lastSequence: 8n,
    lastReceipt: new Uint8Array(32).fill(9),
  };
  const bytes = concat(
    Uint8Array.of(0),
    new TextEncoder().encode('abcdefghij'),
    new Uint8Array(22),
    u128(5n),
    u128(6n),
    u128(7n),
    u64(8n),
    new Uint8Array(32).fill(9),
  );
  assert.deepEqual(leafNode(leaf, hashing).hash, hashing.sha256(bytes));
});

test('a private leaf shows a hash that only its salt explains', () => {
  const salt = new Uint8Array(32).fill(1);
  const id = privateLeafId('abcdefghij', salt, hashing);
  assert.deepEqual(id, hashing.sha256(concat(salt, new TextEncoder().encode('abcdefghij'))));
  assert.throws(() => privateLeafId('abcdefghij', salt.subarray(1), hashing), RangeError);
  assert.throws(() => publicLeafId('Someone'), RangeError);
});
