import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { createSiweMessage } from 'viem/siwe';
import { hex } from '../base/bytes.ts';
import { FakeClock } from '../base/clock.ts';
import { openScratch } from '../database/scratch.ts';
import { textDigest } from '../payouts/address.ts';
import { addressOf, checksumAddress, signDigest } from '../protocol/signature.ts';
import { createWorkers } from '../workers/workers.ts';
import { apiOf } from './api.test-kit.ts';
import { auditRoutes } from './audit-routes.ts';
import { createAuditLog } from './audit-store.ts';
import { insideBindings } from './bindings.ts';
import { createIdentify } from './identify.ts';
import { operatorsRoutes } from './operators-routes.ts';
import { receiptsRoutes } from './receipts-route.ts';
import type { Listener } from './route.ts';
import { sessionRoutes } from './session-routes.ts';
import { createSessions } from './sessions.ts';

const scratch = await openScratch();
const { database } = scratch;
const clock = new FakeClock();
const key = new Uint8Array(32).fill(3);
const workers = await createWorkers({ database });
after(async () => {
  await workers.close();
  await scratch[Symbol.asyncDispose]();
});

/** A contract that says yes to one signature. */
const CONTRACT = '0x00000000000000000000000000000000000c0de1' as const;
let asked = 0;
const sessions = createSessions({
  ...{ database, clock, key },
  origins: () => new Set(['https://pool.example', 'http://127.0.0.1:7935']),
  chainId: 42_161,
  async contractSays(address, _, signature) {
    asked++;
    return address === CONTRACT && signature === '0x1271';
  },
});
const api = apiOf(
  [
    ...sessionRoutes({ sessions, key, clock }),
    ...operatorsRoutes({
      ...{ database, sessions, clock, workers },
      linkTo: (who, token) => `https://${who}.example/?${token}`,
    }),
    ...auditRoutes({ database }),
    ...receiptsRoutes({
      ledger: { receiptsOf: async () => [], signed: async () => undefined },
    }),
  ],
  {
    key,
    identify: createIdentify({ token: 'token', workers, session: sessions.actorOf }),
    audit: createAuditLog(database, clock),
  },
);

