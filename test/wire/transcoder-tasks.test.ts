import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, beforeEach, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { bitsOf } from '../../src/protocol/capabilities.ts';
import { type NotifySegment, NotifySegmentSchema } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { presets } from '../../src/protocol/profile-presets.ts';
import { eventually } from '../eventually.ts';
import { stampedRenditions, stampedSource } from '../fixtures/renditions.ts';
import { renditionsOf } from '../fixtures/spoiled.ts';
import { allWorkersGone, totalsOf } from '../pool-figures.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';
import type { StockRendition, TaskAnswer } from '../stock-transcoder.ts';

const pool = await startTestPool({ after });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
beforeEach(() => allWorkersGone(pool));

const trace = JSON.parse(
  readFileSync(new URL('../fixtures/wire-trace.json', import.meta.url), 'utf8'),
) as { exchanges: { path: string; pushedMessages?: string[] }[] };
const recorded = trace.exchanges
  .flatMap(({ pushedMessages = [] }) => pushedMessages)
  .map((text) => fromBinary(NotifySegmentSchema, Buffer.from(text, 'base64').subarray(5)));

const source = await stampedSource();
const ladder = [presets.P240p30fps16x9, presets.P144p30fps16x9];

/** Every field of a message and of the messages in it, unset ones left out. */
function fieldsOf(message: object, path = ''): string[] {
  return Object.entries(message).flatMap(([name, value]) => {
    if (name.startsWith('$')) return [];
    const here = path ? `${path}.${name}` : name;
    if (value === undefined || value === '' || value === 0 || value === 0n || value === false) {
      return [];
    }
    if (Array.isArray(value)) {
      if (value.length === 0) return [];
      const [first] = value;
      return typeof first === 'object' ? [here, ...fieldsOf(first, here)] : [here];
    }
    if (value instanceof Uint8Array) return value.length > 0 ? [here] : [];
    if (typeof value !== 'object') return [here];
    if (here.endsWith('capacities')) return Object.keys(value).length > 0 ? [here] : [];
    return [here, ...fieldsOf(value, here)];
  });
}

test('a task has the fields of a recorded one and nothing that a worker could misuse', async (t) => {
  const { transcoder } = await joinStock(t, pool);
  const info = await gateway.session();
  await gateway.submit(info, source, { profiles: ladder, seq: 1n });
  const [task] = transcoder.tasks as [NotifySegment];
  const like = recorded.find(({ segData }) => segData?.seq === 1n);
  assert.ok(like);
  assert.deepEqual(fieldsOf(task).toSorted(), fieldsOf(like).toSorted());

  const { segData } = task;
  assert.ok(segData);
  assert.deepEqual([...segData.hash], Array(32).fill(0));
  assert.equal(segData.sig.length, 0);
  assert.equal(Buffer.from(segData.profiles).toString(), 'invalid');
  assert.equal(Buffer.from(task.profiles).toString(), 'invalid');
  assert.equal(task.orchId, 'offchain');
  assert.equal(segData.duration, 2_000);
  assert.ok(segData.capabilities?.constraints, 'stock transcoders read it unasked');
  assert.notEqual(segData.authToken?.sessionId, info.authToken?.sessionId);
  assert.deepEqual([...(segData.authToken?.token ?? [])], Array(32).fill(0));
});

test('the segments of a session come one after the other, to the same worker', async (t) => {
  const workers = [await joinStock(t, pool), await joinStock(t, pool)];
  const info = await gateway.session();
  const segments = [0n, 1n, 2n, 7n, 7n];
  const replies = await Promise.all(
    segments.map((seq) => gateway.submit(info, source, { seq, durationMs: 20_000 })),
  );
  assert.deepEqual(new Set(replies.map(({ result }) => result?.result.kind)), new Set(['done']));
  const [mine] = workers.filter(({ transcoder }) => transcoder.tasks.length > 0);
  assert.ok(mine);
  assert.deepEqual(
    mine.transcoder.tasks.map(({ segData }) => segData?.seq),
    segments,
  );
  const sessions = mine.transcoder.tasks.map(({ segData }) => segData?.authToken?.sessionId);
  assert.equal(new Set(sessions).size, 1);
});

