import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { raw } from 'sql-template-tag';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { exactAmount } from '../../src/base/amounts.ts';
import { parseHex } from '../../src/base/bytes.ts';
import { devnetClients, mineBlocks } from '../../src/chain/devnet.ts';
import { storeKey } from '../../src/chain/keystore.ts';
import { balance, newAccount, newRecipient, rpc } from '../../src/chain/transactions.test-kit.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { splitSigned } from '../../src/proofs/receipt.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startPayingGateway } from '../paying-gateway.ts';
import { startPoolProcess } from '../pool-process.ts';
import { startTestChain, type TestChain } from '../start-chain-pool.ts';
import type { Cleanup, Enrolment, TestPool } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';
import { startTributary } from '../tributary-process.ts';

const FACE = 20_000_000_000_000_000n;
const ETHER = 10n ** 18n;
/** Parameters of tickets end after so many blocks; then tickets are redeemed. */
const PARAMS_BLOCKS = 41;

const cleanups: (() => void | Promise<void>)[] = [];
const t: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});

async function tributary(...args: readonly string[]): Promise<{ code: unknown; out: string }> {
  const process = startTributary(t, args);
  const code = await process.exited;
  return { code, out: process.printed.out + process.printed.err };
}

/** One paid segment for a worker, which is there for it alone. */
async function work(pool: TestPool, chain: TestChain, enrolment: Enrolment) {
  const joined = await joinStock(t, pool, { enrolment });
  const gateway = startPayingGateway(t, { port: pool.port, key: chain.key('gateway') });
  await eventually('the pool saw the money', async () => (await gateway.getOrchestrator()).ok);
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done', reply.text);
  await eventually('its receipt came', async () => joined.transcoder.receipts.length === 1);
  joined.transcoder.kill();
  return joined.transcoder.receipts.map((text) => Buffer.from(text, 'base64'));
}

interface Ledger {
  readonly accounts: readonly { readonly account: string; readonly balance: string }[];
}

