import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { FakeClock } from '../base/clock.ts';
import { quiet } from '../base/log.ts';
import { addressBlock } from '../http/address.ts';
import { apiOf } from './api.test-kit.ts';
import { addressBlockType, createClientAddresses } from './client-address.ts';
import { servePublic } from './public.ts';
import { createRequestRate } from './request-rate.ts';
import { defineRoute, serve } from './route.ts';

/** Who asks is told back; no header of the test may get there but by the addresses. */
const whoRoute = serve(
  defineRoute({
    method: 'POST',
    path: '/api/v1/who',
    access: 'public',
    summary: 'For this test.',
    reply: z.object({ peer: z.string().nullable() }),
    reads: true,
  }),
  async ({ caller }) => ({ peer: caller.peer ?? null }),
);

async function start(t: TestContext, trusted: readonly string[], host = '127.0.0.1') {
  const clock = new FakeClock();
  let unknown = 0;
  const addresses = createClientAddresses(
    trusted.flatMap((one) => addressBlock(one) ?? []),
    () => unknown++,
  );
  const server = await servePublic(
    { api: apiOf([whoRoute]), addresses, log: quiet, clock },
    { host, port: 0 },
  );
  t.after(() => server.close());
  return { clock, port: server.port, unknown: () => unknown };
}

interface Asked {
  readonly port: number;
  readonly host?: string;
  /** Another address of this machine to come from; Linux has all of 127.0.0.0/8. */
  readonly from?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly path?: string;
}

async function ask({ port, host = '127.0.0.1', from, headers = {}, path = '/api/v1/who' }: Asked) {
  const asked = request({
    ...{ host, port, path },
    method: path === '/api/v1/who' ? 'POST' : 'GET',
    headers: { 'content-type': 'application/json', ...headers },
    ...(from === undefined ? {} : { localAddress: from }),
  });
  asked.end();
  const [reply] = await once(asked, 'response');
  return { status: reply.statusCode as number, body: await text(reply) };
}

async function who(asked: Asked): Promise<string | null> {
  const { status, body } = await ask(asked);
  assert.equal(status, 200, body);
  return (JSON.parse(body) as { peer: string | null }).peer;
}

