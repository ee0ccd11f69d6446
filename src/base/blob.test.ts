import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BLOB_CHUNK_BYTES, type Blob, createBlobStore } from './blob.ts';

async function contentOf(blob: Blob): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of blob.read()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

test('readers that start early, late and after the end all read the same bytes', async () => {
  const store = createBlobStore({ bytesMax: 8 * BLOB_CHUNK_BYTES });
  const blob = store.create();
  const early = contentOf(blob);
  const bytes = Buffer.from(Uint8Array.from({ length: 700_000 }, (_, at) => (at * 7) & 0xff));
  blob.write(bytes.subarray(0, 300_000));
  await new Promise(setImmediate);
  const late = contentOf(blob);
  blob.write(bytes.subarray(300_000));
  blob.complete();
  assert.ok((await early).equals(bytes));
  assert.ok((await late).equals(bytes));
  assert.ok((await contentOf(blob)).equals(bytes));
  assert.equal(await blob.finished, true);
  blob.release();
  assert.equal(store.bytesInUse, 0);
});

test('a failed blob throws at its readers, and says so by value', async () => {
  const blob = createBlobStore({ bytesMax: BLOB_CHUNK_BYTES }).create();
  const read = assert.rejects(contentOf(blob), { code: 'blob_failed' });
  blob.write(new Uint8Array(10));
  await new Promise(setImmediate);
  blob.fail();
  await read;
  assert.equal(await blob.finished, false);
  assert.throws(() => blob.write(new Uint8Array(1)), { code: 'internal' });
});

test('a reader keeps the memory of a released blob until it leaves', async () => {
  const store = createBlobStore({ bytesMax: 4 * BLOB_CHUNK_BYTES });
  const blob = store.create();
  blob.write(new Uint8Array(2 * BLOB_CHUNK_BYTES).fill(9));
  blob.complete();
  for await (const piece of blob.read()) {
    if (blob.length > 0) blob.release();
    const other = store.create();
    other.write(new Uint8Array(2 * BLOB_CHUNK_BYTES).fill(1));
    other.release();
    assert.ok(piece.every((byte) => byte === 9));
    break;
  }
  assert.equal(store.bytesInUse, 0);
});

test('the store refuses bytes beyond its limit, and reservations count', () => {
  const store = createBlobStore({ bytesMax: 3 * BLOB_CHUNK_BYTES });
  const reserved = store.create(2 * BLOB_CHUNK_BYTES);
  assert.equal(store.bytesInUse, 2 * BLOB_CHUNK_BYTES);
  assert.equal(store.hasRoom(BLOB_CHUNK_BYTES), true);
  assert.equal(store.hasRoom(BLOB_CHUNK_BYTES + 1), false);
  const other = store.create();
  other.write(new Uint8Array(BLOB_CHUNK_BYTES));
  assert.throws(() => other.write(new Uint8Array(1)), { code: 'blob_store_full' });
  reserved.write(new Uint8Array(10));
  assert.equal(store.bytesInUse, 3 * BLOB_CHUNK_BYTES);
  reserved.complete();
  assert.equal(store.bytesInUse, 2 * BLOB_CHUNK_BYTES, 'what was not needed is given back');
  reserved.release();
  other.release();
  assert.equal(store.bytesInUse, 0);
});

type Step =
  | { does: 'create' }
  | { does: 'write'; at: number; size: number }
  | { does: 'read'; at: number }
  | { does: 'complete' | 'fail' | 'release'; at: number };

const at = fc.nat(5);
const steps = fc.array(
  fc.oneof(
    fc.constant<Step>({ does: 'create' }),
    fc.record({
      does: fc.constant('write' as const),
      at,
      size: fc.oneof(fc.nat(100), fc.nat(2 * BLOB_CHUNK_BYTES)),
    }),
    fc.record({ does: fc.constant('read' as const), at }),
    fc.record({ does: fc.constantFrom('complete', 'fail', 'release'), at }),
  ) as fc.Arbitrary<Step>,
  { maxLength: 40 },
);

/** Bytes that tell which blob they are of, and where in it. */
function patternOf(blob: number, from: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (blob * 101 + (from + i) * 13) & 0xff);
}

test('whatever the order of writes, reads and releases, a reader sees its own blob, and no memory stays behind', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const store = createBlobStore({ bytesMax: 2 ** 30 });
      const made: { blob: Blob; length: number; released: boolean }[] = [];
      const reads: Promise<void>[] = [];
      for (const step of plan) {
        if (step.does === 'create') {
          made.push({ blob: store.create(), length: 0, released: false });
          continue;
        }
        const index = step.at % Math.max(1, made.length);
        const entry = made[index];
        if (!entry || entry.released) continue;
        if (step.does === 'write' && entry.blob.state === 'growing') {
          entry.blob.write(patternOf(index, entry.length, step.size));
          entry.length += step.size;
        } else if (step.does === 'read') {
          reads.push(readAll(entry, index));
        } else if (step.does === 'complete') entry.blob.complete();
        else if (step.does === 'fail') entry.blob.fail();
        else if (step.does === 'release') {
          entry.released = true;
          entry.blob.release();
        }
        if (step.does === 'read' || step.does === 'write') await Promise.resolve();
      }
      for (const entry of made) {
        entry.blob.complete();
        if (!entry.released) entry.blob.release();
      }
      await Promise.all(reads);
      assert.equal(store.bytesInUse, 0);
    }),
    { numRuns: 60 },
  );
});

async function readAll(entry: { blob: Blob; length: number }, index: number): Promise<void> {
  let read = 0;
  try {
    for await (const piece of entry.blob.read()) {
      assert.ok(Buffer.from(patternOf(index, read, piece.length)).equals(Buffer.from(piece)));
      read += piece.length;
      await new Promise(setImmediate);
      assert.ok(
        Buffer.from(patternOf(index, read - piece.length, piece.length)).equals(Buffer.from(piece)),
        'nobody overwrote it meanwhile',
      );
    }
    assert.equal(read, entry.length);
  } catch (error) {
    if (entry.blob.state !== 'failed') throw error;
  }
}
