import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import type { NotifySegment } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { partsOf, startFakeOrchestrator } from '../fake-orchestrator.ts';
import {
  answersPing,
  canned,
  device,
  fromUrl,
  inSession,
  join,
  orchestrate,
  without,
} from '../join-worker.ts';

test('a worker registers with credential, capacity and capabilities of one each', async (t) => {
  const orchestrator = await orchestrate(t);
  const worker = await join(t, orchestrator, { devices: [device('a'), device('b')] });
  const { request, stream } = await orchestrator.registered();
  await worker.ready;
  assert.equal(request.secret, 's3cret');
  assert.equal(request.capacity, 8n);
  assert.deepEqual(request.capabilities?.bitstring, [0x4005fffn]);
  assert.deepEqual(new Set(Object.values(request.capabilities?.capacities ?? {})), new Set([1]));
  assert.equal(Object.keys(request.capabilities?.capacities ?? {}).length, 15);
  assert.equal(request.capabilities?.version, '0.9.1');
  assert.deepEqual(request.capabilities?.mandatories, []);
  assert.ok(request.capabilities?.constraints);
  assert.equal(await answersPing(stream.session as never), true);
});

test('a task is downloaded over HTTP/1.1 and its renditions posted as stock transcoders do', async (t) => {
  const orchestrator = await orchestrate(t);
  const { until } = await join(t, orchestrator);
  const registered = await orchestrator.registered();
  registered.send(orchestrator.task(1));

  const post = await orchestrator.posted();
  assert.deepEqual(orchestrator.sourceRequests, [
    { httpVersion: '1.1', path: '/stream/9873f856/1.tempfile' },
  ]);
  assert.equal(post.headers[':method'], 'POST');
  assert.equal(post.headers.authorization, 'Livepeer-Transcoder-1.0');
  assert.equal(post.headers.credentials, 's3cret');
  assert.equal(post.headers.taskid, '1');
  assert.equal(post.headers.pixels, '55296000');
  assert.equal(post.headers['content-length'], String(post.body.length));
  assert.match(post.headers['content-type'] ?? '', /^multipart\/mixed; boundary=[0-9a-f]{20}$/);
  const parts = await partsOf(post);
  assert.deepEqual(
    parts.map(({ headers, body }) => ({ ...headers, body: String(body).slice(0, 28) })),
    [
      {
        'content-length': '54',
        'content-type': 'video/mp2t',
        pixels: String(426 * 240 * 60),
        body: 'P240p30fps16x9 of 1000 bytes',
      },
      {
        'content-length': '54',
        'content-type': 'video/mp2t',
        pixels: String(640 * 360 * 60),
        body: 'P360p30fps16x9 of 1000 bytes',
      },
    ],
  );
  const { tally } = await until((status) => status.tally.segments === 1);
  assert.equal(tally.failures, 0);
  assert.equal(tally.pixels, BigInt((426 * 240 + 640 * 360) * 60));
});

test('task ids 0 and above 2^53 come back exactly', async (t) => {
  const orchestrator = await orchestrate(t);
  await join(t, orchestrator);
  const registered = await orchestrator.registered();
  for (const taskId of [0n, 2n ** 62n + 1n]) {
    registered.send(
      orchestrator.task(0, (message) => {
        message.taskId = taskId;
      }),
    );
    assert.equal((await orchestrator.posted()).headers.taskid, String(taskId));
  }
});

test('MP4 renditions and perceptual hashes follow each other in profile order', async (t) => {
  const orchestrator = await orchestrate(t);
  await join(t, orchestrator);
  (await orchestrator.registered()).send(
    orchestrator.task(0, ({ segData }) => {
      if (!segData) return;
      segData.calcPerceptualHash = true;
      segData.fullProfiles2 = segData.fullProfiles.map((profile) => ({ ...profile, format: 1 }));
      segData.fullProfiles = [];
    }),
  );
  const parts = await partsOf(await orchestrator.posted());
  assert.deepEqual(
    parts.map(({ headers }) => [headers['content-type'], headers.pixels !== undefined]),
    [
      ['video/mp4', true],
      ['application/octet-stream', false],
      ['video/mp4', true],
      ['application/octet-stream', false],
    ],
  );
});

