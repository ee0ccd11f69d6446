import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { apiOf } from '../../src/api/api.test-kit.ts';
import { createLive, type Live } from '../../src/api/live.ts';
import { servePublic } from '../../src/api/public.ts';
import { defineRoute, serve, serveEvents } from '../../src/api/route.ts';
import { FakeClock } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { createClient, PoolRefusal } from '../../src/client/client.ts';

/** A public address with a route of events, whose value the test sets. */
async function start(t: TestContext, { streamsMax = 10 }: { streamsMax?: number } = {}) {
  const clock = new FakeClock();
  const live = createLive({ clock, log: quiet, streamsMax });
  const now = { value: 0, read: 0, allowed: true };
  const snapshot = async () => {
    now.read++;
    return { value: now.value };
  };
  const definition = {
    method: 'GET',
    access: 'public',
    summary: 'For this test.',
    reply: z.object({ value: z.int() }),
  } as const;
  const routes = [
    serveEvents(
      defineRoute({ ...definition, path: '/api/v1/live', stream: true }),
      ({ caller }, { response }) =>
        live.follow('all', snapshot, {
          response,
          peer: undefined,
          actor: undefined,
          after: caller.lastEventId,
          stillAllowed: async () => now.allowed,
        }),
    ),
    serve(defineRoute({ ...definition, path: '/api/v1/pool' }), async () => ({ value: 7 })),
  ];
  const server = await servePublic(
    { proofsDir: '/nowhere', api: apiOf(routes), log: quiet, clock },
    { host: '127.0.0.1', port: 0 },
  );
  t.after(async () => {
    live.close();
    await server.close();
  });
  const url = `http://127.0.0.1:${server.port}`;
  return { clock, live, now, url, port: server.port };
}

/** One second, in which the next value is read and sent. */
async function second({
  clock,
  live,
  now,
}: {
  clock: FakeClock;
  live: Live;
  now: { read: number };
}) {
  const before = now.read;
  clock.advance(1_000);
  while (live.count() > 0 && now.read === before) await new Promise(setImmediate);
}

const follow = (url: string, after?: string) => {
  const options = after === undefined ? {} : { after };
  return createClient({ url }).live('/api/v1/live', options) as AsyncGenerator<{
    id: string;
    value: unknown;
  }>;
};
async function next(stream: ReturnType<typeof follow>) {
  const { value } = await stream.next();
  return value as { id: string; value: { value: number } };
}

test('all who follow share one snapshot a second, and what is the same is not sent again', async (t) => {
  const pool = await start(t);
  const streams = [follow(pool.url), follow(pool.url), follow(pool.url)];
  const first = await Promise.all(streams.map(next));
  assert.deepEqual(
    first.map(({ value }) => value),
    [{ value: 0 }, { value: 0 }, { value: 0 }],
  );
  assert.equal(new Set(first.map(({ id }) => id)).size, 1);
  assert.equal(pool.now.read, 1);
  await second(pool);
  pool.now.value = 1;
  await second(pool);
  assert.equal(pool.now.read, 3);
  const then = await Promise.all(streams.map(next));
  assert.deepEqual(
    then.map(({ value }) => value.value),
    [1, 1, 1],
    'and no second 0',
  );
  for (const stream of streams) await stream.return(undefined);
});

test('who comes back gets what it missed, and who comes from elsewhere the newest', async (t) => {
  const pool = await start(t);
  const stream = follow(pool.url);
  const keep = follow(pool.url);
  const { id } = await next(stream);
  await next(keep);
  await stream.return(undefined);
  for (const value of [1, 2, 3]) {
    pool.now.value = value;
    await second(pool);
    assert.equal((await next(keep)).value.value, value);
  }
  const back = follow(pool.url, id);
  const missed = [await next(back), await next(back), await next(back)];
  assert.deepEqual(
    missed.map(({ value }) => value.value),
    [1, 2, 3],
  );
  const elsewhere = follow(pool.url, 'other-7');
  assert.equal((await next(elsewhere)).value.value, 3);
  const current = follow(pool.url, missed[2]?.id);
  pool.now.value = 4;
  await second(pool);
  assert.equal((await next(current)).value.value, 4, 'nothing twice');
  for (const one of [keep, back, elsewhere, current]) await one.return(undefined);
});

