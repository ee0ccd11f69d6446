import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checksOf, type Evidence } from './checks.ts';

const played = (frames: number, pixels: bigint, audioFrames = 10) =>
  ({ ok: true, played: { frames, pixels, audioFrames } }) as const;

const good: Evidence = {
  gateway: { segments: 10, failed: 0, retried: 0, pixels: 600n },
  gatewayExit: 0,
  killed: { worker: 'heron', survived: true },
  status: {
    segments: { ok: 10, failed: 0, retried: 1, inFlight: 0 },
    workers: [],
  },
  totals: [
    { worker: 'a', name: 'heron', segments: 4, failedAttempts: 1, pixels: 240n },
    { worker: 'b', name: 'otter', segments: 6, failedAttempts: 0, pixels: 360n },
  ],
  playlists: [
    { name: 'source', outcome: played(600, 10_000n) },
    { name: 'P240p30fps16x9', outcome: played(600, 100n) },
    { name: 'P360p30fps16x9', outcome: played(600, 200n) },
    { name: 'P144p30fps16x9', outcome: played(600, 300n) },
  ],
  sourceHasSound: true,
};

const failing = (change: Partial<Evidence>) =>
  checksOf({ ...good, ...change })
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);

test('all of it held', () => {
  assert.deepEqual(failing({}), []);
});

test('each thing that may go wrong fails its check', () => {
  const { gateway, playlists, totals } = good;
  assert.deepEqual(failing({ gateway: { ...gateway, failed: 1 } }), ['Every segment back']);
  assert.deepEqual(failing({ gatewayExit: 'SIGKILL' }), ['Every segment back']);
  assert.deepEqual(failing({ gateway: { ...gateway, retried: 1 } }), ['Every segment back']);
  assert.deepEqual(failing({ killed: undefined }), ['Killed in mid-segment']);
  assert.deepEqual(failing({ killed: { worker: 'heron', survived: false } }), [
    'Killed in mid-segment',
  ]);
  assert.deepEqual(failing({ gateway: { ...gateway, pixels: 601n } }), ['Pixels agree']);
  const unreadable = { name: 'source', outcome: { ok: false, reason: 'no such file' } as const };
  assert.deepEqual(failing({ playlists: [unreadable, ...playlists.slice(1)] }), [
    'The folder plays',
  ]);
  const silent = { name: 'source', outcome: played(600, 10_000n, 0) };
  assert.deepEqual(failing({ playlists: [silent, ...playlists.slice(1)] }), ['The folder plays']);
  assert.deepEqual(
    failing({ playlists: [silent, ...playlists.slice(1)], sourceHasSound: false }),
    [],
  );
  assert.deepEqual(failing({ totals: totals.slice(0, 1) }), [
    'Every segment back',
    'Killed in mid-segment',
    'Pixels agree',
  ]);
});
