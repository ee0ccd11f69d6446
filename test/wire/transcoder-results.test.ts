import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, beforeEach, type TestContext, test } from 'node:test';
import { keccak256 } from '../../src/base/keccak.ts';
import { splitSigned } from '../../src/proofs/receipt.ts';
import type { NotifySegment } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { eventually } from '../eventually.ts';
import { stampedRenditions, stampedSource } from '../fixtures/renditions.ts';
import { allWorkersGone, metricOf, totalsOf } from '../pool-figures.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';
import { multipart, type StockTranscoder, type TaskAnswer } from '../stock-transcoder.ts';

const pool = await startTestPool({ after });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
beforeEach(() => allWorkersGone(pool));
const source = await stampedSource();

/** A transcoder that holds a task and posts what the test says. */
async function withTask(t: TestContext, options: { readonly capacity?: number } = {}) {
  const joined = await joinStock(t, pool, {
    ...options,
    answer: async () => ({ kind: 'silence' }),
  });
  const { transcoder, enrolment } = joined;
  const replying = gateway.submit(await gateway.session(), source, { durationMs: 60_000 });
  await eventually('it has the task', () => transcoder.downloads.length === 1);
  const { taskId } = transcoder.tasks[0] as NotifySegment;
  return { transcoder, enrolment, taskId, replying };
}

/** A good answer to a held task ends it, so that the next test begins with nothing running. */
async function finish(held: { transcoder: StockTranscoder; taskId: bigint; replying: unknown }) {
  const answer = await goodAnswer(held.transcoder.tasks[0] as NotifySegment);
  assert.ok(answer.kind === 'renditions');
  assert.deepEqual(await held.transcoder.post(held.taskId, answer), { status: 200, text: 'OK' });
  await held.replying;
}

const raw = (headers: Record<string, string>, body: Uint8Array = Buffer.alloc(0)): TaskAnswer => ({
  kind: 'raw',
  headers,
  body,
});
type Posted = Exclude<TaskAnswer, { kind: 'silence' }>;

test('an answer is refused by who sent it and by its headers, and the task goes on', async (t) => {
  const held = await withTask(t);
  const { transcoder, taskId, enrolment } = held;
  const other = await pool.enrol();
  const cases: [string, Posted, number, string][] = [
    ['no scheme', raw({ authorization: '' }) as Posted, 401, 'Unauthorized'],
    ['another scheme', raw({ authorization: 'Bearer x' }) as Posted, 401, 'Unauthorized'],
    ['no credential', raw({ credentials: '' }) as Posted, 401, 'Unauthorized'],
    ['a wrong credential', raw({ credentials: 's3cret' }) as Posted, 401, 'Unauthorized'],
    ['no type', raw({ 'content-type': '' }) as Posted, 415, 'mime: no media type'],
    ['no task', raw({ taskid: '' }) as Posted, 400, 'Invalid Task ID'],
    ['a task of text', raw({ taskid: 'one' }) as Posted, 400, 'Invalid Task ID'],
    ['a fraction', raw({ taskid: '1.5' }) as Posted, 400, 'Invalid Task ID'],
    ['beyond int64', raw({ taskid: String(2n ** 63n) }) as Posted, 400, 'Invalid Task ID'],
  ];
  for (const [name, answer, status, text] of cases) {
    assert.deepEqual(await transcoder.post(taskId, answer), { status, text }, name);
  }
  const good = await goodAnswer(transcoder.tasks[0] as NotifySegment);
  assert.equal((await transcoder.post(1n, good as Posted)).status, 404, 'an unknown task');
  const foreign = await transcoder.post(taskId, good as Posted, other.credential);
  assert.equal(foreign.status, 403, "another worker's credential");
  await finish(held);
  assert.equal((await totalsOf(pool, enrolment.id)).segments, 1);
  assert.equal((await totalsOf(pool, other.id)).segments, 0);
});

test('an answer counts once, and a second one is told so', async (t) => {
  const held = await withTask(t);
  await finish(held);
  const { transcoder, taskId, enrolment } = held;
  const again = await goodAnswer(transcoder.tasks[0] as NotifySegment);
  assert.equal((await transcoder.post(taskId, again as Posted)).status, 409);
  const fault = await transcoder.post(taskId, { kind: 'error', text: 'late regrets' });
  assert.equal(fault.status, 409);
  const totals = await totalsOf(pool, enrolment.id);
  assert.deepEqual([totals.segments, totals.failedAttempts], [1, 0]);
});

test('what is credited comes with a signed receipt, which a stock transcoder does not look at', async (t) => {
  const held = await withTask(t);
  const { transcoder, taskId, enrolment } = held;
  await transcoder.post(1n, (await goodAnswer(transcoder.tasks[0] as NotifySegment)) as Posted);
  assert.deepEqual(transcoder.receipts, []);
  await finish(held);
  await transcoder.post(taskId, { kind: 'error', text: 'late regrets' });
  const [header = '', ...more] = transcoder.receipts;
  assert.deepEqual(more, []);
  const signed = splitSigned(Buffer.from(header, 'base64'));
  assert.ok(signed);
  const { receipt, body, signature } = signed;
  const x = Buffer.from(receipt.key).toString('base64url');
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
  assert.ok(verify(null, body, key, signature));
  assert.deepEqual([receipt.worker, receipt.sequence, receipt.basis], [enrolment.id, 1n, 'none']);
  assert.equal(String(receipt.units), (await totalsOf(pool, enrolment.id)).pixels);
  assert.deepEqual(Buffer.from(receipt.inputHash), Buffer.from(keccak256(source)));
  assert.notDeepEqual(Buffer.from(receipt.gatewaySignatureHash), Buffer.alloc(32));
});

