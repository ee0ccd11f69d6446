import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { FakeClock } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Actor } from './access.ts';
import { apiOf } from './api.test-kit.ts';
import { insideBindings } from './bindings.ts';
import { csvOf } from './csv.ts';
import { createBuckets } from './request-rate.ts';
import { defineRoute, serve } from './route.ts';
import { amount, decimal, moment, pageOf, pageQuery } from './shapes.ts';

const thing = z.object({ name: z.string(), at: moment, value: amount });
let calls = 0;
const things = [3n, 2n, 1n].map((value) => ({
  name: value === 2n ? '=cmd|evil' : `thing ${value}`,
  at: 1_700_000_000_000,
  value: { asset: 'ETH', amount: value * 10n ** 18n, decimals: 18 },
  secret: 'never shown',
}));
const routes = [
  serve(
    defineRoute({
      method: 'GET',
      path: '/api/v1/things',
      access: 'public',
      summary: 'Things.',
      query: pageQuery.extend({ kind: z.enum(['a', 'b']).default('a') }),
      reply: pageOf(thing),
      csv: ['name', 'at', 'value.asset', 'value.amount'],
    }),
    async ({ query: { limit }, cursor }) => {
      calls++;
      const from = Number(cursor.after?.[0] ?? 0);
      const items = things.slice(from, from + limit);
      const next = from + limit < things.length ? cursor.write([`${from + limit}`]) : null;
      return { items, next };
    },
  ),
  serve(
    defineRoute({
      method: 'GET',
      path: '/api/v1/me/thing',
      access: 'worker',
      summary: 'My thing.',
      reply: z.object({ worker: z.string(), total: decimal }),
    }),
    async ({ actor }) => ({ worker: actor.id, total: 7n }),
  ),
  serve(
    defineRoute({
      method: 'POST',
      path: '/api/v1/things/{thing}',
      access: 'owner',
      summary: 'Change a thing.',
      body: z.object({ size: z.int().min(1), colour: z.string().max(5) }),
      reply: z.object({ size: z.int() }),
    }),
    async ({ body }) => ({ size: body.size }),
  ),
];
const worker = (id: string): Actor => ({
  kind: 'worker',
  id,
  workers: [id as WorkerId],
  by: 'link',
  session: 'ab',
});

function start() {
  const clock = new FakeClock();
  const api = apiOf(routes, { rate: createBuckets(clock, { burst: 2, perSecond: 1 }) });
  const open = (path: string, init: RequestInit = {}, actor: Actor = { kind: 'nobody' }) => {
    const { actor: _, ...rest } = insideBindings(actor);
    const known = actor.kind === 'nobody' ? {} : { actor };
    return api.answer(new Request(`http://pool${path}`, init), {
      ...rest,
      ...known,
      listener: 'admin',
    });
  };
  const ask = async (...asked: Parameters<typeof open>) => {
    const response = await open(...asked);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text };
  };
  return { clock, ask, open };
}

test('a reply holds what its schema names, and nothing else', async () => {
  const { ask } = start();
  const { text, headers } = await ask('/api/v1/things?limit=1');
  const { items, next } = JSON.parse(text);
  assert.deepEqual(items, [
    {
      name: 'thing 3',
      at: '2023-11-14T22:13:20.000Z',
      value: { asset: 'ETH', amount: '3000000000000000000', decimals: 18 },
    },
  ]);
  assert.equal(typeof next, 'string');
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.equal(headers.get('access-control-allow-origin'), '*');
});

test('who has it already gets 304, and HEAD gets the head', async () => {
  const { ask } = start();
  const { headers } = await ask('/api/v1/things');
  const etag = headers.get('etag') ?? '';
  for (const given of [etag, `W/${etag}`, `"x", ${etag}`]) {
    const again = await ask('/api/v1/things', { headers: { 'if-none-match': given } });
    assert.deepEqual([again.status, again.text], [304, '']);
  }
  const other = await ask('/api/v1/things?limit=1', { headers: { 'if-none-match': etag } });
  assert.equal(other.status, 200);
  const head = await ask('/api/v1/things', { method: 'HEAD' });
  assert.equal(head.text, '');
  assert.equal(head.headers.get('content-length'), headers.get('content-length'));
});

test('a list is read page by page, by cursors that are good for that list alone', async () => {
  const { ask } = start();
  const page = async (query: string) => JSON.parse((await ask(`/api/v1/things?${query}`)).text);
  const first = await page('limit=2');
  const last = await page(`limit=2&cursor=${first.next}`);
  assert.deepEqual([first.items.length, last.items.length, last.next], [2, 1, null]);
  assert.equal((await page(`limit=1&format=json&cursor=${first.next}`)).items.length, 1);
  const [body, mac] = first.next.split('.');
  const forged = Buffer.from('["0"]').toString('base64url');
  const before = calls;
  for (const wrong of [
    `kind=b&cursor=${first.next}`,
    `cursor=${forged}.${mac}`,
    `cursor=${body}.${'A'.repeat(22)}`,
    `cursor=${body}`,
    'cursor=',
    `cursor=${first.next}x`.slice(0, -2),
  ]) {
    assert.equal((await page(wrong)).code, 'cursor_invalid', wrong);
  }
  assert.equal((await page('limit=0')).code, 'query_invalid');
  assert.equal((await page('limit=1001')).code, 'query_invalid');
  assert.equal((await page('limit=1e2&kind=c')).fields[0].field, 'kind');
  assert.equal(calls, before, 'none of them reached the list');
});

