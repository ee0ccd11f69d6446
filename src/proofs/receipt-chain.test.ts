import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concat, toHex } from './bytes.ts';
import { checkEquivocation, EQUIVOCATION_BYTES, equivocationOf } from './equivocation.ts';
import { nodeHashing } from './node-hashing.ts';
import { nodeEd25519, nodeVerifyEd25519 } from './node-signatures.ts';
import {
  type ReceiptChange,
  signReceipt,
  testIdentity,
  testKey,
  workerReceipts,
} from './receipt.test-kit.ts';
import { joinSigned, RECEIPT_BYTES, type SignedReceipt, splitSigned } from './receipt.ts';
import { type ChainRules, chainStart, checkReceipts } from './receipt-chain.ts';
import { readReceiptsFile } from './receipts-file.ts';

const rules: ChainRules = {
  identity: testIdentity,
  worker: 'abcdefghij',
  keys: new Set([toHex(testKey.publicKey)]),
  hashing: nodeHashing,
  verifyEd25519: nodeVerifyEd25519,
  signatures: 'last',
};

function faultOf(receipts: readonly SignedReceipt[], change: Partial<ChainRules> = {}): string {
  const checked = checkReceipts(receipts, chainStart, { ...rules, ...change });
  return checked.ok ? 'ok' : `${checked.reason} ${checked.sequence}`;
}

/** A chain in which the pool itself signed something that is not right. */
function faultOfSigned(sequence: number, change: ReceiptChange): string {
  return faultOf(workerReceipts(25, { change: (at) => (at === sequence ? change : {}) }));
}

test('a chain that is whole is checked, in one piece or in several', () => {
  const chain = workerReceipts(35);
  assert.equal(faultOf(chain), 'ok');
  assert.equal(faultOf(chain, { signatures: 'every' }), 'ok');
  const half = checkReceipts(chain.slice(0, 13), chainStart, rules);
  assert.ok(half.ok);
  assert.equal(half.head.sequence, 13n);
  assert.equal(checkReceipts(chain.slice(13), half.head, rules).ok, true);
  assert.equal(checkReceipts([], half.head, rules).ok, true);
  // Whoever has lost the beginning can check from a known hash on.
  const known = { ...half.head, sums: undefined };
  assert.equal(checkReceipts(chain.slice(13), known, rules).ok, true);
});

test('whatever is done to a chain on its way is found and named', () => {
  const chain = workerReceipts(25);
  const [fifth, sixth] = [chain[4], chain[5]] as [SignedReceipt, SignedReceipt];
  assert.equal(faultOf(chain.toSpliced(4, 1)), 'sequence_missing 6');
  assert.equal(faultOf(chain.slice(1)), 'sequence_missing 2');
  assert.equal(faultOf(chain.with(4, sixth).with(5, fifth)), 'sequence_missing 6');
  assert.equal(faultOf(chain.toSpliced(4, 0, fifth)), 'sequence_repeated 5');
  assert.equal(faultOf([...chain, fifth]), 'sequence_back 5');
  assert.equal(faultOf(chain, { worker: 'aaaaaaaaaa' }), 'worker_differs 1');
  assert.equal(faultOf(chain, { identity: { ...testIdentity, chainId: 1n } }), 'pool_differs 1');
  assert.equal(faultOf(chain, { keys: new Set() }), 'key_unknown 1');
});

test('a byte that somebody changed is found at the receipt that it is in', () => {
  const chain = workerReceipts(12);
  fc.assert(
    fc.property(
      fc.nat(11),
      fc.nat(RECEIPT_BYTES + 63),
      fc.integer({ min: 1, max: 255 }),
      (at, byte, mask) => {
        const { body, signature } = chain[at] as SignedReceipt;
        const bytes = joinSigned(body, signature);
        bytes[byte] = (bytes[byte] as number) ^ mask;
        const read = splitSigned(bytes);
        if (!read) return; // no receipt any more
        const fault = faultOf(chain.with(at, read), { signatures: 'every' });
        const isNamed = / (?:pool|worker|key|signature)/.test(` ${fault}`);
        assert.equal(isNamed, true, fault);
        if (byte >= RECEIPT_BYTES) return; // only the last signature is looked at
        assert.equal(faultOf(chain.with(at, read)), fault);
      },
    ),
    { numRuns: 500 },
  );
});

