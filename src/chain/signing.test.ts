import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseTransaction, recoverTransactionAddress } from 'viem';
import { FakeClock, systemClock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { type Log, quiet } from '../base/log.ts';
import { signedBy } from '../protocol/signature.ts';
import {
  CHAIN_ID,
  call,
  friend,
  node,
  orchestrator,
  redeemer,
  rewardCaller,
  stranger,
  testVault,
  unsigned,
} from './signing.test-kit.ts';
import { connectSigner, type SignerAddress, type Signing } from './signing.ts';
import { type SignerListen, serveSigner } from './signing-server.ts';
import type { Vault } from './signing-vault.ts';
import { decodeAnswer, encodeRequest, FRAME_BYTES_MAX } from './signing-wire.ts';

const parts = { clock: systemClock, log: quiet };
const pem = (name: string) =>
  readFileSync(new URL(`../../test/fixtures/mutual-tls/${name}.pem`, import.meta.url), 'utf8');
const tls: SignerListen = {
  host: '127.0.0.1',
  port: 0,
  cert: pem('server'),
  key: pem('server.key'),
  clientCa: pem('ca'),
};
const asClient = (port: number, name: string): SignerAddress => ({
  host: '127.0.0.1',
  port,
  cert: pem(name),
  key: pem(`${name}.key`),
  ca: pem('ca'),
});

for (const way of ['a Unix socket', 'mutual TLS']) {
  test(`every request has its answer over ${way}`, async (t) => {
    const { connect } = await start(t, way === 'mutual TLS' ? tls : undefined);
    const signing = await connect();
    assert.deepEqual(signing.accounts, [
      { address: node, roles: ['node'] },
      { address: redeemer, roles: ['redeemer'] },
      { address: rewardCaller, roles: ['reward_caller'] },
    ]);
    assert.equal(`0x${Buffer.from(signing.address).toString('hex')}`, node);

    const hashes = [randomBytes(32), randomBytes(32)];
    const result = await signing.signResult(hashes);
    assert.ok(signedBy(signing.address, Buffer.concat(hashes), result));

    const short = randomBytes(31);
    const pong = await signing.signPing(short);
    assert.ok(pong && signedBy(signing.address, short, pong));
    for (const size of [0, 32, 33, 42, 232, 70_000]) {
      assert.equal(await signing.signPing(randomBytes(size)), undefined, `${size} bytes`);
    }
    const nonce = await signing.selfCheckNonce();
    const answer = await signing.signPing(nonce);
    assert.ok(answer && signedBy(signing.address, nonce, answer));
    assert.equal(await signing.signPing(nonce), undefined, 'once only');

    const tx = unsigned({ ...call.redeem(orchestrator), nonce: 12 });
    const signed = await signing.signTransaction(redeemer, tx);
    assert.ok(signed.ok);
    assert.equal(
      (
        await recoverTransactionAddress({ serializedTransaction: signed.raw as `0x02${string}` })
      ).toLowerCase(),
      redeemer,
    );
    const { nonce: sent, to, data, gas, chainId } = parseTransaction(signed.raw);
    assert.deepEqual(
      { sent, to, data, gas, chainId },
      { sent: 12, to: tx.to, data: tx.data, gas: tx.gasLimit, chainId: CHAIN_ID },
    );

    const seal = await signing.sealKey();
    assert.equal(seal.length, 32);
    assert.deepEqual(await signing.sealKey(), seal);
    assert.deepEqual(await signing.figures(), { signed: 4, refused: 3 });
  });
}

test('the seal key is the same for the same account, and no key of an account', async (t) => {
  const one = await (await start(t)).connect();
  const other = await (await start(t)).connect();
  assert.deepEqual(await one.sealKey(), await other.sealKey());
  assert.notDeepEqual(Buffer.from(await one.sealKey()), Buffer.alloc(32, 1));
});

test('only hashes of 32 bytes are signed as a result', async (t) => {
  const signing = await (await start(t)).connect();
  for (const hashes of [[], [randomBytes(31)], [randomBytes(33)], [randomBytes(64)]]) {
    await assert.rejects(signing.signResult(hashes), RangeError);
  }
  await assert.rejects(signing.signResult(Array(65).fill(randomBytes(32))), RangeError);
});

test('a transaction that fits no frame is refused', async (t) => {
  const signing = await (await start(t)).connect();
  const tx = unsigned({ to: node });
  for (const changes of [
    { value: -1n },
    { value: 2n ** 256n },
    { nonce: -1 },
    { nonce: 1.5 },
    { to: '0x12' as const },
    { data: '0x1' as const },
    { data: `0x${'00'.repeat(128 * 1024 + 1)}` as const },
  ]) {
    const answer = await signing.signTransaction(node, { ...tx, ...changes });
    assert.equal(answer.ok ? 'signed' : answer.reason, 'refused');
  }
});

test('what a day has used up is worth another try, anything else is not', async (t) => {
  const signing = await (await start(t)).connect();
  const unbond = (nonce: number, lpt: bigint) =>
    signing.signTransaction(node, unsigned({ ...call.bonding('unbond', [lpt]), nonce }));
  for (const nonce of [1, 2]) assert.ok((await unbond(nonce, 100n * 10n ** 18n)).ok);
  const late = await unbond(3, 100n * 10n ** 18n);
  assert.equal(late.ok ? 'signed' : late.reason, 'unavailable');
  const large = await unbond(3, 101n * 10n ** 18n);
  assert.equal(large.ok ? 'signed' : large.reason, 'refused');
});

test('frames that are no request are refused and counted, and do no harm to others', async (t) => {
  const { connect, socket } = await start(t);
  const signing = await connect();
  const head = (length: number, kind: number) => {
    const bytes = Buffer.alloc(9);
    bytes.writeUInt32BE(length, 0);
    bytes.writeUInt32BE(9, 4);
    bytes[8] = kind;
    return bytes;
  };
  const broken = [
    head(0, 1),
    head(4, 1),
    head(FRAME_BYTES_MAX + 1, 1),
    head(0xffff_ffff, 4),
    Buffer.from('GET / HTTP/1.1\r\nhost: signer\r\n\r\n'),
  ];
  for (const bytes of broken) assert.equal(await reasonFor(socket, bytes), 'malformed, closed');
  const empty = (kind: number, body: Uint8Array = Buffer.alloc(0)) =>
    Buffer.concat([head(5 + body.length, kind), body]);
  const odd = [
    empty(0),
    empty(7),
    empty(128),
    empty(1),
    empty(1, randomBytes(31)),
    empty(1, randomBytes(33)),
    empty(1, randomBytes(65 * 32)),
    empty(2, randomBytes(33)),
    empty(3, randomBytes(1)),
    empty(4),
    empty(4, randomBytes(183)),
    empty(4, Buffer.alloc(184, 0xff)),
    empty(5, randomBytes(1)),
    empty(6, randomBytes(1)),
  ];
  for (const bytes of odd) assert.equal(await reasonFor(socket, bytes), 'malformed, open');
  const counted = broken.length + odd.length;
  assert.deepEqual(await signing.figures(), { signed: 0, refused: counted });
  assert.equal((await signing.signResult([randomBytes(32)])).length, 65);
});

test('frames may arrive byte by byte, or many at once', async (t) => {
  const { socket } = await start(t);
  const one = encodeRequest(9, { kind: 'result', hashes: [randomBytes(32)] });
  const client = dial(socket);
  t.after(() => client.destroy());
  for (const byte of one) client.write(Buffer.from([byte]));
  for (let i = 0; i < 100; i++) client.write(one);
  let answered = 0;
  for await (const chunk of client) {
    answered += (chunk as Buffer).length;
    // The hello has 73 bytes, an answer 74.
    if (answered === 4 + 5 + 1 + 3 * 21 + 101 * (4 + 5 + 65)) break;
  }
});

test('a frame that does not end ends its connection', async (t) => {
  const clock = new FakeClock();
  const { socket } = await start(t, undefined, { clock });
  const client = dial(socket);
  const closed = new Promise((resolve) => client.once('close', resolve));
  await new Promise((resolve) => client.once('data', resolve));
  client.write(Buffer.from([0, 0, 0]));
  // What comes after is seen after, so that the first bytes have arrived when the time moves on.
  const other = dial(socket);
  await new Promise((resolve) => other.once('data', resolve));
  clock.advance(10_000);
  await closed;
  other.destroy();
});

test('who has no certificate of the authority is not let in', async (t) => {
  const turnedAway = Promise.withResolvers<void>();
  const serverLog = {
    ...quiet,
    warn: (event: string) => event === 'signer_client_refused' && turnedAway.resolve(),
  };
  const { port } = await start(t, tls, { log: serverLog });
  const clock = new FakeClock();
  const knocking = connectSigner(asClient(port, 'stranger'), { clock, log: quiet });
  const refused = assert.rejects(knocking, withCode('signer_unreachable'));
  await turnedAway.promise;
  clock.advance(10_000);
  await refused;
});

test('a client gives up on a signer that is not there', async () => {
  const clock = new FakeClock();
  const knocking = connectSigner({ socket: '/nonexistent/signer.sock' }, { clock, log: quiet });
  const refused = assert.rejects(knocking, withCode('signer_unreachable'));
  clock.advance(10_000);
  await refused;
});

test('a client goes on when the signer comes back, and says so meanwhile', async (t) => {
  const first = await start(t);
  const clock = new FakeClock();
  const away = Promise.withResolvers<void>();
  const back = Promise.withResolvers<void>();
  const log = {
    ...quiet,
    warn: (event: string) => event === 'signer_away' && away.resolve(),
    info: (event: string) => event === 'signer_back' && back.resolve(),
  };
  const signing = await connectSigner({ socket: first.socket }, { clock, log });
  t.after(() => signing.close());
  await first.stop();
  await away.promise;
  const tx = unsigned({ to: node });
  const unanswered = signing.signTransaction(node, tx);
  const unsignedResult = assert.rejects(
    signing.signResult([randomBytes(32)]),
    withCode('signer_unavailable'),
  );
  clock.advance(5_000);
  const answer = await unanswered;
  assert.equal(answer.ok ? 'signed' : answer.reason, 'unavailable');
  await unsignedResult;

  const waiting = signing.signTransaction(node, tx);
  await start(t, { socket: first.socket });
  const ticking = setInterval(() => clock.advance(100), 5);
  t.after(() => clearInterval(ticking));
  await back.promise;
  clearInterval(ticking);
  assert.ok((await waiting).ok);
});

test('a signer with other accounts is not gone on with', async (t) => {
  const first = await start(t);
  const changed = Promise.withResolvers<void>();
  const log = {
    ...quiet,
    error: (event: string) => event === 'signer_changed' && changed.resolve(),
  };
  const signing = await connectSigner({ socket: first.socket }, { clock: systemClock, log });
  t.after(() => signing.close());
  await first.stop();
  const vault: Vault = { ...testVault(), accounts: [{ address: stranger, roles: ['node'] }] };
  await start(t, { socket: first.socket }, { vault });
  await changed.promise;
});

test('the socket is for its owner alone', async (t) => {
  const { socket } = await start(t);
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  assert.equal(statSync(join(socket, '..')).mode & 0o777, 0o700);

  const shared = join(folder(t), 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o750);
  await assert.rejects(start(t, { socket: join(shared, 's') }), withCode('signer_exposed'));
  await assert.rejects(start(t, { socket }), withCode('address_in_use'));
  const file = join(socket, '..', 'file');
  writeFileSync(file, 'no socket');
  await assert.rejects(start(t, { socket: file }), withCode('address_in_use'));
  assert.equal(readFileSync(file, 'utf8'), 'no socket');
});

test('a friend of the operator may be paid, and nobody else', async (t) => {
  const signing = await (await start(t)).connect();
  const pay = (to: `0x${string}`) =>
    signing.signTransaction(node, unsigned({ to, value: 10n ** 18n }));
  assert.ok((await pay(friend)).ok);
  assert.ok(!(await pay(stranger)).ok);
});

/** Serves the vault of the kit; closed with the test. */
async function start(
  t: TestContext,
  listen: SignerListen = { socket: join(folder(t), 'signer', 's') },
  given: { clock?: FakeClock; vault?: Vault; log?: Log } = {},
) {
  const vault = given.vault ?? testVault();
  const server = await serveSigner(listen, {
    vault,
    clock: given.clock ?? systemClock,
    log: given.log ?? quiet,
  });
  t.after(() => server.close());
  const socket = 'socket' in listen ? listen.socket : '';
  const port = server.port ?? 0;
  return {
    socket,
    port,
    stop: () => server.close(),
    async connect(): Promise<Signing> {
      const to = 'socket' in listen ? { socket } : asClient(port, 'client');
      const signing = await connectSigner(to, parts);
      t.after(() => signing.close());
      return signing;
    },
  };
}

/** What the signer says to bytes after its hello, and whether it lets the connection live. */
async function reasonFor(socket: string, bytes: Uint8Array): Promise<string> {
  const client = dial(socket);
  client.write(bytes);
  let heard = Buffer.alloc(0);
  for await (const chunk of client) {
    heard = Buffer.concat([heard, chunk as Buffer]);
    const hello = heard.readUInt32BE(0) + 4;
    if (heard.length < hello + 9) continue;
    const answer = heard.subarray(hello);
    const said = decodeAnswer({ number: 0, kind: answer[8] as number, body: answer.subarray(9) });
    const open = answer.readUInt32BE(4) === 9;
    if (!open) continue;
    return `${said?.kind === 'refused' ? said.reason : 'signed'}, open`;
  }
  const answer = heard.subarray(heard.readUInt32BE(0) + 4);
  const said = decodeAnswer({ number: 0, kind: answer[8] as number, body: answer.subarray(9) });
  return `${said?.kind === 'refused' ? said.reason : 'signed'}, closed`;
}

function withCode(code: string) {
  return (error: unknown) => error instanceof TributaryError && error.code === code;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'signing-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}