test('a pool comes back from a backup in another place, and pays nobody twice', async () => {
  const scratch = await openScratch();
  t.after(async () => scratch[Symbol.asyncDispose]());
  const databases = await Promise.all(
    ['before', 'after', 'anew'].map(async (name) => {
      await scratch.database.query(raw(`create database ${name}`));
      return scratch.database.url.replace('/tributary?', `/${name}?`);
    }),
  );
  const [before = '', later = '', anew = ''] = databases;
  const chain = await startTestChain(t, { roundLength: 400 });
  const { url, chainId, addresses } = chain.devnet;
  await chain.send('gateway', {
    contract: 'TicketBroker',
    fn: 'fundDepositAndReserve',
    args: [50n * ETHER, 50n * ETHER],
    value: 100n * ETHER,
  });
  const dir = await mkdtemp(join(tmpdir(), 'tributary-backup-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const payer = await newAccount(url, chainId);
  const stored = await storeKey({
    dir,
    key: parseHex(payer.key) as Uint8Array,
    password: 'secret',
    cost: { n: 2, r: 8, p: 1 },
  });
  const flags = [
    ...chain.flags(),
    ...['--price=1000wei', '--auto-adjust-price=false', '--reward=false'],
    ...[`--max-face-value=${FACE}`, `--ticket-ev=${FACE - 1n}`, '--log-level=warn'],
    ...[`--payout-keystore=${stored.file}`, '--payout-gas-money=1'],
  ];
  const pool = await startPoolProcess(t, [...flags, `--database-url=${before}`]);
  const { wallet, reader } = devnetClients(url);
  const sender = wallet(privateKeyToAccount(chain.devnet.accounts[6]?.privateKey as Hex));
  const hash = await sender.sendTransaction({ to: payer.address, value: 10n * ETHER });
  await reader.waitForTransactionReceipt({ hash });
  const booking = await tributary('payouts', 'funded', hash, '--data-dir', pool.dataDir);
  assert.equal(booking.out, '10 ETH booked.\n');
  const again = await tributary('payouts', 'funded', hash, '--data-dir', pool.dataDir);
  assert.equal(again.out, '10 ETH was booked before.\n');

  const enrol = async (name: string) => {
    const payoutAddress = newRecipient();
    await rpc(url, 'anvil_setBalance', payoutAddress, '0x1');
    const enrolment = await pool.admin<Enrolment>('POST', '/api/v1/workers', {
      ...{ name, payoutAddress },
    });
    return { ...enrolment, payoutAddress };
  };
  const heron = await enrol('heron');
  const otter = await enrol('otter');
  const own = await work(pool, chain, heron);
  await work(pool, chain, otter);
  await pool.admin('POST', '/api/v1/epochs/close');
  const owedOf = async (where: TestPool, id: string) => {
    const { accounts } = await where.admin<Ledger>(
      'GET',
      `/api/v1/ledger/accounts?account=worker:${id}&asset=ETH`,
    );
    return -BigInt(accounts[0]?.balance ?? 0);
  };
  const owed = await owedOf(pool, heron.id);
  assert.ok(owed > 0n);

  const backup = join(dir, 'pool.backup');
  const written = await tributary('backup', 'write', backup, '--database-url', before);
  assert.equal(written.code, 0, written.out);
  // After it: both are paid, heron works on in this epoch, and otter in the next one, too.
  const { digest } = await pool.admin<{ digest: string }>('POST', '/api/v1/payouts/preview', {
    demand: 'now',
  });
  await pool.admin('POST', '/api/v1/payouts/run', { digest });
  await eventually('both are paid', async () => {
    const { newest } = await pool.admin<{ newest: { state: string }[] }>(
      'GET',
      '/api/v1/payouts/status',
    );
    return newest.length === 2 && newest.every(({ state }) => state === 'final');
  });
  const paid = await balance(url, heron.payoutAddress);
  assert.equal(paid, owed + 1n);
  own.push(...(await work(pool, chain, heron)));
  await pool.admin('POST', '/api/v1/epochs/close');
  const earned = await owedOf(pool, heron.id);
  assert.ok(earned > 0n);
  const receipts = await work(pool, chain, otter);
  const feesOf = async (where: TestPool) => {
    const { accounts } = await where.admin<Ledger>('GET', '/api/v1/ledger/accounts?asset=ETH');
    const of = (name: string) =>
      BigInt(accounts.find(({ account }) => account === name)?.balance ?? 0);
    return { fees: of('bonding_fees'), won: of('tickets_won') };
  };
  await mineBlocks(reader, PARAMS_BLOCKS);
  await eventually('every ticket is redeemed', async () => (await feesOf(pool)).won === 0n);
  const { fees } = await feesOf(pool);
  assert.deepEqual([own.length, receipts.length], [2, 1]);
  const [held, kept] = ['held', 'kept'].map((name) => join(dir, name)) as [string, string];
  for (const folder of [held, kept]) await mkdir(folder);
  await writeFile(join(held, 'otter.receipts'), Buffer.concat(receipts));
  await writeFile(join(kept, 'heron.receipts'), Buffer.concat(own));
  const published = join(pool.dataDir, 'proofs');
  const record = await readFile(join(published, 'epoch-2', 'epoch.json'), 'utf8');
  await cp(published, join(dir, 'mirror'), { recursive: true });
  await pool.kill();

  const dataDir = join(dir, 'restored');
  await mkdir(dataDir);
  const restored = await tributary('backup', 'restore', backup, '--data-dir', dataDir);
  assert.equal(restored.code, 0, restored.out);
  const start = (...more: readonly string[]) => {
    const addresses = ['service-addr', 'listen', 'admin-addr'].map((one) => `--${one}=127.0.0.1:0`);
    return tributary('pool', '--http-addr=off', ...addresses, ...flags, ...more);
  };
  const refused = await start('--data-dir', dataDir);
  assert.match(refused.out, /restored from a backup.*tributary ledger recover/s);
  // Into the cluster that it came from: the data directory knows better, and so does the chain.
  const target = ['--database-url', later];
  const same = await tributary('backup', 'restore', backup, ...target);
  assert.equal(same.code, 0, same.out);
  const older = await start('--data-dir', pool.dataDir, ...target);
  assert.match(older.out, /These books are older than .*books\.json.*tributary ledger recover/s);
  const behind = await start('--data-dir', join(dir, 'fresh'), ...target);
  assert.match(behind.out, /sent 2 transactions that are not in the books/);
  const recover = ['ledger', 'recover', '--eth-url', url, '--controller', addresses.Controller];
  const blind = await tributary('ledger', 'recover', ...target);
  assert.match(blind.out, /give --eth-url/);
  const holding = [...recover, '--receipts', held, ...target];

  // With a copy that somebody changed nothing is taken over.
  const leaves = join(dir, 'mirror', 'epoch-2', 'leaves.json');
  const right = await readFile(leaves, 'utf8');
  await writeFile(leaves, right.replace(`"cumulative":"`, `"cumulative":"1`));
  const spoilt = await tributary(...holding, '--published', join(dir, 'mirror'));
  assert.equal(spoilt.code, 1);
  assert.doesNotMatch(spoilt.out, /paid|tickets were not/, 'nothing is booked either');
  assert.match(spoilt.out, /Epoch 2 cannot be taken over.*the leaf of .* says/);
  const still = await start('--data-dir', pool.dataDir, ...target);
  assert.match(still.out, /tributary ledger recover/);

  // With what lies in the data directory the epoch is the one that was published.
  const recovered = await tributary(...holding, '--data-dir', pool.dataDir);
  assert.equal(recovered.code, 1, 'a receipt of heron is missing');
  const found = new RegExp(`2 transactions of ${payer.address} were not in the books`);
  assert.match(recovered.out, found);
  assert.match(recovered.out, new RegExp(`paid ${exactAmount(owed)} ETH to worker ${heron.id}`));
  assert.match(recovered.out, /[1-9] redeemed tickets were not in the books: [1-9]\d+ wei/);
  assert.match(recovered.out, /at least [1-9] tickets came, these included, worth [1-9]\d+ wei/);
  assert.match(recovered.out, /wei of it are income of epoch 3/);
  assert.match(recovered.out, /1 receipts of workers were read; 1 are not in the books/);
  assert.match(
    recovered.out,
    /Epoch 2 had ended after the backup and is closed as it was published/,
  );
  assert.match(recovered.out, new RegExp(`Gap: receipt 2 of worker ${heron.id} was not handed in`));

  const back = await startPoolProcess(t, [...flags, ...target], pool.dataDir);
  assert.equal(await owedOf(back, heron.id), earned, 'as before, less what was paid');
  await eventually('what was redeemed is booked', async () => (await feesOf(back)).fees === fees);
  assert.equal(await balance(url, heron.payoutAddress), paid);
  await back.admin('POST', '/api/v1/epochs/close');
  const { accounts } = await back.admin<Ledger>('GET', '/api/v1/ledger/accounts?asset=ETH');
  assert.equal(
    accounts.reduce((sum, one) => sum + BigInt(one.balance), 0n),
    0n,
  );
  // And goes on: numbers of receipts follow those that workers hold.
  const [next] = await work(back, chain, otter);
  const sequence = (bytes: Buffer | undefined) =>
    splitSigned(new Uint8Array(bytes ?? []))?.receipt.sequence;
  assert.deepEqual([sequence(receipts[0]), sequence(next)], [2n, 3n]);

  // Whoever checks sees one history, with the payments of before.
  assert.equal(await readFile(join(published, 'epoch-2', 'epoch.json'), 'utf8'), record);
  const check = ['verify', '--worker', 'heron', '--rpc', url, '--controller', addresses.Controller];
  const verified = await tributary(...check, '--pool', back.publicUrl, '--receipts', kept);
  assert.equal(verified.code, 0, verified.out);
  assert.match(verified.out, /The pool brought the books of epoch 3 back from a backup/);
  const payouts = await readFile(join(published, 'epoch-1', 'payouts.json'), 'utf8');
  assert.match(payouts, new RegExp(`"amount":"${owed}".*${heron.payoutAddress}`, 'i'));
  await back.kill();

  // Without any copy the epoch is closed anew, and its record says so.
  assert.equal((await tributary('backup', 'restore', backup, '--database-url', anew)).code, 0);
  const blank = await tributary(...recover, '--receipts', dir, '--database-url', anew);
  assert.equal(blank.code, 0, blank.out);
  assert.match(blank.out, /No copy of what the pool published is at hand/);
  assert.match(
    blank.out,
    /Epoch 2 had ended after the backup and is closed again: its record is a new/,
  );
  const other = await startPoolProcess(t, [...flags, `--database-url=${anew}`]);
  await eventually('it is published', async () =>
    readFile(join(other.dataDir, 'proofs', 'epoch-2', 'epoch.json'), 'utf8').then(
      (text) => /"recovered":1/.test(text),
      () => false,
    ),
  );
});
