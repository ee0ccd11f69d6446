import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeTestVideo } from '../../src/media/test-video.ts';
import { type FakeOrchestrator, partsOf, startFakeOrchestrator } from '../fake-orchestrator.ts';

const program = join(import.meta.dirname, '../../bin/tributary');

async function orchestrate(t: TestContext): Promise<FakeOrchestrator> {
  const orchestrator = await startFakeOrchestrator();
  t.after(() => orchestrator[Symbol.asyncDispose]());
  return orchestrator;
}

/** `tributary worker join` as a process, with what it printed. */
function joinAsProcess(t: TestContext, orchestrator: FakeOrchestrator) {
  const { host } = new URL(orchestrator.origin);
  const args = ['worker', 'join', '--orch-addr', host, '--device', 'cpu', '--max-sessions', '2'];
  const child: ChildProcess = spawn(program, args, {
    env: { PATH: process.env.PATH ?? '', TRIBUTARY_CREDENTIAL: 's3cret' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const printed = { out: '', err: '' };
  child.stdout?.on('data', (chunk) => {
    printed.out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    printed.err += chunk;
  });
  return { child, printed, exited: once(child, 'close').then(([code]) => code as number | null) };
}

async function video(t: TestContext): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'worker-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'source.ts');
  return readFile(await makeTestVideo({ seconds: 2, width: 640, height: 360, path }));
}

test('the worker program transcodes real video, and SIGTERM in the middle loses nothing', async (t) => {
  const orchestrator = await orchestrate(t);
  orchestrator.sources.set('/stream/9873f856/0.tempfile', { status: 200, body: await video(t) });
  const { child, printed, exited } = joinAsProcess(t, orchestrator);
  const registered = await orchestrator.registered();
  assert.equal(registered.request.capacity, 2n);
  registered.send(orchestrator.task(0));
  while (orchestrator.sourceRequests.length === 0) await new Promise(setImmediate);
  child.kill('SIGTERM');

  const post = await orchestrator.posted();
  assert.equal(await exited, 0, printed.err);
  assert.equal(post.headers.pixels, String(640 * 360 * 60));
  const parts = await partsOf(post);
  assert.deepEqual(
    parts.map(({ headers }) => headers.pixels),
    [String(426 * 240 * 60), String(640 * 360 * 60)],
  );
  assert.match(printed.out, /Left\. 1 segment, none failed/);
  assert.doesNotMatch(printed.out + printed.err, /s3cret|127\.0\.0\.1/);
});

test('a refused credential ends the worker program with advice and a code', async (t) => {
  const orchestrator = await orchestrate(t);
  orchestrator.refusals.push({ code: 2, text: 'invalid secret' });
  const { printed, exited } = joinAsProcess(t, orchestrator);
  assert.equal(await exited, 1);
  assert.match(printed.err, /Ask the pool operator for a new credential/);
  const reasons = `${printed.out}${printed.err}`.match(/refuses the credential/g);
  assert.equal(reasons?.length, 1, 'the reason is said once');
});

test('a second signal ends the worker program at once', async (t) => {
  const orchestrator = await orchestrate(t);
  orchestrator.sources.set('/stream/9873f856/0.tempfile', 'hang');
  const { child, printed, exited } = joinAsProcess(t, orchestrator);
  const registered = await orchestrator.registered();
  registered.send(orchestrator.task(0));
  while (orchestrator.sourceRequests.length === 0) await new Promise(setImmediate);
  child.kill('SIGTERM');
  while (!printed.out.includes('Leaving')) await new Promise(setImmediate);
  child.kill('SIGTERM');
  assert.equal(await exited, 1);
  assert.equal(orchestrator.posts.length, 0);
});