test('two answers to one task at the same moment: one is taken', async (t) => {
  const held = await withTask(t);
  const { transcoder, taskId, enrolment } = held;
  const before = await metricOf(
    pool,
    'tributary_front_results_refused_total',
    'reason="already_answered"',
  );
  const answers = await Promise.all([
    goodAnswer(transcoder.tasks[0] as NotifySegment),
    goodAnswer(transcoder.tasks[0] as NotifySegment),
  ]);
  const replies = await Promise.all(
    answers.map((answer) => transcoder.post(taskId, answer as Posted)),
  );
  assert.deepEqual(replies.map(({ status }) => status).toSorted(), [200, 409]);
  await held.replying;
  assert.equal((await totalsOf(pool, enrolment.id)).segments, 1);
  assert.equal(
    await metricOf(pool, 'tributary_front_results_refused_total', 'reason="already_answered"'),
    before + 1,
  );
});

test('both recorded orders of headers, and quotes round the boundary, are read', async (t) => {
  const trace = JSON.parse(
    readFileSync(new URL('../fixtures/wire-trace.json', import.meta.url), 'utf8'),
  ) as { exchanges: { path: string; protocol: string; requestHeaders: Record<string, string> }[] };
  const posts = trace.exchanges.filter(({ path }) => path === '/transcodeResults');
  assert.equal(posts.length, 2);
  for (const [index, { protocol, requestHeaders }] of posts.entries()) {
    assert.equal(protocol, 'HTTP/2');
    const held = await withTask(t);
    const { transcoder, taskId, enrolment } = held;
    const boundary = /boundary=(\w+)/.exec(requestHeaders['content-type'] ?? '')?.[1] ?? '';
    const body = multipart(await stampedRenditions(['P240p30fps16x9']), boundary);
    const own: Record<string, string> = {
      credentials: enrolment.credential,
      taskid: String(taskId),
      'content-length': String(body.length),
      ...(index === 0 ? {} : { 'content-type': `multipart/mixed; boundary="${boundary}"` }),
    };
    const { status, body: reply } = await gateway.raw(
      { ':path': '/transcodeResults', ...requestHeaders, ...own },
      body,
    );
    assert.deepEqual([status, reply.toString().trim()], [200, 'OK']);
    const answered = await held.replying;
    assert.equal(answered.result?.result.kind, 'done');
    transcoder.kill();
    await allWorkersGone(pool);
  }
});

test('an answer over HTTP/1.1 is as good', async (t) => {
  const held = await withTask(t);
  const boundary = '58824b99823990de49cc';
  const body = multipart(await stampedRenditions(['P240p30fps16x9']), boundary);
  const { request } = await import('node:https');
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const post = request(
      `${pool.serviceUri}/transcodeResults`,
      {
        method: 'POST',
        rejectUnauthorized: false,
        headers: {
          Authorization: 'Livepeer-Transcoder-1.0',
          Credentials: held.enrolment.credential,
          TaskId: String(held.taskId),
          'Content-Type': `multipart/mixed; boundary=${boundary}`,
          Pixels: '55296000',
          'Content-Length': body.length,
        },
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      },
    );
    post.on('error', reject);
    post.end(body);
  });
  assert.equal(status, 200);
  assert.equal((await held.replying).result?.result.kind, 'done');
});

test('unknown parts are skipped, and claimed pixels are not believed', async (t) => {
  const held = await withTask(t);
  const [rendition] = await stampedRenditions(['P240p30fps16x9']);
  assert.ok(rendition);
  const boundary = 'b';
  const inner = multipart([{ ...rendition, pixels: -(2n ** 62n) }], boundary);
  const body = Buffer.concat([
    Buffer.from('a preamble\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n'),
    inner,
    Buffer.from('an epilogue'),
  ]);
  const headers = { 'content-type': `multipart/mixed; boundary=${boundary}` };
  const posted = await held.transcoder.post(held.taskId, { kind: 'raw', headers, body });
  assert.deepEqual(posted, { status: 200, text: 'OK' });
  const reply = await held.replying;
  assert.ok(reply.result?.result.kind === 'done');
  assert.equal(reply.result.result.renditions[0]?.pixels, 426n * 240n * 60n);
  assert.equal((await totalsOf(pool, held.enrolment.id)).pixels, String(426 * 240 * 60));
});

test('a worker goes on after a refused answer', async (t) => {
  const held = await withTask(t);
  assert.equal((await held.transcoder.post(2n, { kind: 'error', text: 'x' })).status, 404);
  await finish(held);
  const replying = gateway.submit(await gateway.session(), source, { durationMs: 60_000 });
  await eventually('the next task came', () => held.transcoder.downloads.length === 2);
  const task = held.transcoder.tasks[1] as NotifySegment;
  const posted = await held.transcoder.post(task.taskId, (await goodAnswer(task)) as Posted);
  assert.equal(posted.status, 200);
  assert.equal((await replying).result?.result.kind, 'done');
});