test('a table is CSV that no spreadsheet runs', async () => {
  const { ask } = start();
  const { text, headers } = await ask('/api/v1/things?format=csv&limit=2');
  assert.match(headers.get('content-type') ?? '', /^text\/csv/);
  assert.match(
    headers.get('link') ?? '',
    /^<\/api\/v1\/things\?format=csv.*cursor=.*>; rel="next"$/,
  );
  assert.deepEqual(text.split('\r\n'), [
    'name,at,value.asset,value.amount',
    'thing 3,2023-11-14T22:13:20.000Z,ETH,3000000000000000000',
    "'=cmd|evil,2023-11-14T22:13:20.000Z,ETH,2000000000000000000",
    '',
  ]);
  const asked = await ask('/api/v1/things', { headers: { accept: 'text/csv' } });
  assert.equal(asked.headers.get('content-type'), 'text/csv; charset=utf-8');
  const cells = ['=1', '+1', '-1', '@x', '\t=1', ' =1', '-1+1', '-0.5', 'a,"b"\n', null];
  const rows = csvOf(
    cells.map((cell) => ({ cell })),
    ['cell', 'none.such'],
  );
  assert.deepEqual(rows.split('\r\n').slice(1, -1), [
    ...["'=1,", "'+1,", '-1,', "'@x,", "'\t=1,", "' =1,", "'-1+1,", '-0.5,', '"a,""b""\n",', ','],
  ]);
});

test('a table as CSV has every row where all are asked for, page by page, and some at once', async () => {
  const { ask, open } = start();
  const path = '/api/v1/things?format=csv&rows=all';
  for (const limit of ['', '&limit=1', '&limit=2']) {
    const headers = { 'if-none-match': '*' };
    const { status, text, headers: got } = await ask(path + limit, { headers });
    assert.equal(status, 200);
    assert.deepEqual(
      text.split('\r\n').map((row) => row.split(',')[0]),
      ['name', 'thing 3', "'=cmd|evil", 'thing 1', ''],
    );
    assert.equal(got.get('link'), null);
    assert.equal(got.get('content-disposition'), 'attachment; filename="things.csv"');
  }
  const long = `${path}&limit=1`;
  const before = calls;
  const running = await Promise.all(Array.from({ length: 8 }, () => open(long)));
  assert.ok(calls - before <= 16, 'what nobody reads is not read ahead');
  assert.equal((await open(long)).status, 503);
  assert.equal((await open(path)).status, 200, 'one page is none too many');
  await running[0]?.body?.cancel();
  await running[1]?.text();
  const two = await Promise.all([open(long), open(long)]);
  assert.deepEqual(
    [...two, await open(long)].map(({ status }) => status),
    [200, 200, 503],
  );
  assert.equal((await open('/api/v1/me/thing?format=csv&rows=all')).status, 401);
});

test('a whole table waits where its reader has asked for as much as it may, and not for ever', async () => {
  for (const perSecond of [1, 0]) {
    const clock = new FakeClock();
    const startedAt = clock.now();
    const api = apiOf(routes, { clock, rate: createBuckets(clock, { burst: 1, perSecond }) });
    const bindings = { ...insideBindings({ kind: 'nobody' }), peer: '192.0.2.1' };
    const request = new Request('http://pool/api/v1/things?format=csv&rows=all&limit=1');
    const response = await api.answer(request, bindings);
    let read: string | Error | undefined;
    void response.text().then(
      (text) => {
        read = text;
      },
      (error: Error) => {
        read = error;
      },
    );
    while (read === undefined) {
      clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const waitedMs = clock.now() - startedAt;
    if (perSecond === 1) assert.equal(String(read).split('\r\n').length, 5);
    else assert.ok(read instanceof Error, 'a part is not given for the whole');
    assert.ok(waitedMs >= (perSecond === 1 ? 1_000 : 60_000), `${waitedMs} ms`);
  }
});

test('each session asks at its own rate, and the admin token as it likes', async () => {
  const { ask, clock } = start();
  const status = async (id: string) => (await ask('/api/v1/me/thing', {}, worker(id))).status;
  assert.deepEqual(
    [await status('a'), await status('a'), await status('a'), await status('b')],
    [200, 200, 429, 200],
  );
  clock.advance(1_000);
  assert.equal(await status('a'), 200);
  const token = { headers: { authorization: 'Bearer token' }, method: 'POST', body: '{}' };
  for (let index = 0; index < 5; index++) {
    assert.equal((await ask('/api/v1/things/x', token)).status, 400);
  }
});

test('a body that is wrong is told where, and not what it said', async () => {
  const { ask } = start();
  const body = JSON.stringify({ size: '<script>', colour: '<script>alert(1)</script>' });
  const headers = { authorization: 'Bearer token' };
  const {
    status,
    text,
    headers: sent,
  } = await ask('/api/v1/things/x', {
    ...{ method: 'POST', body, headers },
  });
  assert.equal(status, 400);
  assert.equal(sent.get('content-type'), 'application/problem+json');
  const problem = JSON.parse(text);
  assert.deepEqual(
    problem.fields.map(({ field }: { field: string }) => field),
    ['size', 'colour'],
  );
  assert.doesNotMatch(text, /script/);
  assert.deepEqual(Object.keys(problem).slice(0, 4), ['type', 'title', 'status', 'code']);
});

test('a route that is defined twice stops the pool at its start, not its readers later', () => {
  assert.throws(() => apiOf([...routes, ...routes.slice(0, 1)]), /is defined twice/);
});
