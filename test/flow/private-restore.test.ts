import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { raw } from 'sql-template-tag';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { parseHex } from '../../src/base/bytes.ts';
import { devnetClients } from '../../src/chain/devnet.ts';
import { storeKey } from '../../src/chain/keystore.ts';
import { balance, newAccount, newRecipient, rpc } from '../../src/chain/transactions.test-kit.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startPayingGateway } from '../paying-gateway.ts';
import { type PoolProcess, startPoolProcess } from '../pool-process.ts';
import { startTestChain, type TestChain } from '../start-chain-pool.ts';
import type { Cleanup, Enrolment } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';
import { startTributary } from '../tributary-process.ts';

const FACE = 20_000_000_000_000_000n;
const ETHER = 10n ** 18n;
const TERMS = `
name = "Private"
commission = "10%"
privacy = "private"

[model]
kind = "proportional"
`;

const cleanups: (() => void | Promise<void>)[] = [];
const t: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});

let folder: string;
let chain: TestChain;
let pool: PoolProcess;
let flags: readonly string[];
/** What the old pool left: proofs and recovery, as an operator copies them. */
let left: string;
let backup: string;
let restoredUrl: string;
let heron: Paid;
let kite: Paid;
/** Of the same owner as heron, paid at the same address. */
let finch: Paid;

interface Paid extends Enrolment {
  readonly payoutAddress: Hex;
}

async function tributary(...args: readonly string[]): Promise<{ code: unknown; out: string }> {
  const process = startTributary(t, args);
  const code = await process.exited;
  return { code, out: process.printed.out + process.printed.err };
}

async function good(...args: readonly string[]): Promise<string> {
  const { code, out } = await tributary(...args);
  assert.equal(code, 0, out);
  return out;
}

async function enrol(name: string, payoutAddress: Hex = newRecipient()): Promise<Paid> {
  await rpc(chain.devnet.url, 'anvil_setBalance', payoutAddress, '0x1');
  const body = { name, payoutAddress };
  return { ...(await pool.admin<Enrolment>('POST', '/api/v1/workers', body)), payoutAddress };
}

/** One paid segment for a worker, which is there for it alone; its receipts. */
async function work(where: PoolProcess, enrolment: Enrolment): Promise<readonly Buffer[]> {
  const joined = await joinStock(t, where, { enrolment });
  const gateway = startPayingGateway(t, { port: where.port, key: chain.key('gateway') });
  await eventually('the pool saw the money', async () => (await gateway.getOrchestrator()).ok);
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done', reply.text);
  joined.transcoder.kill();
  return joined.transcoder.receipts.map((text) => Buffer.from(text, 'base64'));
}

async function payAll(where: PoolProcess, count: number): Promise<void> {
  const body = { demand: 'now' };
  const { digest } = await where.admin<{ digest: string }>('POST', '/api/v1/payouts/preview', body);
  await where.admin('POST', '/api/v1/payouts/run', { digest });
  await eventually('all are paid', async () => {
    const { newest } = await where.admin<{ newest: { state: string }[] }>(
      'GET',
      '/api/v1/payouts/status',
    );
    return newest.length === count && newest.every(({ state }) => state === 'final');
  });
}

async function owedOf(where: PoolProcess, { id }: Enrolment): Promise<bigint> {
  const { accounts } = await where.admin<{ accounts: readonly { balance: string }[] }>(
    'GET',
    `/api/v1/ledger/accounts?account=worker:${id}&asset=ETH`,
  );
  return -BigInt(accounts[0]?.balance ?? 0);
}

