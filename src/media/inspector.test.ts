import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from './inspect.ts';
import { createInspector } from './inspector.ts';
import { makeTestVideo } from './test-video.ts';

const CHUNK_BYTES = 256 * 1024;

function chunksOf(bytes: Uint8Array): SharedArrayBuffer[] {
  const chunks: SharedArrayBuffer[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const chunk = new SharedArrayBuffer(CHUNK_BYTES);
    new Uint8Array(chunk).set(bytes.subarray(at, at + CHUNK_BYTES));
    chunks.push(chunk);
  }
  return chunks;
}

test('files in shared chunks are inspected in threads, as they would be in one piece', async () => {
  const path = await makeTestVideo({ seconds: 2, width: 640, height: 360 });
  const bytes = readFileSync(path);
  rmSync(path);
  assert.ok(bytes.length > CHUNK_BYTES);
  const inspector = createInspector({ threads: 2 });
  const files = [bytes, bytes.subarray(0, 188 * 500), Buffer.from('not media'), Buffer.alloc(0)];
  const found = await Promise.all(
    files.map((file) => inspector.inspect(chunksOf(file), file.length)),
  );
  assert.deepEqual(
    found,
    files.map((file) => inspect(file)),
  );
  await inspector.close();
});

test('a length beyond the chunks is not believed', async () => {
  const inspector = createInspector({ threads: 1 });
  const { bytes, problems } = await inspector.inspect([new SharedArrayBuffer(100)], 1000);
  assert.equal(bytes, 100);
  assert.ok(problems.length > 0);
  await inspector.close();
});

test('a file that is not done in time has a problem, and the next one is inspected', async () => {
  const inspector = createInspector({ threads: 1, limitMs: 0 });
  const slow = await inspector.inspect([new SharedArrayBuffer(100)], 100);
  assert.deepEqual(slow.problems, ['inspector_failed']);
  await inspector.close();
});
