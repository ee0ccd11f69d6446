import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { quiet } from '../../src/base/log.ts';
import { openRequest, protocols } from '../raw-request.ts';
import { startTestPool } from '../start-pool.ts';

const html = { accept: 'text/html' };
const faults: string[] = [];
const log = { ...quiet, error: (event: string) => void faults.push(event) };
const pool = await startTestPool({ after }, ['--trusted-proxy=127.0.0.1'], { log });

test('a pool behind a proxy bounds what each stranger takes of it, and no address makes it fail', async () => {
  const ask = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${pool.publicUrl}${path}`, { headers: { ...html, ...headers } });

  const by = (address: string) => ({ 'x-forwarded-for': `10.0.0.1, ${address}` });
  const codes = new Map<number, number>();
  for (let index = 0; index < 100; index++) {
    const { status } = await ask(`/docs?x=${index}`, by('198.51.100.7'));
    codes.set(status, (codes.get(status) ?? 0) + 1);
  }
  assert.deepEqual([...codes.keys()], [200, 429]);
  assert.equal((await ask('/docs?x=y', by('198.51.100.8'))).status, 200, 'a neighbour');
  assert.equal((await ask('/docs?x=z')).status, 200, 'a program of this machine');

  for (const path of ['/payouts?cursor=x', '/payouts?cursor=%00', '/payouts?cursor=%ff']) {
    const reply = await ask(path);
    assert.equal(reply.status, 400, path);
    assert.match(await reply.text(), /This address is not whole, or too old/);
  }
  const odd = ['%00', '%ff', '..%2f..', '"><script>', '9'.repeat(30), '__proto__', '%0d%0a'];
  const pages = [
    '/epochs/',
    '/terms/',
    '/docs/',
    '/docs/api/',
    '/assets/',
    '/worker/',
    '/sign-in?link=',
  ];
  for (const path of pages.flatMap((page) => odd.map((one) => `${page}${one}`))) {
    const reply = await ask(path);
    assert.ok([200, 400, 404].includes(reply.status), `${path}: ${reply.status}`);
    assert.match(reply.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/);
    assert.doesNotMatch(await reply.text(), /"><script>/, path);
  }
  assert.deepEqual(faults, [], 'nobody is woken for what strangers write into an address');
});

test('documents are put together once, and name the pool as each reader calls it', async () => {
  const page = async (path: string, name: string) => {
    const url = new URL(path, pool.publicUrl);
    url.hostname = name;
    const text = await (await fetch(url, { headers: html })).text();
    return text.replaceAll(url.host, 'HOST');
  };
  for (const path of ['/docs/guides/run-a-pool', '/docs/api', '/docs/api/session']) {
    const first = await page(path, '127.0.0.1');
    assert.match(first, /<article class="doc/);
    assert.equal(await page(path, 'localhost'), first, path);
    assert.doesNotMatch(first, /origin\.invalid/);
  }
  assert.match(
    await page('/docs/api', 'localhost'),
    /curl (<[^>]*>)*'http:\/\/HOST\/api\/v1\/pool'/,
  );
});

/** Asks every open address something that holds `word`, wherever there is room for one. */
async function writeEverywhere(word: string): Promise<void> {
  const named = [
    ...['/segment', '/payment', '/refresh-payment', '/transcodeResults', '/proofs/receipts'],
    ...['/net.Orchestrator/GetOrchestrator', `/net.Orchestrator/${word}`, `/${word}`],
  ];
  for (const [protocol, path] of protocols.flatMap((one) =>
    named.map((path) => [one, path] as const),
  )) {
    const headers = Object.fromEntries([
      ...['livepeer', 'livepeer-segment', 'livepeer-payment', 'livepeer-task', 'user-agent'].map(
        (name) => [name, word],
      ),
      ['authorization', `Bearer trib_${word}`],
      ['content-type', path.startsWith('/net.') ? 'application/grpc' : `text/${word}`],
    ]);
    const asked = openRequest(pool.port, { protocol, path, headers });
    asked.end();
    await asked.status.catch(() => undefined);
    asked.destroy();
  }
  for (const at of [pool.publicUrl, pool.adminUrl]) {
    const headers = { authorization: `Bearer ${word}`, 'user-agent': word, accept: `text/${word}` };
    for (const path of [`/${word}`, `/api/v1/${word}`, `/api/v1/pool?${word}=${word}`]) {
      for (const method of ['GET', 'POST', 'PUT']) await fetch(`${at}${path}`, { method, headers });
    }
    await fetch(`${at}/api/v1/session/link`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: word }),
    });
  }
}

async function seriesOf(): Promise<readonly string[]> {
  const text = await (await fetch(`${pool.adminUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.slice(0, line.lastIndexOf(' '))).sort();
}

test('no stranger makes a series of the metrics', async () => {
  const known = new Set<string>();
  const added: number[] = [];
  for (const word of ['heronxa', 'heronxb', 'heronxc', 'heronxd']) {
    await writeEverywhere(word);
    const before = known.size;
    for (const series of await seriesOf()) known.add(series);
    added.push(known.size - before);
  }
  const all = [...known].join('\n');
  assert.match(all, /^tributary_front_segments_refused_total\{/m);
  assert.doesNotMatch(all, /heronx/);
  // The pool may meanwhile have counted something of its own for the first time, but not each time.
  assert.ok(added.slice(1).includes(0), `series that each word added: ${added}`);
});