before(async () => {
  const scratch = await openScratch();
  t.after(async () => scratch[Symbol.asyncDispose]());
  const [first = '', second = ''] = await Promise.all(
    ['before', 'restored'].map(async (name) => {
      await scratch.database.query(raw(`create database ${name}`));
      return scratch.database.url.replace('/tributary?', `/${name}?`);
    }),
  );
  restoredUrl = second;
  chain = await startTestChain(t, { roundLength: 400 });
  const { url, chainId } = chain.devnet;
  await chain.send('gateway', {
    contract: 'TicketBroker',
    fn: 'fundDepositAndReserve',
    args: [50n * ETHER, 50n * ETHER],
    value: 100n * ETHER,
  });
  folder = await mkdtemp(join(tmpdir(), 'tributary-private-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const payer = await newAccount(url, chainId);
  const key = parseHex(payer.key) as Uint8Array;
  const stored = await storeKey({
    dir: folder,
    key,
    password: 'secret',
    cost: { n: 2, r: 8, p: 1 },
  });
  flags = [
    ...chain.flags(),
    ...['--price=1000wei', '--auto-adjust-price=false', '--reward=false'],
    ...[`--max-face-value=${FACE}`, `--ticket-ev=${FACE - 1n}`, '--log-level=warn'],
    ...[`--payout-keystore=${stored.file}`, '--payout-gas-money=1'],
  ];
  pool = await startPoolProcess(t, [...flags, `--database-url=${first}`]);
  const { wallet, reader } = devnetClients(url);
  const sender = wallet(privateKeyToAccount(chain.devnet.accounts[6]?.privateKey as Hex));
  const hash = await sender.sendTransaction({ to: payer.address, value: 10n * ETHER });
  await reader.waitForTransactionReceipt({ hash });
  await good('payouts', 'funded', hash, '--data-dir', pool.dataDir);
  const terms = join(folder, 'terms.toml');
  await writeFile(terms, TERMS);
  const at = ['--data-dir', pool.dataDir];
  await good('terms', 'publish', terms, '--starts-at-epoch', 'next', ...at);
  await good('epoch', 'close', '--yes', ...at);
  heron = await enrol('heron');
  finch = await enrol('finch', heron.payoutAddress);
  const own = [...(await work(pool, heron))];
  await good('epoch', 'close', '--yes', ...at);
  backup = join(folder, 'pool.backup');
  await good('backup', 'write', backup, '--database-url', first);

  // After it: a worker comes, two epochs end, and both workers are paid in between.
  kite = await enrol('kite');
  await enrol('newcomer');
  own.push(...(await work(pool, heron)));
  const others = [...(await work(pool, kite))];
  const third = await work(pool, finch);
  await good('epoch', 'close', '--yes', ...at);
  await payAll(pool, 3);
  own.push(...(await work(pool, heron)));
  await good('epoch', 'close', '--yes', ...at);
  await writeFile(join(folder, 'heron.receipts'), Buffer.concat(own));
  await writeFile(join(folder, 'kite.receipts'), Buffer.concat(others));
  await writeFile(join(folder, 'finch.receipts'), Buffer.concat(third));
});

const filesBelow = async (dir: string) => {
  const all = await readdir(dir, { recursive: true, withFileTypes: true });
  return all.map((one) => ({ path: join(one.parentPath, one.name), isFile: one.isFile() }));
};

test('what a private pool keeps for itself is closed to others, and no route leads to it', async () => {
  const recovery = join(pool.dataDir, 'recovery');
  const names = (await filesBelow(recovery)).filter(({ isFile }) => isFile);
  assert.deepEqual(names.map(({ path }) => path.slice(recovery.length + 1)).sort(), [
    ...['2', '3', '4'].flatMap((epoch) =>
      ['epoch.json', 'input.json', 'salts.json'].map((name) => `epoch-${epoch}/${name}`),
    ),
    'workers.json',
  ]);
  assert.equal((await stat(recovery)).mode & 0o777, 0o700);
  for (const { path, isFile } of await filesBelow(recovery)) {
    assert.equal((await stat(path)).mode & 0o777, isFile ? 0o600 : 0o700, path);
  }
  const token = (await readFile(join(pool.dataDir, 'admin.token'), 'utf8')).trim();
  const listeners = [
    { url: pool.publicUrl, head: '' },
    { url: pool.adminUrl, head: `authorization: Bearer ${token}\r\n` },
    { url: pool.serviceUri, head: '' },
  ];
  const file = 'epoch-3/salts.json';
  const targets = ['', '/proofs', '/proofs/epoch-3', '/docs', '/api/v1', '/assets'].flatMap(
    (base) =>
      [
        '/',
        '/../',
        '/%2e%2e/',
        '/..%2f',
        '/.%2e/',
        '/..\\',
        '/..;/',
        '//',
        '/./../',
        '/%252e%252e/',
      ]
        .flatMap((step) => [
          `${base}${step}recovery/${file}`,
          `${base}${step}..${step}recovery/${file}`,
        ])
        .concat(
          `${base}${pool.dataDir}/recovery/${file}`,
          `${base}/recovery%2fepoch-3%2fsalts.json`,
        ),
  );
  for (const { url, head } of listeners) {
    const there = await ask(url, '/', head);
    assert.match(there, /^HTTP\/1\.1 \d/, url);
    for (const target of [...targets, '/proofs/epoch-3/input.json', '/proofs/workers.json']) {
      const reply = await ask(url, target, head);
      assert.doesNotMatch(reply, /^HTTP\/1\.1 2|tributary-salts|incomeLines|payoutAddress/, target);
    }
  }
});

/** One request with its path as it stands: a client would tidy it up. */
async function ask(url: string, target: string, head: string): Promise<string> {
  const { hostname: host, port, protocol } = new URL(url);
  const to = { host, port: Number(port) };
  const socket =
    protocol === 'https:' ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
  const pieces: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (piece) => pieces.push(piece));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\n${head}connection: close\r\n\r\n`);
  await closed;
  return Buffer.concat(pieces).toString('latin1');
}

test('a restored private pool has the epochs after its backup as they were, and pays nobody twice', async () => {
  const earned = await owedOf(pool, heron);
  assert.ok(earned > 0n);
  assert.equal(await owedOf(pool, kite), 0n);
  const { url, addresses } = chain.devnet;
  const paid = await balancesOf();
  await pool.drain();
  left = join(folder, 'left');
  await mkdir(left);
  for (const name of ['proofs', 'recovery']) {
    await cp(join(pool.dataDir, name), join(left, name), { recursive: true });
  }
  await good('backup', 'restore', backup, '--database-url', restoredUrl);
  const recover = (...more: readonly string[]) =>
    tributary(
      ...['ledger', 'recover', '--eth-url', url, '--controller', addresses.Controller],
      ...['--database-url', restoredUrl, '--data-dir', left, '--receipts', folder, ...more],
    );

  // Whatever is missing, cut or changed is named, and nothing of it is taken over.
  const spoil = async (
    name: string,
    change: (text: string) => string | undefined,
    said: RegExp,
  ) => {
    const path = join(left, 'recovery', name);
    const whole = await readFile(path, 'utf8');
    const changed = change(whole);
    assert.notEqual(changed, whole);
    if (changed === undefined) await rm(path);
    else await writeFile(path, changed);
    const { code, out } = await recover();
    await writeFile(path, whole);
    assert.equal(code, 1, out);
    assert.match(out, said);
    assert.match(out, /--recovery/, 'with advice');
  };
  await mkdir(join(folder, 'empty'));
  const without = await recover('--recovery', join(folder, 'empty'));
  assert.equal(without.code, 1);
  assert.match(without.out, /Epoch 3 cannot be taken over.*only in the folder recovery/s);
  await spoil(
    'workers.json',
    (text) => text.slice(0, -9),
    /in recovery, workers\.json .* cut or changed/,
  );
  await spoil('workers.json', () => undefined, /workers\.json in recovery does not have the names/);
  await spoil('epoch-3/salts.json', () => undefined, /epoch-3\/salts\.json is missing in recovery/);
  await spoil(
    'epoch-3/input.json',
    (text) => text.slice(0, -5),
    /Epoch 3 .*input\.json in recovery was cut/,
  );
  const digit = (text: string) =>
    text.replace(/"units":"(\d)/, (_, one) => `"units":"${(+one % 9) + 1}`);
  await spoil('epoch-3/input.json', digit, /Epoch 3 .*not what the record of the epoch names/);
  await spoil(
    'epoch-3/salts.json',
    (text) => text.slice(0, -5),
    /salts\.json in recovery was cut or changed/,
  );
  const salt = (text: string) => text.replace(/"([0-9a-f]{8})/, '"00000000');
  await spoil('epoch-4/salts.json', salt, /Epoch 4 .*do not come to the root/);

  const { code, out } = await recover();
  assert.equal(code, 0, out);
  assert.match(out, /Epoch 4 had ended after the backup and is closed as it was published/);
  const dataDir = join(folder, 'restored');
  await mkdir(dataDir);
  const back = await startPoolProcess(t, [...flags, `--database-url=${restoredUrl}`], dataDir);
  await eventually('it is published', async () =>
    stat(join(dataDir, 'proofs', 'index.json')).then(
      () => true,
      () => false,
    ),
  );
  assert.match(await good('workers', 'list', '--data-dir', dataDir), /newcomer/);
  // The same records, roots, lines and salts, made from the database again.
  for (const name of ['proofs', 'recovery']) {
    for (const epoch of [2, 3, 4]) {
      const dir = join(name, `epoch-${epoch}`);
      for (const { path, isFile } of await filesBelow(join(left, dir))) {
        const own = path.slice(left.length + 1);
        if (!isFile || own.endsWith('payouts.json')) continue;
        const [then, now] = await Promise.all(
          [left, dataDir].map((root) => readFile(join(root, own), 'utf8')),
        );
        assert.equal(now, then, own);
      }
    }
  }
  assert.equal(await owedOf(back, heron), earned, 'what it earned after it was paid');
  for (const one of [kite, finch]) assert.equal(await owedOf(back, one), 0n, 'it was paid');
  await payAll(back, 1);
  assert.equal(await owedOf(back, heron), 0n);
  const now = await balancesOf();
  assert.deepEqual(now, { heron: paid.heron + earned, kite: paid.kite });
  for (const { name, id } of [heron, kite, finch]) {
    const verified = await tributary(
      ...['verify', '--pool', back.publicUrl, '--worker', id, '--rpc', url],
      ...['--controller', addresses.Controller, '--receipts', await receiptsOf(name)],
    );
    assert.equal(verified.code, 0, verified.out);
    assert.match(verified.out, /\nOK: owed 0\.\d+ ETH, paid 0\.\d+ ETH/);
  }
  const { accounts } = await back.admin<{ accounts: readonly { balance: string }[] }>(
    'GET',
    '/api/v1/ledger/accounts?asset=ETH',
  );
  assert.equal(
    accounts.reduce((sum, one) => sum + BigInt(one.balance), 0n),
    0n,
  );
});

const balancesOf = async () => ({
  heron: await balance(chain.devnet.url, heron.payoutAddress),
  kite: await balance(chain.devnet.url, kite.payoutAddress),
});

async function receiptsOf(name: string): Promise<string> {
  const dir = join(folder, 'held', name);
  await mkdir(dir, { recursive: true });
  await cp(join(folder, `${name}.receipts`), join(dir, `${name}.receipts`));
  return dir;
}