test('what the pool itself signed wrongly is found and named', () => {
  assert.equal(faultOfSigned(5, {}), 'ok');
  assert.equal(faultOfSigned(5, { amount: 1n }), 'amount_wrong 5');
  assert.equal(faultOfSigned(5, { epochUnits: 1n }), 'units_sum_wrong 5');
  assert.equal(faultOfSigned(5, { epochAmount: 1n }), 'amount_sum_wrong 5');
  assert.equal(faultOfSigned(5, { previous: new Uint8Array(32) }), 'previous_differs 5');
  assert.equal(faultOfSigned(5, { sequence: 7n }), 'sequence_missing 7');
  assert.equal(faultOfSigned(12, { epoch: 3n }), 'units_sum_wrong 12');
  assert.equal(faultOfSigned(5, { basis: 'none', asset: '' }), 'amount_sum_wrong 5');
  const other = nodeEd25519(new Uint8Array(32).fill(2));
  const chain = workerReceipts(5);
  const last = signReceipt((chain[4] as SignedReceipt).receipt, other);
  assert.equal(faultOf(chain.with(4, last)), 'signature_wrong 5');
});

test('an epoch that begins anew adds up anew; an earlier one does not come back', () => {
  const chain = workerReceipts(25, {
    change: (at, { units, amount }) =>
      at === 15 ? { epoch: 1n, epochUnits: units, epochAmount: amount } : {},
  });
  assert.equal(faultOf(chain), 'epoch_back 15');
});

test('two receipts under one number prove to anybody that the pool cheated', () => {
  const [, second] = workerReceipts(2) as [SignedReceipt, SignedReceipt];
  const forked = signReceipt({ ...second.receipt, units: 0n });
  const proof = equivocationOf(second, forked, nodeVerifyEd25519);
  assert.ok(proof);
  const checked = checkEquivocation(proof, nodeVerifyEd25519);
  assert.ok(checked.ok);
  assert.equal(checked.other.receipt.units, 0n);

  const reasonOf = (one: SignedReceipt, other: SignedReceipt) => {
    const bytes = concat(
      joinSigned(one.body, one.signature),
      joinSigned(other.body, other.signature),
    );
    const result = checkEquivocation(bytes, nodeVerifyEd25519);
    return result.ok ? 'ok' : result.reason;
  };
  assert.equal(reasonOf(second, forked), 'ok');
  assert.equal(reasonOf(second, second), 'same');
  assert.equal(
    reasonOf(second, signReceipt({ ...second.receipt, sequence: 3n })),
    'numbers_differ',
  );
  assert.equal(reasonOf(second, signReceipt({ ...second.receipt, chainId: 1n })), 'pools_differ');
  assert.equal(
    reasonOf(second, signReceipt({ ...second.receipt, worker: 'aaaaaaaaaa' })),
    'workers_differ',
  );
  assert.equal(reasonOf(second, { ...forked, signature: second.signature }), 'signature_wrong');
  assert.equal(equivocationOf(second, second, nodeVerifyEd25519), undefined);
  const short = checkEquivocation(new Uint8Array(EQUIVOCATION_BYTES - 1), nodeVerifyEd25519);
  assert.deepEqual(short, { ok: false, reason: 'malformed' });
});

test('a file of receipts reads, and one that was cut or spoiled does not', () => {
  const chain = workerReceipts(3);
  const bytes = concat(...chain.map(({ body, signature }) => joinSigned(body, signature)));
  const read = readReceiptsFile(bytes);
  assert.ok(read.ok);
  assert.deepEqual(read.receipts, chain);
  assert.deepEqual(readReceiptsFile(bytes.subarray(0, 1_000)), {
    ok: false,
    text: 'the file of receipts ends within one, after 148 bytes',
  });
  bytes[426] = 0;
  assert.deepEqual(readReceiptsFile(bytes), {
    ok: false,
    text: 'number 2 in the file is no receipt',
  });
});
