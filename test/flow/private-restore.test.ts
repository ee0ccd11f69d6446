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
import { openDatabase } from '../../src/database/database.ts';
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
/** Claimed in each dispute. */
const AWARD = 1_234_567n;
const PRIVATE_WORDS = 'The work of that night is missing.';
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
/** Of heron: opened before the backup, and awarded after it. */
let decided: string;
/** Of heron: opened after the backup. */
let open: string;
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
  // The gateway may have its work a moment before the worker has its receipt.
  await eventually('it has a receipt', () => joined.transcoder.receipts.length > 0);
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
  decided = await dispute(`epoch-2/${heron.id}/1`);
  backup = join(folder, 'pool.backup');
  await good('backup', 'write', backup, '--database-url', first);

  // After it: a worker comes, two epochs end, and both workers are paid in between.
  kite = await enrol('kite');
  await enrol('newcomer');
  own.push(...(await work(pool, heron)));
  const others = [...(await work(pool, kite))];
  const third = await work(pool, finch);
  const decide = (id: string, ...how: readonly string[]) =>
    good('disputes', 'decide', id, '--text', 'We looked at it.', ...how, ...at);
  await decide(decided, '--outcome', 'upheld');
  open = await dispute(`epoch-2/${heron.id}/receipt/lost`);
  await good('epoch', 'close', '--yes', ...at);
  await payAll(pool, 3);
  await decide(await dispute(`epoch-3/${kite.id}/1`), '--outcome', 'refused');
  own.push(...(await work(pool, heron)));
  await good('epoch', 'close', '--yes', ...at);
  await good('disputes', 'answer', open, '--text', 'We look at it.', ...at);
  await writeFile(join(folder, 'heron.receipts'), Buffer.concat(own));
  await writeFile(join(folder, 'kite.receipts'), Buffer.concat(others));
  await writeFile(join(folder, 'finch.receipts'), Buffer.concat(third));
});

/** Opened with a claim, as a worker would: the id. */
async function dispute(about: string): Promise<string> {
  const claim = ['--text', PRIVATE_WORDS, '--amount', String(AWARD), '--json'];
  const out = await good('disputes', 'open', about, ...claim, '--data-dir', pool.dataDir);
  return (JSON.parse(out) as { id: string }).id;
}

/** All of each dispute, as it is shown. */
async function showDisputes(where: PoolProcess) {
  const { disputes } = await where.admin<{ disputes: readonly { id: string }[] }>(
    'GET',
    '/api/v1/disputes',
  );
  return Promise.all(
    disputes.map(({ id }) =>
      where.admin<{ id: string; state: string }>('GET', `/api/v1/disputes/${id}`),
    ),
  );
}

const filesBelow = async (dir: string) => {
  const all = await readdir(dir, { recursive: true, withFileTypes: true });
  return all.map((one) => ({ path: join(one.parentPath, one.name), isFile: one.isFile() }));
};

test('what a private pool keeps for itself is closed to others, and no route leads to it', async () => {
  const recovery = join(pool.dataDir, 'recovery');
  const names = (await filesBelow(recovery)).filter(({ isFile }) => isFile);
  assert.deepEqual(names.map(({ path }) => path.slice(recovery.length + 1)).sort(), [
    'disputes.jsonl',
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
      assert.doesNotMatch(
        reply,
        /^HTTP\/1\.1 2|tributary-salts|incomeLines|payoutAddress|of that night/,
        target,
      );
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
  // The answer came after the last epoch, and is published with the next look.
  const keptLog = () => readFile(join(pool.dataDir, 'proofs', 'disputes.jsonl'), 'utf8');
  await eventually('all is published', async () => (await keptLog()).split('\n').length === 7);
  const told = await showDisputes(pool);
  assert.deepEqual(
    told.map(({ state }) => state),
    ['decided', 'answered', 'decided'],
  );
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
  const log = 'disputes.jsonl';
  const missing = new RegExp(
    `Epoch 3 cannot be taken over.*event 2 \\(dispute ${decided}, decided on .* is not in the books`,
  );
  await spoil(log, () => undefined, missing);
  await spoil(log, (text) => text.slice(0, -5), /line 6 of disputes\.jsonl in recovery was cut/);
  const lines = (text: string) => text.split(/(?<=\n)/);
  await spoil(
    log,
    (text) => lines(text).slice(0, -1).join(''),
    /in recovery was cut, or is older.* ends with event 5 of 6/,
  );
  await spoil(log, (text) => lines(text).toSpliced(2, 1).join(''), /line 3 of .* was cut/);
  for (const [word, other] of [
    [`epoch-2/${heron.id}/receipt`, `epoch-2/${finch.id}/receipt`],
    [String(AWARD), String(AWARD + 1n)],
    ['We looked at it', 'We looked away'],
    ['upheld', 'partly'],
  ] as const) {
    await spoil(log, (text) => text.replaceAll(word, other), /line \d of .* in recovery was cut/);
  }
  const books = await openDatabase({ url: restoredUrl });
  t.after(() => books.close());
  const { rows: before } = await books.query(raw('select sequence from dispute_event'));
  assert.equal(before.length, 1, 'nothing was booked');

  const { code, out } = await recover();
  assert.equal(code, 0, out);
  assert.match(out, /Epoch 4 had ended after the backup and is closed as it was published/);
  assert.match(out, /5 events of disputes are in the books again/);
  const again = await recover();
  assert.equal(again.code, 0, again.out);
  assert.doesNotMatch(again.out, /events of disputes/);
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
  assert.deepEqual(await showDisputes(back), told);
  for (const name of ['proofs', 'recovery']) {
    const [then, now] = await Promise.all(
      [left, dataDir].map((root) => readFile(join(root, name, log), 'utf8')),
    );
    assert.equal(now, then, `the log in ${name}`);
  }
  const { rows: untold } = await books.query(
    raw(`select key from notice_event where source = 'dispute' and done_at is null`),
  );
  const { rows: notices } = await books.query(
    raw(`select title from notice where kind like 'dispute%'`),
  );
  assert.deepEqual([untold, notices], [[], []], 'nobody is told again');
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
  const answer = ['disputes', 'decide', open, '--text', 'It was lost.', '--outcome', 'upheld'];
  await good(...answer, '--data-dir', dataDir);
  await good('epoch', 'close', '--yes', '--data-dir', dataDir);
  assert.equal(await owedOf(back, heron), AWARD, 'the open dispute went on');
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