interface Asked {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly listener?: Listener;
  readonly peer?: string;
}
async function ask(method: 'GET' | 'POST', path: string, options: Asked = {}) {
  const { body, headers = {}, listener = 'public', peer } = options;
  const { actor: _, ...inside } = insideBindings({ kind: 'nobody' });
  const response = await api.answer(
    new Request(`http://pool${path}`, {
      method,
      headers: {
        ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }),
    { ...inside, listener, host: 'pool.example', peer },
  );
  const text = await response.text();
  const value = text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text;
  const cookie = /^__Host-tributary=([^;]*)/.exec(response.headers.get('set-cookie') ?? '')?.[1];
  return { status: response.status, value, cookie, headers: response.headers };
}
const owner = { headers: { authorization: 'Bearer token' }, listener: 'admin' } as const;
const withCookie = (cookie: string | undefined) => ({
  headers: { cookie: `__Host-tributary=${cookie}` },
});

/** A wallet with a key. */
function wallet(byte: number) {
  const secret = new Uint8Array(32).fill(byte);
  const address = checksumAddress(addressOf(secret)) as `0x${string}`;
  const sign = (text: string) => `0x${hex(signDigest(secret, textDigest(text)))}`;
  return { address, sign };
}
const miner = wallet(7);
const stranger = wallet(8);
const boss = wallet(9);
for (const name of ['rig-1', 'rig-2']) await workers.add({ name, payoutAddress: miner.address });
const other = await workers.add({ name: 'other', payoutAddress: stranger.address });
assert.ok(other.ok);

type Message = Parameters<typeof createSiweMessage>[0];
async function message(address: `0x${string}`, changes: Partial<Message> = {}): Promise<string> {
  const { value } = await ask('POST', '/api/v1/session/challenge');
  return createSiweMessage({
    domain: 'pool.example',
    address,
    uri: 'https://pool.example/sign-in',
    version: '1',
    chainId: value.chainId,
    nonce: value.nonce,
    issuedAt: new Date(clock.now()),
    statement: value.statement,
    ...changes,
  });
}
const signIn = (text: string, signature: string, more: object = {}) =>
  ask('POST', '/api/v1/session/wallet', { body: { message: text, signature, ...more } });

test('a wallet signs in as every worker that is paid there, and sees no other', async () => {
  const text = await message(miner.address);
  const entered = await signIn(text, miner.sign(text));
  assert.equal(entered.status, 200, JSON.stringify(entered.value));
  const rules = entered.headers.get('set-cookie') ?? '';
  assert.match(rules, /; Path=\/; HttpOnly; Secure; SameSite=Strict; Max-Age=2592000$/);
  const { value } = await ask('GET', '/api/v1/session', withCookie(entered.cookie));
  assert.equal(value.kind, 'worker');
  const named = await Promise.all(value.workers.map((id: string) => workers.show(id)));
  assert.deepEqual(
    named.map((one) => one?.name),
    ['rig-1', 'rig-2'],
  );
  const foreign = `/proofs/receipts?worker=${other.ok && other.worker.id}`;
  assert.equal((await ask('GET', foreign, withCookie(entered.cookie))).status, 404);
  const { rows } = await database.query(sql`select encode(hash, 'hex') as hash from api_session`);
  assert.doesNotMatch(JSON.stringify(rows), new RegExp(entered.cookie ?? '-'));
});

test('a message that was used, is old, or is of elsewhere signs nobody in', async () => {
  const text = await message(miner.address);
  assert.equal((await signIn(text, miner.sign(text))).status, 200);
  const code = async (given: string, signature = miner.sign(given)) => {
    const { status, value, cookie } = await signIn(given, signature);
    assert.equal(cookie, undefined);
    return `${status} ${value.code}`;
  };
  assert.equal(await code(text), '401 nonce_used');
  const of = (changes: Partial<Message>) => message(miner.address, changes);
  assert.equal(await code(await of({ domain: 'evil.example' })), '401 foreign_domain');
  assert.equal(await code(await of({ uri: 'https://evil.example' })), '401 foreign_uri');
  assert.equal(await code(await of({ chainId: 1 })), '401 other_chain');
  assert.equal(await code(await of({ nonce: 'a'.repeat(50) })), '401 nonce_invalid');
  const fresh = await of({});
  assert.equal(await code(fresh, stranger.sign(fresh)), '401 signature_wrong');
  assert.equal(await code(fresh, '0x'), '401 signature_wrong');
  assert.equal(await code(`${fresh} `), '401 message_malformed');
  const soon = await of({ expirationTime: new Date(clock.now() + 1_000) });
  clock.advance(1_000);
  assert.equal(await code(soon), '401 message_expired');
  const slow = await of({});
  clock.advance(5 * 60_000);
  assert.equal(await code(slow), '401 nonce_invalid');
});

test('two that use one message at the same moment are one session', async () => {
  const text = await message(miner.address);
  const both = await Promise.all([1, 2, 3].map(() => signIn(text, miner.sign(text))));
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 401, 401]);
});

test('a wallet that nobody is paid at is told so, once it has signed', async () => {
  const unknown = wallet(11);
  const text = await message(unknown.address);
  assert.equal((await signIn(text, unknown.sign(text))).value.code, 'wallet_unknown');
  assert.equal((await signIn(text, miner.sign(text))).value.code, 'signature_wrong');
  assert.equal(asked, 1, 'a contract was asked about once: for a known wallet that did not sign');
});

test('a contract wallet signs in when its contract says so', async () => {
  await workers.add({ name: 'safe', payoutAddress: CONTRACT });
  const address = checksumAddress(Buffer.from(CONTRACT.slice(2), 'hex')) as `0x${string}`;
  const text = await message(address);
  assert.equal((await signIn(text, '0x1272')).value.code, 'signature_wrong');
  assert.equal((await signIn(text, '0x1271')).status, 200);
});

