import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { z } from 'zod';
import { apiOf } from '../../src/api/api.test-kit.ts';
import { createClientAddresses } from '../../src/api/client-address.ts';
import { openPages, withPages } from '../../src/api/pages.ts';
import { servePublic } from '../../src/api/public.ts';
import { defineRoute, serve } from '../../src/api/route.ts';
import { FakeClock } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { addressBlock } from '../../src/http/address.ts';
import { eventually } from '../eventually.ts';
import { startTestPool } from '../start-pool.ts';

const cleanups: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});

/** As browsers ask for what stands in their address line. */
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const PROGRAM = { accept: '*/*' };

/** A public address with the built pages, behind a proxy that says who asks; what it was asked within. */
async function start() {
  const clock = new FakeClock();
  const asked: string[] = [];
  const pool = { access: 'public', summary: 'For this test.', method: 'GET' } as const;
  const api = apiOf([
    serve(
      defineRoute({ ...pool, path: '/api/v1/directory', reply: z.object({ name: z.string() }) }),
      async () => ({ name: 'Rivers' }),
    ),
  ]);
  const pages = await openPages({
    ...{ log: quiet, publicUrl: undefined, pages: 'directory', now: () => clock.now() },
    async ask(path) {
      asked.push(path);
      return { status: 200, text: JSON.stringify({ name: 'Rivers', pools: 0, everyMs: 1_000 }) };
    },
  });
  const trusted = [addressBlock('127.0.0.1')].flatMap((one) => one ?? []);
  const server = await servePublic(
    {
      api: withPages(api, pages),
      addresses: createClientAddresses(trusted),
      ...{ log: quiet, clock },
    },
    { host: '127.0.0.1', port: 0 },
  );
  cleanups.push(() => server.close());
  const ask = (path: string, by: string, headers: Readonly<Record<string, string>>) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, {
      headers: { ...headers, 'x-forwarded-for': by },
    });
  return { clock, asked, ask };
}

test('a browser that asks for too much is told so on a page, and when to try again', async () => {
  const { asked, ask } = await start();
  const stranger = '198.51.100.1';
  const shown = await ask('/about', stranger, BROWSER);
  assert.equal(shown.status, 200);
  for (let next = 0; next < 60; next++) await ask(`/about?x=${next}`, stranger, BROWSER);

  const before = asked.length;
  const refused = await ask('/about?x=anew', stranger, BROWSER);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.equal(refused.headers.get('cache-control'), 'no-store');
  assert.match(refused.headers.get('content-security-policy') ?? '', /^default-src 'none'; style/);
  const page = await refused.text();
  assert.match(page, /<h1>Too much was asked for at once<\/h1>/);
  assert.match(page, /Try again in 1 second: load this page anew\./);
  assert.match(page, /<span>Rivers<\/span>/, 'whose page it is');
  const [, look = ''] = /<link rel="stylesheet" href="(\/assets\/[^"]+)"/.exec(page) ?? [];
  assert.equal((await ask(look, stranger, BROWSER)).status, 200, 'its look comes');
  assert.doesNotMatch(page, /<script/);

  const again = await ask('/about?x=again', stranger, BROWSER);
  assert.equal(await again.text(), page);
  const dark = await ask('/about?x=dark', stranger, { ...BROWSER, cookie: 'theme=dark' });
  assert.match(await dark.text(), /<html lang="en" data-theme="dark"/);
  assert.equal(asked.length, before, 'nobody was asked for it');

  const program = await ask('/api/v1/directory?x=1', stranger, PROGRAM);
  assert.equal(program.status, 429);
  assert.equal(program.headers.get('content-type'), 'application/problem+json');
  assert.equal(((await program.json()) as { code: string }).code, 'too_many_requests');
});

test('a browser that comes when too many read is told that this passes', async () => {
  const { ask } = await start();
  for (let from = 1; from <= 4; from++) {
    for (let next = 0; next < 50; next++) {
      await ask(`/about?x=${from}-${next}`, `198.51.100.${from}`, BROWSER);
    }
  }
  const busy = await ask('/about', '198.51.100.9', BROWSER);
  assert.equal(busy.status, 503);
  assert.equal(busy.headers.get('retry-after'), '1');
  assert.match(await busy.text(), /<h1>Too many readers at this moment<\/h1>/);
});

test('a pool whose database is away says so as a page, and programs get what they got', async () => {
  const scratch = await openScratch();
  cleanups.push(async () => scratch[Symbol.asyncDispose]());
  const pool = await startTestPool({ after: (run) => void cleanups.push(run) }, [
    `--database-url=${scratch.database.url}`,
  ]);
  const get = (path: string, headers: Readonly<Record<string, string>>, base = pool.publicUrl) =>
    fetch(new URL(path, base), { headers, redirect: 'manual' });
  assert.equal((await get('/', BROWSER)).status, 200);
  await scratch.database.close();

  let [home, turn] = [await get('/', BROWSER), 0];
  await eventually('the pool has noticed', async () => {
    if (home.status === 200) home = await get(`/?x=${turn++}`, BROWSER);
    return home.status !== 200;
  });
  assert.equal(home.status, 503);
  assert.equal(home.headers.get('retry-after'), '10');
  const page = await home.text();
  assert.match(page, /<h1>This cannot be shown at the moment<\/h1>/);
  assert.match(page, /The books do not answer just now[\s\S]*Try again in 10 seconds/);
  assert.match(page, /<span>Tributary pool<\/span>/);
  assert.doesNotMatch(page, /<script|ECONN|127\.0\.0\.1/);
  // Each waits some seconds for the database.
  const [opened, inside, program] = await Promise.all([
    get('/api/v1/pool?x=1', BROWSER),
    get('/api/v1/pool?x=1', BROWSER, pool.adminUrl),
    get('/api/v1/pool', PROGRAM),
  ]);
  for (const { headers, status } of [opened, inside]) {
    assert.equal(headers.get('content-type'), 'text/html; charset=utf-8');
    assert.equal(status, 503);
  }
  assert.equal(program.status, 503);
  assert.equal(program.headers.get('retry-after'), '10');
  assert.equal(program.headers.get('content-type'), 'application/problem+json');
  assert.match(((await program.json()) as { code: string }).code, /^database_/);
});