test('many who follow get what is new one group after the other, and all within half a second', async (t) => {
  const pool = await start(t, { streamsMax: 200 });
  const streams = Array.from({ length: 130 }, () => follow(pool.url));
  await Promise.all(streams.map(next));
  const got: number[] = [];
  for (const stream of streams) void next(stream).then(({ value }) => got.push(value.value));
  pool.now.value = 1;
  await second(pool);
  let passed = 0;
  // Nothing passes by itself: whoever is in a later group waits for the clock.
  while (got.length < 40) await new Promise(setImmediate);
  while (got.length < streams.length) {
    pool.clock.advance(10);
    passed += 10;
    const wanted = Math.min(streams.length, 40 + (passed / 10) * 40);
    while (got.length < wanted) await new Promise(setImmediate);
  }
  assert.deepEqual(new Set(got), new Set([1]));
  assert.equal(passed, 30);
  for (const stream of streams) await stream.return(undefined);
});

test('who may not see it any more is sent away', async (t) => {
  const pool = await start(t);
  const stream = follow(pool.url);
  await next(stream);
  pool.now.allowed = false;
  for (let passed = 0; passed < 30; passed++) await second(pool);
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test('of ten thousand streams as many are served as there is room for, and the rest is told', async (t) => {
  const pool = await start(t, { streamsMax: 200 });
  const { port, url, live } = pool;
  const open: Socket[] = [];
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  const heads: string[] = [];
  for (let batch = 0; batch < 20; batch++) {
    const batchHeads = Array.from({ length: 500 }, async () => {
      const socket = connect(port, '127.0.0.1');
      open.push(socket);
      socket.on('error', () => undefined);
      socket.write('GET /api/v1/live HTTP/1.1\r\nhost: pool\r\n\r\n');
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      const head = chunk.toString('latin1');
      if (!head.includes(' 200 ')) socket.destroy();
      return head;
    });
    heads.push(...(await Promise.all(batchHeads)));
    // A stream that is silent for half a minute ends, and this may take longer.
    pool.now.value++;
    await second(pool);
  }
  assert.equal(heads.filter((head) => head.startsWith('HTTP/1.1 200 ')).length, 200);
  const refused = heads.filter((head) => head.startsWith('HTTP/1.1 503 '));
  assert.equal(refused.length, 9_800);
  assert.match(refused[0] as string, /streams_full/);
  assert.match(refused[0] as string, /retry-after: 60/i);
  assert.equal((await fetch(`${url}/api/v1/pool`)).status, 200, 'nothing else is disturbed');
  await assert.rejects(next(follow(url)), (error) => {
    return error instanceof PoolRefusal && error.problem.code === 'streams_full';
  });
  const closed = open.slice(0, 100).map((socket) => once(socket, 'close'));
  for (const socket of open.slice(0, 100)) socket.destroy();
  await Promise.all(closed);
  while (live.count() > 100) await new Promise(setImmediate);
  const again = follow(url);
  assert.deepEqual((await next(again)).value, { value: pool.now.value }, 'there is room');
  await again.return(undefined);
});

test('a reader that does not read holds nobody up', async (t) => {
  const pool = await start(t);
  const quick = follow(pool.url);
  await next(quick);
  const slow = connect(pool.port, '127.0.0.1');
  slow.on('error', () => undefined);
  slow.pause();
  slow.write('GET /api/v1/live HTTP/1.1\r\nhost: pool\r\n\r\n');
  while (pool.live.count() < 2) await new Promise(setImmediate);
  for (let value = 1; value <= 20; value++) {
    pool.now.value = value;
    await second(pool);
    assert.equal((await next(quick)).value.value, value);
  }
  slow.destroy();
  while (pool.live.count() > 1) await new Promise(setImmediate);
  await quick.return(undefined);
});