test('an operator signs in by wallet or link, and is out once it is removed', async () => {
  const add = { name: 'mira', role: 'support', address: boss.address };
  assert.equal((await ask('POST', '/api/v1/operators', { ...owner, body: add })).status, 201);
  const again = await ask('POST', '/api/v1/operators', {
    ...owner,
    body: { ...add, name: 'Mira' },
  });
  assert.equal(again.value.code, 'operator_refused');
  const text = await message(boss.address);
  assert.equal((await signIn(text, boss.sign(text))).value.code, 'wallet_unknown', 'as a worker');
  const byWallet = await signIn(text, boss.sign(text), { as: 'operator' });
  assert.equal(byWallet.status, 200);
  const made = await ask('POST', '/api/v1/operators/mira/link', owner);
  const token = new URL(made.value.url).search.slice(1);
  const byLink = await ask('POST', '/api/v1/session/link', { body: { token } });
  assert.equal(byLink.status, 200);
  const twice = await ask('POST', '/api/v1/session/link', { body: { token } });
  assert.equal(twice.value.code, 'link_invalid');
  for (const { cookie } of [byWallet, byLink]) {
    const { value } = await ask('GET', '/api/v1/session', withCookie(cookie));
    assert.deepEqual([value.kind, value.name, value.role], ['operator', 'mira', 'support']);
  }
  const audit = { ...withCookie(byWallet.cookie), listener: 'admin' } as const;
  assert.equal((await ask('GET', '/api/v1/operator/audit', audit)).status, 200);
  assert.equal((await ask('GET', '/api/v1/operators', audit)).value.code, 'not_allowed');
  const outside = await ask('GET', '/api/v1/operator/audit', withCookie(byWallet.cookie));
  assert.equal(outside.value.code, 'not_here');
  await ask('POST', '/api/v1/operators/mira/remove', owner);
  for (const { cookie } of [byWallet, byLink]) {
    const { value } = await ask('GET', '/api/v1/session', withCookie(cookie));
    assert.equal(value.kind, 'nobody');
  }
});

test('a link is good for ten minutes, a session for its time, and until it is ended', async () => {
  const linkFor = async () => {
    const { value } = await ask('POST', '/api/v1/workers/rig-1/link', owner);
    return new URL(value.url).search.slice(1);
  };
  const late = await linkFor();
  clock.advance(10 * 60_000);
  const refused = await ask('POST', '/api/v1/session/link', { body: { token: late } });
  assert.equal(refused.value.code, 'link_invalid');
  const enter = async () =>
    (await ask('POST', '/api/v1/session/link', { body: { token: await linkFor() } })).cookie;
  const one = await enter();
  clock.advance(1);
  const two = await enter();
  const kind = async (cookie: string | undefined) =>
    (await ask('GET', '/api/v1/session', withCookie(cookie))).value.kind;
  const listed = await ask('GET', '/api/v1/session/all', withCookie(one));
  assert.deepEqual(
    listed.value.map(({ isThis }: { isThis: boolean }) => isThis),
    [false, true],
  );
  const revoked = await ask('POST', '/api/v1/session/revoke', { ...withCookie(one), body: {} });
  assert.equal(revoked.value.ended, 1);
  assert.deepEqual([await kind(one), await kind(two)], ['worker', 'nobody']);
  assert.equal((await ask('POST', '/api/v1/session/end', withCookie(one))).cookie, '');
  assert.equal(await kind(one), 'nobody');
  const three = await enter();
  clock.advance(30 * 24 * 3_600_000);
  assert.equal(await kind(three), 'nobody');
});

