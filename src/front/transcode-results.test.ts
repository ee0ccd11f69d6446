import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBlobStore } from '../base/blob.ts';
import type { Exchange } from '../http/exchange.ts';
import { multipartBody } from '../protocol/multipart.ts';
import { presets } from '../protocol/profile-presets.ts';
import type { FrontParts } from './parts.ts';
import { postTranscodeResults } from './transcode-results.ts';

/** A worker's post of one rendition, and the pool behind it with a fault built in. */
function post(fault: { readonly hashing?: Error; readonly memory?: number }) {
  const { boundary, chunks } = multipartBody([
    { headers: { 'Content-Type': 'video/mp2t', Pixels: '256' }, body: [Buffer.alloc(10_000)] },
  ]);
  const blobs = createBlobStore({ bytesMax: fault.memory ?? 64 * 1024 * 1024 });
  const said: string[] = [];
  const profiles = [presets.P240p30fps16x9];
  const task = { job: { detail: { segment: { profiles, durationMs: 2_000 } } } };
  const parts = {
    blobs,
    clock: { now: () => 0 },
    workers: { authenticate: () => ({ id: 'worker' }) },
    hashing: { keccak256: () => Promise.reject(fault.hashing ?? new Error('not asked for')) },
    inspector: { inspect: () => Promise.resolve({ problems: [] }) },
    relay: {
      claim: () => ({ ok: true, task }),
      async failed() {
        said.push('failed');
        return 'rejected';
      },
      async unread() {
        said.push('unread');
        return 'rejected';
      },
    },
  };
  const exchange = {
    headers: {
      authorization: 'Livepeer-Transcoder-1.0',
      credentials: 'secret',
      'content-type': `multipart/mixed; boundary=${boundary}`,
      taskid: '7',
      pixels: '256',
    },
    async receive(_limits: unknown, each: (bytes: Buffer) => void) {
      for (const chunk of chunks) each(Buffer.from(chunk));
      return chunks.length;
    },
    respond() {},
    async end() {},
  };
  const answered = postTranscodeResults(
    parts as unknown as FrontParts,
    exchange as unknown as Exchange,
  );
  return { answered, said, blobs };
}

test('a result that breaks on a fault of ours is not held against its worker', async () => {
  const { answered, said, blobs } = post({ hashing: new Error('a hashing thread died') });
  await assert.rejects(answered, /a hashing thread died/);
  assert.deepEqual(said, ['unread']);
  assert.equal(blobs.bytesInUse, 0);
});

test('a result for which we have no memory is not held against its worker', async () => {
  const { answered, said, blobs } = post({ memory: 0 });
  await answered;
  assert.deepEqual(said, ['unread']);
  assert.equal(blobs.bytesInUse, 0);
});
