import assert from 'node:assert/strict';
import { request as httpsRequest } from 'node:https';
import { after, test } from 'node:test';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { openRequest, protocols } from '../raw-request.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';

const pool = await startTestPool({ after });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
let gate: Promise<void> = Promise.resolve();
const { transcoder } = await joinStock({ after }, pool, {
  async answer(task) {
    await gate;
    return goodAnswer(task);
  },
});

/** One HTTP/1.1 request with its headers. */
function fetched(
  path: string,
  method = 'GET',
): Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: pool.port, path, method, agent: false };
    const sent = httpsRequest({ ...options, rejectUnauthorized: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body: Buffer.concat(pieces) });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

async function resultPath(): Promise<string> {
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.ok(reply.result?.result.kind === 'done');
  return new URL(reply.result.result.renditions[0]?.url ?? '').pathname;
}

test('a result has the headers that players and gateways look at', async () => {
  const path = await resultPath();
  const { status, headers, body } = await fetched(path);
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'video/mp2t');
  assert.equal(headers['content-length'], String(body.length));
  assert.equal(headers['access-control-allow-origin'], '*');
  assert.equal(headers['access-control-expose-headers'], 'Content-Length');
  assert.equal(headers['cache-control'], 'max-age=5');

  const head = await fetched(path, 'HEAD');
  assert.equal(head.status, 200);
  assert.equal(head.headers['content-length'], String(body.length));
  assert.equal(head.body.length, 0);
  assert.deepEqual((await fetched(path, 'POST')).body, body, 'no method is looked at');
  assert.deepEqual((await fetched(`${path}?cache=1`)).body, body, 'nor a query');
});

test('a result is the same over both protocols and as often as it is asked for', async () => {
  const path = await resultPath();
  const bodies = await Promise.all(
    [...protocols, ...protocols].map((protocol) => {
      const request = openRequest(pool.port, { protocol, path, method: 'GET' });
      request.end();
      return request.body;
    }),
  );
  for (const body of bodies) assert.deepEqual(body, bodies[0]);
});

test('what is not there is ErrNotFound, whatever the path looks like', async () => {
  const path = await resultPath();
  const [, , session = '', index = '', name = ''] = path.split('/');
  const absent = [
    '/stream/',
    '/stream/../stream/x',
    `/stream/${session}`,
    `/stream/${session}/${index}`,
    `/stream/${session}/9/${name}`,
    `/stream/${session}/${index}/99.ts`,
    `/stream/${session}/${index}/../${index}/${name}`,
    `/stream/${session}//${name}`,
    `/stream/${session.toUpperCase()}X/${index}/${name}`,
    `/stream/${'0'.repeat(32)}/${index}/${name}`,
    `/stream/${session}/${index}/${name}/`,
    `/stream/${session}/${index}/%2e%2e/${name}`,
    `/stream/${session}/${index}/${'9'.repeat(4_096)}.ts`,
    `/stream/${session}/${index}/x%7f.ts`,
  ];
  for (const other of absent) {
    const { status, body } = await fetched(other);
    assert.equal(`${status} ${body}`, '404 ErrNotFound\n', other.slice(0, 100));
  }
});

test('a gateway that goes away in the middle of a download harms nobody', async () => {
  const path = await resultPath();
  for (const protocol of protocols) {
    const request = openRequest(pool.port, { protocol, path, method: 'GET' });
    request.end();
    assert.equal(await request.status, 200);
    request.destroy();
  }
  assert.equal((await fetched(path)).status, 200);
});

test('a source can be fetched by its own URL while its task runs, and by no other', async () => {
  const release = Promise.withResolvers<void>();
  gate = release.promise;
  const source = await stampedSource();
  const before = transcoder.tasks.length;
  const reply = gateway.submit(await gateway.session(), source);
  await eventually('the worker has it', () => transcoder.tasks.length > before);
  const url = new URL(transcoder.tasks.at(-1)?.url ?? '');
  const again = await fetched(url.pathname);
  assert.deepEqual(again.body, source, 'also a second time: a retry of the download');

  const [, , task = '', expires = '', mac = ''] = url.pathname.split('/');
  const flipped = mac.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  const others = [
    `/source/${task}/${expires}/${flipped}`,
    `/source/${task}/${Number(expires) + 3600}/${mac}`,
    `/source/${BigInt(task) + 1n}/${expires}/${mac}`,
    `/source/-${task}/${expires}/${mac}`,
    `/source/${task}/${expires}/${mac.toUpperCase()}`,
    `/source/${task}/${expires}`,
    `/source/${task}/${expires}/${mac}/`,
    '/source/',
    `/source/${'9'.repeat(19)}/${expires}/${mac}`,
  ];
  for (const path of others) {
    const { status } = await fetched(path);
    assert.equal(status, 404, path);
  }
  release.resolve();
  assert.equal((await reply).result?.result.kind, 'done');
  assert.equal((await fetched(url.pathname)).status, 404, 'over with its task');
});

test('the port says that it is alive, and of other paths that they are not there', async () => {
  assert.equal((await fetched('/healthz')).status, 200);
  for (const path of ['/', '/metrics', '/api/v1/workers', '/admin.token', '/stream', '/segments']) {
    const { status, body } = await fetched(path);
    assert.equal(`${status} ${body}`, '404 404 page not found\n', path);
  }
});