test('other sites change nothing, with a cookie or without', async () => {
  const { value } = await ask('POST', '/api/v1/workers/rig-1/link', owner);
  const token = new URL(value.url).search.slice(1);
  const crossSite = { 'sec-fetch-site': 'cross-site' };
  const entering = (headers: Record<string, string>) =>
    ask('POST', '/api/v1/session/link', { body: { token }, headers });
  for (const headers of [
    crossSite,
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ]) {
    assert.equal((await entering(headers)).value.code, 'cross_site_refused');
  }
  assert.equal((await entering({ 'content-type': 'text/plain' })).status, 415);
  const { cookie } = await entering({ origin: 'https://pool.example' });
  const end = (headers: Record<string, string>, body?: string) =>
    ask('POST', '/api/v1/session/end', {
      headers: { cookie: `__Host-tributary=${cookie}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });
  const form = {
    'content-type': 'application/x-www-form-urlencoded',
    'sec-fetch-site': 'same-origin',
  };
  assert.equal((await end({ ...form, 'sec-fetch-site': 'cross-site' })).status, 403);
  assert.equal((await end(form, 'csrf=guessed')).value.code, 'cross_site_refused');
  assert.equal((await end({ 'content-type': form['content-type'] }, 'csrf=x')).status, 403);
  const { value: who } = await ask('GET', '/api/v1/session', withCookie(cookie));
  const outside = await end(form, `csrf=${who.form}&then=//evil.example`);
  assert.equal(outside.status, 200, 'a form that would lead elsewhere leads nowhere');
});

test('a form goes on to a page of this site', async () => {
  const enter = async (then: string) => {
    const { value } = await ask('POST', '/api/v1/workers/rig-1/link', owner);
    const token = new URL(value.url).search.slice(1);
    return ask('POST', '/api/v1/session/link', {
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: 'https://pool.example',
      },
      body: `token=${token}&then=${then}`,
    });
  };
  const reply = await enter('/worker');
  assert.equal(reply.status, 303);
  assert.equal(reply.headers.get('location'), '/worker');
  assert.ok(reply.cookie);
  assert.equal((await enter('/{kind}/x')).headers.get('location'), '/worker/x');
  const elsewhere = await enter('/{none}/evil.example');
  assert.equal(elsewhere.headers.get('location'), '/', 'and not to //evil.example');
});

test('what somebody who signed in is told stays in its browser', async () => {
  const { value } = await ask('POST', '/api/v1/workers/rig-1/link', owner);
  const token = new URL(value.url).search.slice(1);
  const { cookie } = await ask('POST', '/api/v1/session/link', {
    body: { token },
    headers: { origin: 'https://pool.example' },
  });
  const kept = async (options: Asked = {}) =>
    (await ask('GET', '/api/v1/session', options)).headers.get('cache-control');
  assert.equal(await kept(withCookie(cookie)), 'private, no-cache');
  assert.equal(await kept(), 'no-cache');
});

test('who tries too often waits', async () => {
  const codes = [];
  for (let index = 0; index < 22; index++) {
    const body = { token: 'x' };
    codes.push((await ask('POST', '/api/v1/session/link', { body, peer: '192.0.2.7' })).status);
  }
  assert.deepEqual(codes, [...Array(20).fill(401), 429, 429]);
});

test('every change is in the audit log with who made it, and nobody changes the log', async () => {
  const { value } = await ask('GET', '/api/v1/operator/audit?limit=1000', owner);
  const text = JSON.stringify(value);
  assert.doesNotMatch(text, /trib_|(token|signature)":"[^[]/);
  const lines: { route: string; actorName: string; outcome: string; target: string }[] =
    value.items;
  const of = (route: string) => lines.filter((line) => line.route === `POST /api/v1/${route}`);
  assert.deepEqual(
    of('operators').map(({ outcome }) => outcome),
    ['refused: operator_refused', 'done'],
  );
  assert.equal(of('operators')[1]?.actorName, 'admin token');
  assert.equal(of('operators/{operator}/remove')[0]?.target, 'mira');
  assert.ok(
    of('session/wallet').every(({ outcome }) => outcome === 'done'),
    'of strangers, only success',
  );
  const first = await ask('GET', '/api/v1/operator/audit?limit=2', owner);
  const next = await ask('GET', `/api/v1/operator/audit?limit=2&cursor=${first.value.next}`, owner);
  assert.deepEqual(
    [...first.value.items, ...next.value.items].map(({ number }) => number),
    value.items.slice(0, 4).map(({ number }: { number: string }) => number),
  );
  const other = `/api/v1/operator/audit?actor=x&cursor=${first.value.next}`;
  assert.equal((await ask('GET', other, owner)).value.code, 'cursor_invalid');
  for (const statement of [
    sql`update audit_log set actor_name = 'x'`,
    sql`update audit_log set outcome = 'x'`,
    sql`delete from audit_log`,
    sql`truncate audit_log`,
  ]) {
    await assert.rejects(database.query(statement), { code: 'database_failed' });
  }
});
