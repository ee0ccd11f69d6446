import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createClient, PoolRefusal } from './client.ts';

type Fetch = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['fetch']>;

function json(value: unknown, status = 200): Response {
  const type = status < 400 ? 'application/json; charset=utf-8' : 'application/problem+json';
  return new Response(JSON.stringify(value), { status, headers: { 'content-type': type } });
}

/** A client whose calls are written down. */
function recorded(answer: Fetch) {
  const asked: { url: string; init: RequestInit }[] = [];
  const client = createClient({
    url: 'https://pool.example',
    token: 'trib_x',
    fetch: (url, init) => {
      asked.push({ url, init });
      return answer(url, init);
    },
  });
  return { client, asked };
}

test('it takes nothing along into a browser but its own lines', () => {
  const source = readFileSync(new URL('./client.ts', import.meta.url), 'utf8');
  const imports = source.split('\n').filter((line) => line.startsWith('import'));
  assert.ok(imports.length > 0);
  for (const line of imports) assert.match(line, /^import type /);
});

test('names in paths and queries are written as addresses have them', async () => {
  const { client, asked } = recorded(async () => json({}));
  await client.get('/api/v1/workers/{worker}', { params: { worker: '../a b?' } });
  await client.get('/api/v1/me/lines', { query: { asset: 'A&B', limit: 5, epoch: undefined } });
  await client.post('/api/v1/payouts/workers/{worker}/choose', {
    params: { worker: 'x' },
    body: { threshold: 2n ** 80n },
  });
  assert.deepEqual(
    asked.map(({ url }) => url.slice('https://pool.example'.length)),
    [
      '/api/v1/workers/..%2Fa%20b%3F',
      '/api/v1/me/lines?asset=A%26B&limit=5',
      '/api/v1/payouts/workers/x/choose',
    ],
  );
  assert.equal(asked[2]?.init.body, `{"threshold":"${2n ** 80n}"}`);
  assert.deepEqual(asked[2]?.init.headers, {
    authorization: 'Bearer trib_x',
    'content-type': 'application/json',
  });
});

test('a refusal is thrown with its code, and what is no pool is said to be none', async () => {
  const problem = { status: 404, code: 'worker_unknown', title: 'No.', detail: 'no such worker' };
  const refused = recorded(async () => json(problem, 404));
  await assert.rejects(refused.client.get('/api/v1/me'), (error) => {
    assert.ok(error instanceof PoolRefusal);
    assert.equal(error.message, 'no such worker');
    return error.problem.code === 'worker_unknown';
  });
  const other = recorded(async () => new Response('<html>', { status: 502 }));
  await assert.rejects(other.client.get('/api/v1/me'), /not a pool \(status 502\)/);
});

test('a list is read to its end', async () => {
  const pages: Record<string, object> = {
    '': { items: [1, 2], next: 'a' },
    a: { items: [], next: 'b' },
    b: { items: [3], next: null },
  };
  const { client } = recorded(async (url) =>
    json(pages[new URL(url).searchParams.get('cursor') ?? '']),
  );
  const items: unknown[] = [];
  for await (const item of client.items('/api/v1/epochs')) items.push(item);
  assert.deepEqual(items, [1, 2, 3]);
});

test('events come whole, however the line cuts them', async () => {
  const bytes = new TextEncoder().encode(
    'retry: 3000\n\n: \n\nid: x-1\ndata: {"a":"ü"}\n\nid: x-2\ndata: 7\n\n',
  );
  for (const size of [1, 2, 7, 1_000]) {
    const { client, asked } = recorded(async () => {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.slice(index * size, (index + 1) * size),
      );
      return new Response(ReadableStream.from(chunks), { status: 200 });
    });
    const events: unknown[] = [];
    for await (const event of client.live('/api/v1/live', { after: 'x-0' })) events.push(event);
    assert.deepEqual(events, [
      { id: 'x-1', value: { a: 'ü' } },
      { id: 'x-2', value: 7 },
    ]);
    assert.equal(new Headers(asked[0]?.init.headers).get('last-event-id'), 'x-0');
  }
});