test('six segments of one session at once never become more than one at the worker', async (t) => {
  let running = 0;
  let most = 0;
  const { transcoder } = await joinStock(t, pool, {
    async answer(task) {
      most = Math.max(most, ++running);
      const answer = await goodAnswer(task);
      running -= 1;
      return answer;
    },
  });
  const info = await gateway.session();
  const replies = await Promise.all(
    Array.from({ length: 6 }, () => gateway.submit(info, source, { durationMs: 20_000 })),
  );
  const texts = replies.map(({ result }) =>
    result?.result.kind === 'failed' ? result.result.text : 'done',
  );
  assert.deepEqual(texts.toSorted(), ['OrchestratorBusy', ...Array(5).fill('done')]);
  assert.equal(most, 1);
  assert.equal(transcoder.tasks.length, 5);
});

test('task ids cannot be guessed, and come back exactly', async (t) => {
  const { transcoder } = await joinStock(t, pool);
  for (let i = 0; i < 4; i++) await gateway.submit(await gateway.session(), source);
  const ids = transcoder.tasks.map(({ taskId }) => taskId);
  assert.equal(new Set(ids).size, 4);
  for (const id of ids) assert.ok(id > 0n && id < 2n ** 63n);
  assert.ok(
    ids.some((id) => id > 2n ** 53n),
    'a JavaScript number would not hold it',
  );
  assert.deepEqual(new Set(transcoder.posts.map(({ text }) => text)), new Set(['OK']));
});

test('the source comes over HTTP/1.1 by an address that opens it alone, while it is wanted', async (t) => {
  const gate = Promise.withResolvers<void>();
  const seen: Buffer[] = [];
  const { transcoder } = await joinStock(t, pool, {
    async answer(task, bytes) {
      seen.push(bytes);
      await gate.promise;
      return goodAnswer(task);
    },
  });
  const replying = gateway.submit(await gateway.session(), source, { durationMs: 60_000 });
  await eventually('the source is there', () => seen.length === 1);
  assert.deepEqual(seen[0], source);
  assert.deepEqual(transcoder.downloads, [{ protocol: 'HTTP/1.1', status: 200 }]);
  const { url } = transcoder.tasks[0] as NotifySegment;
  assert.equal((await gateway.download(url)).status, 200, 'a second download is fine');
  const { pathname } = new URL(url);
  const [, , task, expires, mac] = pathname.split('/') as string[];
  const digit = mac?.endsWith('0') ? '1' : '0';
  const others = [
    `/source/${task}/${expires}/${mac?.slice(0, -1)}${digit}`,
    `/source/${task}/${Number(expires) + 1}/${mac}`,
    `/source/${BigInt(task ?? 0) ^ 1n}/${expires}/${mac}`,
    `/source/${task}/${expires}`,
    `/source/${task}/${expires}/${mac}/../../etc/passwd`,
    '/stream/0.tempfile',
  ];
  for (const path of others) {
    const { status, body } = await gateway.download(`${pool.serviceUri}${path}`);
    assert.equal(status, 404, path);
    assert.equal(body.toString(), 'ErrNotFound\n');
  }
  gate.resolve();
  assert.equal((await replying).result?.result.kind, 'done');
  assert.equal((await gateway.download(url)).status, 404, 'nobody needs it any more');
});

test('two MPEG-TS renditions and their pixels are what the files hold', async (t) => {
  await stampedRenditions(ladder.map(({ name }) => name));
  const { enrolment } = await joinStock(t, pool);
  const reply = await gateway.submit(await gateway.session(), source, { profiles: ladder });
  assert.ok(reply.result?.result.kind === 'done');
  assert.deepEqual(
    reply.result.result.renditions.map(({ pixels }) => pixels),
    [426n * 240n * 60n, 256n * 144n * 60n],
  );
  const total = 426 * 240 * 60 + 256 * 144 * 60;
  assert.equal((await totalsOf(pool, enrolment.id)).pixels, String(total));
});

test('MP4 renditions and their perceptual hashes reach the gateway byte for byte', async (t) => {
  const profiles = ladder.map((profile) => ({ ...profile, format: 'mp4' as const }));
  const made = await renditionsOf(profiles);
  const renditions: StockRendition[] = made.map(({ bytes, pixels }, index) => ({
    bytes,
    pixels,
    contentType: 'video/mp4',
    phash: Buffer.from(index === 0 ? 'a perceptual hash' : ''),
  }));
  await joinStock(t, pool, { answer: async () => ({ kind: 'renditions', renditions }) });
  const reply = await gateway.submit(await gateway.session(), source, {
    profiles,
    calcPerceptualHash: true,
    caps: { bits: bitsOf('AuthToken', 'H264', 'MP4'), words: 1, minVersion: '' },
  });
  assert.ok(reply.result?.result.kind === 'done');
  for (const [index, got] of reply.result.result.renditions.entries()) {
    assert.match(got.url, /\.mp4$/);
    const sent = renditions[index] as StockRendition;
    assert.deepEqual((await gateway.download(got.url)).body, Buffer.from(sent.bytes));
    const phash = await gateway.download(got.perceptualHashUrl ?? '');
    assert.deepEqual(phash.body, Buffer.from(sent.phash ?? []));
  }
});

