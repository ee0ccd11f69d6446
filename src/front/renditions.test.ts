import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Blob, createBlobStore } from '../base/blob.ts';
import { FakeClock } from '../base/clock.ts';
import { newSessionId, secureRandom } from '../base/ids.ts';
import { createRenditions, type RenditionName } from './renditions.ts';

const MIB = 1024 * 1024;

function start() {
  const clock = new FakeClock();
  const store = createBlobStore({ bytesMax: 256 * MIB });
  const renditions = createRenditions(clock);
  const session = newSessionId(secureRandom);
  /** Hands a result over as a reply does: the caller's own hold is given up. */
  const put = (changes: Partial<RenditionName> = {}, bytes = 1_000): string => {
    const blob: Blob = store.create();
    blob.write(Buffer.alloc(bytes));
    blob.complete();
    const path = renditions.put({ session, index: 0, seq: 0n, extension: 'ts', ...changes }, blob);
    blob.release();
    return path;
  };
  const has = (path: string): boolean => {
    const found = renditions.open(path);
    found?.blob.release();
    return found !== undefined;
  };
  const fetch = (path: string): void => {
    const found = renditions.open(path);
    assert.ok(found);
    found.fetched();
    found.blob.release();
  };
  return { clock, store, renditions, session, put, has, fetch };
}

test('a result is found under the path that was given out, and under no other', () => {
  const { put, has, session } = start();
  const path = put({ index: 2, seq: -7n, extension: 'mp4' });
  assert.equal(path, `/stream/${session}/2/-7.mp4`);
  assert.ok(has(path));
  for (const other of ['', '/', `${path}/`, `${path}x`, path.replace('/2/', '/02/'), '/stream/x']) {
    assert.equal(has(other), false, other);
  }
});

test('twelve names are kept of a rendition, each rendition by itself', () => {
  const { put, has } = start();
  const first = put({ seq: 0n });
  const other = put({ index: 1, seq: 0n });
  const hash = put({ seq: 0n, extension: 'phash' });
  for (let seq = 1n; seq < 12n; seq += 1n) put({ seq });
  assert.ok(has(first));
  put({ seq: 12n });
  assert.equal(has(first), false);
  assert.ok(has(other));
  assert.ok(has(hash), 'a perceptual hash pushes nothing out and is not pushed out');
});

test('the same name replaces, and the memory of the old one is given back', () => {
  const { put, renditions, store } = start();
  put({}, 5 * MIB);
  const path = put({}, MIB);
  assert.equal(renditions.bytes, MIB);
  assert.equal(store.bytesInUse, MIB);
  const found = renditions.open(path);
  assert.equal(found?.blob.length, MIB);
  found?.blob.release();
});

test('a session takes its results with it, and only its own', () => {
  const { put, has, renditions, session, store } = start();
  const mine = [put(), put({ index: 1 }), put({ extension: 'phash' })];
  const theirs = put({ session: newSessionId(secureRandom) });
  renditions.endSession(session);
  for (const path of mine) assert.equal(has(path), false);
  assert.ok(has(theirs));
  renditions.endSession(session);
  assert.equal(store.bytesInUse, 256 * 1024, 'one chunk for the one that is left');
});

test('a result that nobody fetches is forgotten after a minute', () => {
  const { put, has, renditions, clock, store } = start();
  const old = put({ seq: 1n });
  clock.advance(59_000);
  const young = put({ seq: 2n });
  renditions.sweep();
  assert.ok(has(old));
  clock.advance(2_000);
  renditions.sweep();
  assert.equal(has(old), false);
  assert.ok(has(young));
  clock.advance(61_000);
  renditions.sweep();
  assert.equal(renditions.bytes, 0);
  assert.equal(store.bytesInUse, 0);
});

test('of what was fetched the oldest goes when memory is short, never what waits', () => {
  const { put, has, fetch, renditions } = start();
  const waiting = put({ index: 20 }, 40 * MIB);
  const paths = Array.from({ length: 10 }, (_, index) => put({ index }, MIB));
  for (const path of paths) fetch(path);
  const kept = paths.map((path) => has(path));
  assert.deepEqual(kept, [false, false, ...Array(8).fill(true)]);
  fetch(paths[2] ?? '');
  assert.ok(has(paths[2] ?? ''), 'fetched twice counts once');
  assert.ok(has(waiting));
  assert.equal(renditions.bytes, 48 * MIB);
});

test('a result in the middle of its download outlives its name', () => {
  const { put, renditions, session, store } = start();
  const found = renditions.open(put({}, MIB));
  renditions.endSession(session);
  assert.equal(found?.blob.length, MIB);
  assert.equal(store.bytesInUse, MIB);
  found?.fetched();
  found?.blob.release();
  assert.equal(store.bytesInUse, 0);
  assert.equal(renditions.bytes, 0);
});