test('each failure is posted as the error text of a stock transcoder', async (t) => {
  const orchestrator = await orchestrate(t);
  const texts = ['No keyframes in input'];
  const cpu = device('cpu', (request) => {
    if (request.source.length === 3) return { ok: false, text: texts[0] as string };
    if (request.source.length === 4) throw new Error('the device is gone');
    const outcome = canned(request);
    return outcome.ok ? { ...outcome, renditions: outcome.renditions.slice(1) } : outcome;
  });
  await join(t, orchestrator, { devices: [cpu] });
  const registered = await orchestrator.registered();
  const source = (name: string, status: number, body: string) => {
    orchestrator.sources.set(name, { status, body: Buffer.from(body) });
    return fromUrl(`${orchestrator.origin}${name}`);
  };
  const cases: [string, (message: NotifySegment) => void][] = [
    ['empty seg data', without('segData')],
    ['invalid duration', ({ segData }) => Object.assign(segData ?? {}, { duration: 300_001 })],
    [
      'incompatible segment capabilities',
      ({ segData }) => Object.assign(segData?.capabilities ?? {}, { bitstring: [1n << 16n] }),
    ],
    [
      'incompatible segment capabilities',
      ({ segData }) =>
        Object.assign(segData?.capabilities?.constraints ?? {}, { minVersion: '0.9.2' }),
    ],
    ['404 Not Found', source('/gone', 404, '')],
    ['503 Service Unavailable', source('/later', 503, 'x')],
    ['No keyframes in input', source('/broken', 200, '123')],
    ['TranscoderStopped', source('/device', 200, '1234')],
    ['segment / profile mismatch', source('/fewer', 200, '12345')],
    ['unsupported protocol scheme', fromUrl('file:///etc/passwd')],
  ];
  for (const [text, change] of cases) {
    registered.send(orchestrator.task(1, change));
    const post = await orchestrator.posted();
    assert.equal(String(post.body), text);
    assert.equal(post.headers['content-type'], 'livepeer/transcoding-error');
    assert.equal(post.headers.taskid, '1');
    assert.equal(post.headers.credentials, 's3cret');
    assert.equal(post.headers.pixels, text.includes('mismatch') ? '55296000' : '0');
  }
});

test('a source that never comes ends the task in time', async (t) => {
  const orchestrator = await orchestrate(t);
  const clock = new FakeClock();
  await join(t, orchestrator, { clock });
  orchestrator.sources.set('/never', 'hang');
  (await orchestrator.registered()).send(
    orchestrator.task(0, fromUrl(`${orchestrator.origin}/never`)),
  );
  while (orchestrator.sourceRequests.length === 0) await new Promise(setImmediate);
  clock.advance(8_000);
  const post = await orchestrator.posted();
  assert.match(String(post.body), /context deadline exceeded/);
});

test('sessions run side by side, spread over devices, each in order on its own', async (t) => {
  const orchestrator = await orchestrate(t);
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const log: string[] = [];
  const gated = (name: string) =>
    device(name, async (request) => {
      log.push(`${name} ${request.sessionKey}`);
      await gates.get(request.sessionKey)?.promise;
      return canned(request);
    });
  const [a, b] = [gated('a'), gated('b')];
  const worker = await join(t, orchestrator, { devices: [a, b] });
  for (const key of ['s1', 's2']) gates.set(key, Promise.withResolvers());
  const registered = await orchestrator.registered();
  registered.send(orchestrator.task(0, inSession('s1', 11n)));
  registered.send(orchestrator.task(1, inSession('s2', 21n)));
  registered.send(orchestrator.task(2, inSession('s1', 12n)));
  while (log.length < 2) await new Promise(setImmediate);
  assert.deepEqual([...worker.status().onDevices].sort(), [
    ['a', 1],
    ['b', 1],
  ]);

  gates.get('s2')?.resolve();
  assert.equal((await orchestrator.posted()).headers.taskid, '21');
  assert.equal(log.length, 2, 'the second segment of s1 waits for the first');
  gates.get('s1')?.resolve();
  assert.equal((await orchestrator.posted()).headers.taskid, '11');
  assert.equal((await orchestrator.posted()).headers.taskid, '12');
  const s1 = log.filter((line) => line.endsWith('s1'));
  assert.equal(new Set(s1).size, 1, 'a session stays on its device');

  registered.send(orchestrator.teardown('s1'));
  registered.send(orchestrator.teardown('s2'));
  await worker.until(({ sessions }) => sessions === 0);
});

test('the sixth segment of one session at once is answered with TranscoderBusy', async (t) => {
  const orchestrator = await orchestrate(t);
  const gate = Promise.withResolvers<void>();
  const cpu = device('cpu', async (request) => {
    await gate.promise;
    return canned(request);
  });
  await join(t, orchestrator, { devices: [cpu] });
  const registered = await orchestrator.registered();
  for (let id = 1n; id <= 6n; id++) registered.send(orchestrator.task(0, inSession('s', id)));
  const busy = await orchestrator.posted();
  assert.equal(String(busy.body), 'TranscoderBusy');
  assert.equal(busy.headers.taskid, '6');
  gate.resolve();
  for (const id of ['1', '2', '3', '4', '5']) {
    assert.equal((await orchestrator.posted()).headers.taskid, id);
  }
});