test('what two workers say of a broken input reaches the gateway unchanged', async (t) => {
  const text = 'No keyframes in input';
  const answer = async (): Promise<TaskAnswer> => ({ kind: 'error', text });
  const workers = [
    await joinStock(t, pool, { answer }),
    await joinStock(t, pool, { answer }),
    await joinStock(t, pool, { answer }),
  ];
  const reply = await gateway.submit(await gateway.session(), source, { durationMs: 20_000 });
  assert.deepEqual(reply.result?.result, { kind: 'failed', text });
  const asked = workers.filter(({ transcoder }) => transcoder.tasks.length > 0);
  assert.equal(asked.length, 2, 'a third is not troubled');
});

test('a job goes only to a worker with its capabilities and version', async (t) => {
  const plain = await joinStock(t, pool, { version: '0.9.1' });
  const able = await joinStock(t, pool, {
    bits: bitsOf('AuthToken', 'SegmentSlicing', 'H264', 'MPEGTS', 'HEVCDecode'),
    version: '0.8.0',
  });
  const bits = bitsOf('AuthToken', 'H264', 'MPEGTS');
  const hevc = bits | bitsOf('HEVCDecode');
  const send = async (caps: { bits: bigint; minVersion: string }) => {
    const reply = await gateway.submit(await gateway.session(), source, {
      caps: { words: 1, ...caps },
    });
    const result = reply.result?.result;
    return result?.kind === 'failed' ? result.text : (result?.kind ?? reply.text);
  };
  assert.equal(await send({ bits: hevc, minVersion: '' }), 'done');
  assert.equal(able.transcoder.tasks.length, 1);
  assert.equal(await send({ bits, minVersion: '0.9.0' }), 'done');
  assert.equal(plain.transcoder.tasks.length, 1);
  assert.notEqual(await send({ bits: hevc, minVersion: '0.9.0' }), 'done');
  assert.equal(able.transcoder.tasks.length + plain.transcoder.tasks.length, 2);
});

test('a worker that refuses a task for its capabilities costs a retry', async (t) => {
  const gate = Promise.withResolvers<void>();
  const refusing = await joinStock(t, pool, {
    async answer() {
      await gate.promise;
      return { kind: 'error', text: 'incompatible segment capabilities' };
    },
  });
  const replying = gateway.submit(await gateway.session(), source, { durationMs: 20_000 });
  await eventually('it has the task', () => refusing.transcoder.tasks.length === 1);
  const steady = await joinStock(t, pool);
  gate.resolve();
  assert.equal((await replying).result?.result.kind, 'done');
  assert.equal(steady.transcoder.tasks.length, 1);
});

test('the end of a session is told to its worker once, in the words of the wire', async (t) => {
  const { transcoder } = await joinStock(t, pool);
  const info = await gateway.session();
  await gateway.submit(info, source);
  const name = transcoder.tasks[0]?.segData?.authToken?.sessionId ?? '';
  assert.match(name, /^[0-9a-f]{32}$/);
  assert.equal((await gateway.endSession(info.authToken)).ok, true);
  await eventually('the teardown came', () => transcoder.teardowns.length > 0);
  assert.equal((await gateway.endSession(info.authToken)).ok, true);
  await transcoder.roundTrip();
  assert.deepEqual(transcoder.teardowns, [name]);
  const unknown = await gateway.session();
  await gateway.endSession(unknown.authToken);
  await transcoder.roundTrip();
  assert.equal(transcoder.teardowns.length, 1);
});

test('a session that moves to another worker is torn down where it was', async (t) => {
  const first = await joinStock(t, pool);
  const info = await gateway.session();
  await gateway.submit(info, source);
  const second = await joinStock(t, pool);
  await pool.admin('POST', `/api/v1/workers/${first.enrolment.id}/pause`);
  const reply = await gateway.submit(info, source);
  assert.equal(reply.result?.result.kind, 'done');
  assert.equal(second.transcoder.tasks.length, 1);
  await eventually('the teardown came', () => first.transcoder.teardowns.length === 1);
  assert.deepEqual(first.transcoder.teardowns, [
    second.transcoder.tasks[0]?.segData?.authToken?.sessionId,
  ]);
  assert.deepEqual(second.transcoder.teardowns, []);
});
