import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeTestVideo } from '../../src/media/test-video.ts';
import { play } from '../../src/programs/demo/playable.ts';
import { readMultipart } from '../../src/protocol/multipart.test-kit.ts';
import { type Cleanup, startTestPool, type TestPool } from '../start-pool.ts';
import { startTributary } from '../tributary-process.ts';

// One pool with one real worker of ours for all tests: they only differ in the gateway.
const cleanups: (() => void | Promise<void>)[] = [];
const whole: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});
let folder: string;
let video: string;
let pool: TestPool;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-gateway-'));
  whole.after(() => rm(folder, { recursive: true, force: true }));
  video = await makeTestVideo({
    seconds: 5,
    width: 640,
    height: 360,
    path: join(folder, 'video.ts'),
  });
  pool = await startTestPool(whole);
  const worker = await pool.enrol('real');
  startTributary(whole, ['worker', 'join', '--device', 'cpu', '--max-sessions', '4'], {
    TRIBUTARY_JOIN: worker.join,
  });
  while (!(await connected())) await new Promise((resolve) => setTimeout(resolve, 100));
});

async function connected(): Promise<boolean> {
  const { workers } = await pool.admin<{ workers: { connections: number }[] }>(
    'GET',
    '/api/v1/status',
  );
  return workers.some(({ connections }) => connections > 0);
}

const ladder = 'P144p30fps16x9,P240p30fps16x9';

test('a pushed file comes back as a folder that plays, pixel for pixel what was counted', async (t) => {
  const output = join(folder, 'hls');
  const gateway = startTributary(t, [
    ...['gateway', 'push', '--json', '--orchestrator', pool.serviceUri],
    ...['--input', video, '--output', output, '--profiles', ladder],
  ]);
  assert.equal(await gateway.exited, 0, gateway.printed.err);

  const events = gateway.printed.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const summary = events.at(-1);
  assert.deepEqual([summary.event, summary.segments, summary.failed], ['summary', 3, 0]);
  let pixels = 0n;
  for (const name of ladder.split(',')) {
    const outcome = await play(join(output, name, 'index.m3u8'));
    assert.ok(outcome.ok && outcome.played.frames === 150 && outcome.played.audioFrames > 0);
    pixels += outcome.played.pixels;
  }
  assert.equal(summary.pixels, String(pixels));
  const source = await play(join(output, 'source', 'index.m3u8'));
  assert.ok(source.ok && source.played.frames === 150);
  const master = await readFile(join(output, 'master.m3u8'), 'utf8');
  assert.match(
    master,
    /RESOLUTION=256x144,FRAME-RATE=30\.000,CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2"/,
  );
});

test('an orchestrator that cannot serve costs nothing where another can', async (t) => {
  const idle = await startTestPool(t); // has no worker, so no capability
  const gateway = startTributary(t, [
    ...['gateway', 'push', '--json', '--seconds', '2'],
    ...['--orchestrator', `https://127.0.0.1:1,${idle.serviceUri},${pool.serviceUri}`],
    ...['--input', video, '--output', join(folder, 'several'), '--profiles', ladder],
  ]);
  assert.equal(await gateway.exited, 0, gateway.printed.err);
  assert.match(gateway.printed.out, /"event":"summary","segments":1,"failed":0/);
});

test('where no orchestrator can serve, each segment says so and the exit code is 1', async (t) => {
  const output = join(folder, 'none');
  const gateway = startTributary(t, [
    ...['gateway', 'push', '--orchestrator', 'https://127.0.0.1:1', '--seconds', '2'],
    ...['--input', video, '--output', output, '--profiles', ladder],
  ]);
  assert.equal(await gateway.exited, 1);
  assert.match(gateway.printed.out, /Segment 0 failed: no orchestrator takes this job\n/);
  assert.match(gateway.printed.out, /1 of 1 segment failed\./);
  assert.match(await readFile(join(output, 'source', 'index.m3u8'), 'utf8'), /\n0\.ts\n/);
});

test('a segment posted to the ingest address is answered with its renditions', async (t) => {
  const gateway = startTributary(t, [
    ...['gateway', 'serve', '--http-addr', '127.0.0.1:0', '--orchestrator', pool.serviceUri],
    ...['--profiles', ladder],
  ]);
  const [, address] = await gateway.line(/^READY http=(\S+)$/);
  const segment = await readFile(join(folder, 'hls', 'source', '0.ts'));
  const response = await fetch(`${address}/live/film/0.ts`, {
    method: 'POST',
    headers: { accept: 'multipart/mixed', 'content-duration': '2000' },
    body: segment,
  });
  assert.equal(response.status, 200, gateway.printed.err);
  const [, boundary] = /boundary=(\S+)/.exec(response.headers.get('content-type') ?? '') ?? [];
  const limits = { partsMax: 3, headerBytesMax: 4096, partBytesMax: 10_000_000 };
  const parts = readMultipart([await response.bytes()], boundary ?? '', limits);
  assert.ok(parts.every(({ body }) => body.length > 1000));
  assert.deepEqual(
    parts.map(({ headers }) => headers['rendition-name']),
    ladder.split(','),
  );

  const garbage = await fetch(`${address}/live/other/0.ts`, { method: 'POST', body: 'no video' });
  assert.equal(garbage.status, 422);
  gateway.child.kill('SIGTERM');
  assert.equal(await gateway.exited, 0);
  const said = /1 of 2 segments failed\.\nLatency {3}added p50 [\d.]+ m?s · p99 [\d.]+ m?s\n/;
  assert.match(gateway.printed.out, said);
});
