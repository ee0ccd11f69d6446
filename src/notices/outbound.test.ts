import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { readTarget } from './channel.ts';
import { discordPlain } from './chat-senders.ts';
import { createOutbound } from './outbound.ts';
import { createSeal } from './seal.ts';

const asked: string[] = [];
const server = createServer((request, response) => {
  asked.push(request.headers.host ?? '');
  response.end('x'.repeat(100_000));
});
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve);
});
after(() => {
  server.closeAllConnections();
  server.close();
});
const { port } = server.address() as AddressInfo;
const message = { headers: {}, body: '{}' };

test('a name that points into the own network is refused, whatever else it points to', async () => {
  const addresses = ['203.0.113.7', '127.0.0.1'].map((address) => ({ address, family: 4 }));
  const outbound = createOutbound({ allowPrivate: [], resolve: async () => addresses });
  const posted = await outbound.post(`https://evil.example:${port}/`, message);
  assert.deepEqual(posted, { ok: false, reason: 'not_allowed' });
  assert.deepEqual(asked, []);
});

test('a name is asked for once, and connected to as it was vetted', async () => {
  let times = 0;
  const resolve = async () => {
    times++;
    // The second answer would lead elsewhere.
    return [{ address: times === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }];
  };
  const outbound = createOutbound({ allowPrivate: [`ntfy.lan:${port}`], resolve });
  const posted = await outbound.post(`http://ntfy.lan:${port}/`, message);
  assert.ok(posted.ok && posted.status === 200);
  assert.equal(posted.body.length, 16_384, 'no more of an answer is kept');
  assert.equal(times, 1);
  assert.deepEqual(asked, [`ntfy.lan:${port}`]);
});

test('a name server that keeps silent holds nobody', async () => {
  const outbound = createOutbound({
    allowPrivate: [],
    resolve: () => new Promise(() => {}),
    wholeMs: 50,
  });
  assert.deepEqual(await outbound.post('https://slow.example/', message), {
    ok: false,
    reason: 'unreachable',
  });
  assert.equal(await outbound.mayPost('https://slow.example/'), false);
});

test('what is no address, chat or webhook is refused in so many words', () => {
  const read = (
    type: 'email' | 'discord' | 'telegram' | 'ntfy',
    target: string,
    token?: string,
  ) => {
    const result = readTarget({ type, target, token }, { ownHosts: [], newSecret: () => 's' });
    return result.ok ? 'ok' : result.reason;
  };
  assert.equal(read('email', 'mira@example.org'), 'ok');
  for (const odd of [
    'mira',
    'a@b',
    'a@example.org, b@example.org',
    'a@example.org\r\nBcc: x@example.org',
    '"a b"@example.org',
    'a@-example.org',
    `${'a'.repeat(65)}@example.org`,
    `a@${'b.'.repeat(150)}org`,
    '<script>@example.org',
    'a@exämple.org',
  ]) {
    assert.equal(read('email', odd), 'email_malformed', odd);
  }
  const hook = 'https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnop';
  assert.equal(read('discord', hook), 'ok');
  for (const odd of [
    hook.replace('discord.com', 'discord.com.evil.example'),
    hook.replace('discord.com', 'evil.example'),
    hook.replace('https:', 'http:'),
    hook.replace('discord.com', 'discord.com:8443'),
    'https://discord.com/api/users/@me',
    `${hook}/../../../users`,
  ]) {
    assert.equal(read('discord', odd), 'not_discord', odd);
  }
  assert.equal(read('telegram', '-1001234567890'), 'ok');
  assert.equal(read('telegram', '12; drop'), 'chat_malformed');
  assert.equal(read('ntfy', 'https://ntfy.sh/my_topic', 'tk_1'), 'ok');
  assert.equal(read('ntfy', 'https://ntfy.sh/a/b'), 'url_malformed');
  assert.equal(read('ntfy', 'https://ntfy.sh/my_topic', 'a\r\nb: c'), 'token_malformed');
});

test("nothing of a text is Discord's markup", () => {
  const odd = '**b** _i_ `c` ~~s~~ ||h|| > q # t [a](https://x) @everyone <@123> <#4> \\*';
  const plain = discordPlain(odd);
  assert.doesNotMatch(plain, /(?<!\\)[*_`~|>#[\]()]/);
  assert.doesNotMatch(plain, /@everyone|<@|<#/);
});

test('what was sealed opens at its own place alone', () => {
  const seal = createSeal(new Uint8Array(32).fill(1));
  const sealed = seal.seal('one', 'https://example.org/secret');
  assert.equal(seal.open('one', sealed), 'https://example.org/secret');
  assert.throws(() => seal.open('other', sealed));
  assert.throws(() => createSeal(new Uint8Array(32).fill(2)).open('one', sealed));
  sealed[20] = (sealed[20] ?? 0) ^ 1;
  assert.throws(() => seal.open('one', sealed));
  assert.notDeepEqual(seal.hash('code', 'x'), seal.hash('link', 'x'));
});