test('a result is posted again after a lost connection and after a 5xx', async (t) => {
  const orchestrator = await orchestrate(t);
  const { until } = await join(t, orchestrator);
  orchestrator.answers.push('drop', { status: 503, text: 'the database is away' });
  (await orchestrator.registered()).send(orchestrator.task(0));

  await until(({ tally }) => tally.segments === 1);
  assert.equal(orchestrator.posts.length, 3);
  assert.deepEqual(orchestrator.posts[2]?.body, orchestrator.posts[0]?.body);
});

test('a lost answer that turns out as "already answered" counts as posted', async (t) => {
  const orchestrator = await orchestrate(t);
  const { until } = await join(t, orchestrator);
  orchestrator.answers.push('drop', { status: 409, text: 'this task was already answered' });
  (await orchestrator.registered()).send(orchestrator.task(0));
  const { tally } = await until(({ tally }) => tally.segments + tally.failures === 1);
  assert.equal(tally.segments, 1);
});

test('a refused result is not posted again, and the worker goes on', async (t) => {
  const orchestrator = await orchestrate(t);
  const { until } = await join(t, orchestrator);
  const registered = await orchestrator.registered();
  for (const status of [401, 410, 400]) {
    orchestrator.answers.push({ status, text: 'no' });
    registered.send(orchestrator.task(0));
    await orchestrator.posted();
  }
  await until(({ tally }) => tally.failures === 3);
  registered.send(orchestrator.task(1));
  await until(({ tally }) => tally.segments === 1);
  assert.equal(orchestrator.posts.length, 4);
});

test('posting ends when nobody waits for the task any more', async (t) => {
  const orchestrator = await orchestrate(t);
  const clock = new FakeClock();
  const { until } = await join(t, orchestrator, { clock });
  orchestrator.answers.push(...Array.from({ length: 50 }, () => ({ status: 500, text: 'no' })));
  (await orchestrator.registered()).send(orchestrator.task(0));
  let over = false;
  const posted = until((status) => status.tally.failures === 1).finally(() => {
    over = true;
  });
  while (!over) {
    clock.advance(500);
    await new Promise(setImmediate);
  }
  const { tally } = await posted;
  assert.equal(tally.segments, 0);
  assert.ok(orchestrator.posts.length >= 2);
  assert.ok(clock.now() - 1_700_000_000_000 <= 60_000);
});

test('a result of a task whose stream ended is still posted', async (t) => {
  const orchestrator = await orchestrate(t);
  const gate = Promise.withResolvers<void>();
  const cpu = device('cpu', async (request) => {
    await gate.promise;
    return canned(request);
  });
  const { until } = await join(t, orchestrator, { devices: [cpu] });
  const registered = await orchestrator.registered();
  registered.send(orchestrator.task(0));
  await until(({ running }) => running === 1);
  registered.end({ code: 0, text: '' });
  await orchestrator.registered();
  gate.resolve();
  assert.equal((await orchestrator.posted()).headers.taskid, '0');
});

test('a counted task of a restarted orchestrator is never answered with an old result', async (t) => {
  const before = await startFakeOrchestrator();
  const gate = Promise.withResolvers<void>();
  const cpu = device('cpu', async (request) => {
    await gate.promise;
    return canned(request);
  });
  const { until } = await join(t, before, { devices: [cpu] });
  (await before.registered()).send(before.task(0));
  await until(({ running }) => running === 1);
  while (before.sourceRequests.length === 0) await new Promise(setImmediate);
  await before[Symbol.asyncDispose]();

  const after = await startFakeOrchestrator({ port: Number(new URL(before.origin).port) });
  t.after(() => after[Symbol.asyncDispose]());
  await after.registered();
  gate.resolve();
  await until(({ running }) => running === 0);
  assert.equal(after.posts.length, 0);
});

test('a draining worker says goodbye, finishes and posts its work', async (t) => {
  const orchestrator = await orchestrate(t);
  const gate = Promise.withResolvers<void>();
  const cpu = device('cpu', async (request) => {
    await gate.promise;
    return canned(request);
  });
  const worker = await join(t, orchestrator, { devices: [cpu] });
  const registered = await orchestrator.registered();
  registered.send(orchestrator.task(0));
  await worker.until(({ running }) => running === 1);

  const left = once(registered.stream, 'close');
  const drained = worker.drain();
  await left;
  assert.equal(registered.stream.rstCode, 8, 'a goodbye, not a loss');
  assert.equal(worker.status().running, 1);
  gate.resolve();
  assert.equal((await orchestrator.posted()).headers.taskid, '0');
  await drained;
  assert.equal(worker.status().tally.segments, 1);
  assert.equal(worker.status().link.state, 'closed');
});