/** A proxy as most are: it adds the address that it was asked from behind what it was sent. */
async function startProxy(t: TestContext, { to, from }: { to: number; from: string }) {
  const proxy = createServer((asked, answer) => {
    const { 'x-forwarded-for': before, ...headers } = asked.headers as IncomingHttpHeaders;
    const hops = [before, asked.socket.remoteAddress].filter((one) => one !== undefined);
    const onward = request(
      {
        ...{ host: '127.0.0.1', port: to, localAddress: from },
        ...{ path: asked.url, method: asked.method },
        headers: { ...headers, 'x-forwarded-for': hops.join(', ') },
      },
      (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(answer);
      },
    );
    onward.on('error', () => answer.destroy());
    asked.pipe(onward);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  return (proxy.address() as AddressInfo).port;
}

/** As `networkOf` writes an IPv4 address: its two halves. */
const v4 = (...[a, b, c, d]: [number, number, number, number]) => `${a * 256 + b}.${c * 256 + d}`;

test('behind a trusted proxy everybody has limits of their own, and this machine none', async (t) => {
  const pool = await start(t, ['127.0.0.1']);
  const proxy = await startProxy(t, { to: pool.port, from: '127.0.0.1' });
  const page = { path: '/assets/nothing.js' };
  const codes = new Set<number>();
  let refused = 0;
  for (let index = 0; index < 401; index++) {
    const { status } = await ask({ ...page, port: proxy, from: '127.0.0.7' });
    codes.add(status);
    if (status === 429) refused++;
  }
  assert.deepEqual([...codes], [404, 429]);
  assert.equal(refused, 1, '400 at once, as from any address');
  assert.equal((await ask({ ...page, port: proxy, from: '127.0.0.8' })).status, 404, 'a neighbour');
  const spoofed = { 'x-forwarded-for': '198.51.100.9' };
  assert.equal(
    (await ask({ ...page, port: proxy, from: '127.0.0.7', headers: spoofed })).status,
    429,
    'another name changes nothing',
  );
  assert.equal((await ask({ ...page, port: pool.port })).status, 404, 'a command on this machine');
  pool.clock.advance(1_000);
  assert.equal((await ask({ ...page, port: proxy, from: '127.0.0.7' })).status, 404);
  assert.equal(pool.unknown(), 0);
});

test('without a trusted proxy no header is believed, and nobody is this machine by it', async (t) => {
  const { port, unknown } = await start(t, []);
  assert.equal(await who({ port }), null);
  assert.equal(unknown(), 0);
  for (const [name, value] of [
    ['x-forwarded-for', '198.51.100.9'],
    ['x-forwarded-for', '127.0.0.1'],
    ['x-real-ip', '198.51.100.9'],
    ['forwarded', 'for=198.51.100.9'],
    ['via', '1.1 caddy'],
    ['x-forwarded-proto', 'https'],
  ] as const) {
    assert.equal(await who({ port, headers: { [name]: value } }), v4(127, 0, 0, 1), name);
  }
  assert.equal(unknown(), 1, 'said once, and not for each');
});

test('of several proxies the last address that is none of them counts', async (t) => {
  const { port, unknown } = await start(t, ['127.0.0.1', '127.0.1.0/24']);
  const inner = await startProxy(t, { to: port, from: '127.0.0.1' });
  const outer = await startProxy(t, { to: inner, from: '127.0.1.9' });
  assert.equal(await who({ port: outer, from: '127.0.0.7' }), v4(127, 0, 0, 7));
  assert.equal(await who({ port: inner, from: '127.0.0.7' }), v4(127, 0, 0, 7));
  const headers = { 'x-forwarded-for': '198.51.100.9, 127.0.1.9' };
  assert.equal(await who({ port: outer, from: '127.0.0.7', headers }), v4(127, 0, 0, 7));
  const foreign = await startProxy(t, { to: inner, from: '127.0.2.9' });
  assert.equal(await who({ port: foreign, from: '127.0.0.7' }), v4(127, 0, 2, 9), 'not trusted');
  assert.equal(
    await who({ port, from: '127.0.2.9', headers }),
    v4(127, 0, 2, 9),
    'past the proxies',
  );
  assert.equal(await who({ port: outer, from: '127.0.0.1' }), v4(127, 0, 0, 1), 'proxies alone');
  assert.equal(unknown(), 1, 'the one at 127.0.2.9, of which nobody said that it is one');
});

test('an address in a header is taken in every way that proxies write it, and nothing else is', async (t) => {
  const { port } = await start(t, ['127.0.0.1', '2001:db8:ff::/48']);
  const by = (...forwardedFor: string[]) =>
    who({ port, headers: { 'x-forwarded-for': forwardedFor } });
  const one = v4(192, 0, 2, 1);
  for (const written of ['192.0.2.1', ' 192.0.2.1\t', '192.0.2.1:4711', '::ffff:192.0.2.1']) {
    assert.equal(await by(written), one, written);
  }
  const subscriber = [0x2001, 0xdb8, 1, 2].join('.');
  for (const written of ['2001:db8:1:2::1', '[2001:db8:1:2::7]', '[2001:DB8:1:2:9::7]:443']) {
    assert.equal(await by(written), subscriber, written);
  }
  assert.notEqual(await by('2001:db8:1:3::1'), subscriber);
  assert.equal(await by('192.0.2.1, [2001:db8:ff::1]:80'), one);
  assert.equal(await by('198.51.100.9', '192.0.2.1'), one, 'two lines of the same header');
  // What is no address says nothing: whoever wrote it is all that is known.
  for (const written of [
    ...['unknown', '_hidden', '192.0.2.1, ', ',', '192.0.2.256', '192.0.2', '192.0.2.1/32'],
    ...['[192.0.2.1', '1.2.3.4.5', '::1::', 'fe80::1%eth0', '999999999999', '0x7f.1', ' '],
    ...['192.0.2.1;', '"192.0.2.1"', 'localhost', `${'9'.repeat(5_000)}`],
  ]) {
    assert.equal(await by(written), v4(127, 0, 0, 1), written);
  }
  assert.equal(await by('nonsense, 192.0.2.1'), one, 'what is behind is true all the same');
  assert.equal(await by('192.0.2.1, nonsense, 2001:db8:ff::1'), [0x2001, 0xdb8, 0xff, 0].join('.'));
});

test('a listener of IPv6 knows IPv4 and its own machine', async (t) => {
  const { port } = await start(t, ['127.0.0.1', '::1'], '::');
  for (const host of ['127.0.0.1', '::1']) {
    assert.equal(await who({ port, host }), null, host);
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    assert.equal(await who({ port, host, headers }), v4(192, 0, 2, 1), host);
  }
});

test('each peer has a rate of its own that fills up again', () => {
  const clock = new FakeClock();
  const rate = createRequestRate(clock, { burst: 3, perSecond: 2 });
  const taken = (peer: string | undefined, count: number) =>
    Array.from({ length: count }, () => rate.take(peer)).filter(Boolean).length;
  assert.equal(taken('192.0.2.1', 5), 3);
  assert.equal(taken('192.0.2.2', 5), 3);
  clock.advance(1_000);
  assert.equal(taken('192.0.2.1', 5), 2);
  assert.equal(taken(undefined, 100), 100, 'a program of this machine');
});

test('--trusted-proxy takes addresses and blocks, and never everybody', () => {
  const { schema, show } = addressBlockType();
  const shown = (text: string) => {
    const { success, data } = schema.safeParse(text);
    return success ? show?.(data) : undefined;
  };
  for (const text of ['127.0.0.1', '10.0.0.0/8', '::1', '2001:db8::/32', '2001:db8::7']) {
    assert.equal(shown(text), text);
  }
  for (const text of [
    '',
    '/8',
    '10.0.0.0/33',
    '::/129',
    '0.0.0.0/0',
    '::/0',
    'caddy',
    '10.0.0.0/',
  ]) {
    assert.equal(shown(text), undefined, text);
  }
});
