import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { BLOB_CHUNK_BYTES, createBlobStore } from './blob.ts';
import { hex } from './bytes.ts';
import { createHashing } from './hashing.ts';
import { keccak256 } from './keccak.ts';

function start(t: TestContext, threads = 2) {
  const hashing = createHashing({ threads });
  t.after(() => hashing.close());
  return { hashing, store: createBlobStore({ bytesMax: 64 * BLOB_CHUNK_BYTES }) };
}

function pattern(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 31 + seed + (at >> 8)) & 0xff);
}

test('blobs of every size around a chunk hash right while they grow, many at once', async (t) => {
  const { hashing, store } = start(t);
  const sizes = [0, 1, 4096, 4097, BLOB_CHUNK_BYTES - 1, BLOB_CHUNK_BYTES, BLOB_CHUNK_BYTES + 1];
  sizes.push(3 * BLOB_CHUNK_BYTES, 3 * BLOB_CHUNK_BYTES + 77);
  const jobs = sizes.map((size, seed) => {
    const bytes = pattern(size, seed);
    const blob = store.create();
    return { bytes, blob, hash: hashing.keccak256(blob) };
  });
  for (let round = 0; round * 100_000 <= 3 * BLOB_CHUNK_BYTES + 77; round++) {
    for (const { bytes, blob } of jobs) {
      blob.write(bytes.subarray(round * 100_000, (round + 1) * 100_000));
    }
    await new Promise(setImmediate);
  }
  for (const { blob } of jobs) blob.complete();
  for (const { bytes, blob, hash } of jobs) {
    assert.equal(hex(await hash), hex(keccak256(bytes)));
    assert.equal(hex(await hashing.keccak256(blob)), hex(keccak256(bytes)), 'once more, whole');
    blob.release();
  }
  assert.equal(store.bytesInUse, 0);
});

test('a blob that fails rejects its hash, and its memory comes back afterwards', async (t) => {
  const { hashing, store } = start(t, 1);
  const blob = store.create();
  const hash = hashing.keccak256(blob);
  blob.write(new Uint8Array(BLOB_CHUNK_BYTES + 5));
  await new Promise(setImmediate);
  blob.fail();
  blob.release();
  await assert.rejects(hash, { code: 'blob_failed' });
  assert.equal(store.bytesInUse, 0);
});

test('closing rejects what still runs and every later wish', async (t) => {
  const { hashing, store } = start(t, 1);
  const blob = store.create();
  const hash = hashing.keccak256(blob);
  const rejected = assert.rejects(hash, { code: 'hashing_closed' });
  await hashing.close();
  await rejected;
  await assert.rejects(hashing.keccak256(blob), { code: 'hashing_closed' });
  blob.release();
  assert.equal(store.bytesInUse, 0);
});
