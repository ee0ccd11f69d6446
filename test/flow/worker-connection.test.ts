import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import type { TributaryError } from '../../src/base/errors.ts';
import { startFakeOrchestrator } from '../fake-orchestrator.ts';
import { answersPing, join, LINK_LOST, orchestrate } from '../join-worker.ts';

test('the two fatal texts stop the worker with advice, at whatever attempt', async (t) => {
  for (const [text, code] of [
    ['invalid secret', 'credential_invalid'],
    ['zero capacity', 'capacity_refused'],
  ] as const) {
    const orchestrator = await orchestrate(t);
    orchestrator.refusals.push({ code: 2, text });
    const worker = await join(t, orchestrator);
    await assert.rejects(worker.ready, { code });
    await assert.rejects(worker.ended, (error: TributaryError) => error.advice.length > 10);
    assert.equal(worker.status().link.state, 'refused');
  }
});

test('every other end of the stream is followed by another registration', async (t) => {
  const orchestrator = await orchestrate(t);
  const clock = new FakeClock();
  const { until } = await join(t, orchestrator, { clock });
  const reconnect = async () => {
    const { link } = await until((status) => status.link.state === 'waiting');
    const again = until((status) => status.link.state === 'connecting');
    clock.advance(60_000);
    await again;
    return link;
  };
  for (const [name, status] of LINK_LOST) {
    const registered = await orchestrator.registered();
    registered.send(orchestrator.teardown('unknown'));
    await until(({ link }) => link.state === 'connected');
    registered.end(status);
    assert.equal((await reconnect()).state, 'waiting', name);
  }
  const abrupt: [string, (stream: { close(code: number): void; session: unknown }) => void][] = [
    ['RST_STREAM CANCEL', (stream) => stream.close(8)],
    ['RST_STREAM INTERNAL_ERROR', (stream) => stream.close(2)],
    ['a lost connection', ({ session }) => (session as { destroy(): void }).destroy()],
  ];
  for (const [name, cut] of abrupt) {
    cut((await orchestrator.registered()).stream);
    assert.equal((await reconnect()).state, 'waiting', name);
  }
  for (const refusal of ['reset', 'cancel', 'close'] as const) {
    const { stream } = await orchestrator.registered();
    orchestrator.refusals.push(refusal);
    stream.close(2);
    await reconnect();
    assert.equal((await reconnect()).state, 'waiting', refusal);
  }
  await orchestrator.registered();
});

test('waits grow while connections fail and start over after a stable one', async (t) => {
  const orchestrator = await orchestrate(t);
  const clock = new FakeClock();
  const { until } = await join(t, orchestrator, { clock });
  const loseAndSeeWait = async (livedMs: number) => {
    const registered = await orchestrator.registered();
    registered.send(orchestrator.teardown('unknown'));
    await until(({ link }) => link.state === 'connected');
    await answersPing(registered.stream.session as never);
    clock.advance(livedMs);
    registered.end({ code: 14, text: '' });
    const { link } = await until((status) => status.link.state === 'waiting');
    const wait = link.state === 'waiting' ? link.until - clock.now() : 0;
    clock.advance(wait);
    return wait;
  };
  assert.equal(await loseAndSeeWait(100), 250);
  assert.equal(await loseAndSeeWait(100), 375);
  assert.equal(await loseAndSeeWait(100), 563);
  // Longer than the heartbeat allows in one step of the clock, so in two.
  assert.equal(await loseAndSeeWait(14_000), 844);
});

test('a wrong certificate ends the first attempt before the credential is sent', async (t) => {
  const orchestrator = await orchestrate(t);
  const worker = await join(t, orchestrator, { pin: 'A'.repeat(43) });
  await assert.rejects(worker.ready, { code: 'certificate_pin_mismatch' });
  assert.equal(orchestrator.sessions.size, 0);

  const right = await join(t, orchestrator, { pin: orchestrator.identity.pin });
  (await orchestrator.registered()).send(orchestrator.task(0));
  await orchestrator.posted();
  await right.ready;
});

test('an orchestrator that is away at the start is joined when it comes', async (t) => {
  const gone = await startFakeOrchestrator();
  const port = Number(new URL(gone.origin).port);
  await gone[Symbol.asyncDispose]();
  const worker = await join(t, gone);
  await worker.until(({ link }) => link.state === 'waiting');
  const orchestrator = await startFakeOrchestrator({ port });
  t.after(() => orchestrator[Symbol.asyncDispose]());
  await orchestrator.registered();
  await worker.ready;
});
