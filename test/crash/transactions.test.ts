import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import sql from 'sql-template-tag';
import { startAnvil } from '../../src/chain/anvil.ts';
import {
  balance,
  newAccount,
  newRecipient,
  rpc,
  type TestAccount,
} from '../../src/chain/transactions.test-kit.ts';
import { openScratch } from '../../src/database/scratch.ts';

const PROGRAM = fileURLToPath(new URL('./transactions-program.ts', import.meta.url));
const CHAIN = 31_337;
const MNEMONIC = 'test test test test test test test test test test test junk';
const scratch = await openScratch();
const { database } = scratch;
const anvil = await startAnvil({ port: 0, blockTime: 0, chainId: CHAIN, mnemonic: MNEMONIC });
const { url } = anvil;
const children = new Set<ChildProcess>();
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await anvil.stop();
  await scratch[Symbol.asyncDispose]();
});

/** Runs the program to its end; returns its last line and how it ended. */
async function run(point: string, { key, address }: TestAccount, to: string, depth: number) {
  // The dead one's lead would last some seconds more.
  await database.query(sql`update chain_account set driver = null, driven_until = null`);
  const child = spawn(
    process.execPath,
    [PROGRAM, point, database.url, url, key, address, to, `${depth}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.add(child);
  const closed = once(child, 'close');
  let output = '';
  for await (const text of child.stdout.setEncoding('utf8')) output += text;
  const [, signal] = await closed;
  return { line: output.trim().split('\n').at(-1), signal };
}

const points = ['wanted', 'intended', 'signed', 'stored', 'sent', 'broadcast', 'included', 'final'];

for (const point of points) {
  test(`a node killed with its transaction ${point} makes exactly one`, async () => {
    const account = await newAccount(url, CHAIN);
    const to = newRecipient();
    // In between it stays in a block that is not final.
    const depth = point === 'included' ? 3 : 0;
    if (point === 'broadcast') await rpc(url, 'evm_setAutomine', false);
    const killed = await run(point, account, to, depth);
    assert.deepEqual(killed, { line: `dies ${point}`, signal: 'SIGKILL' });
    if (point === 'broadcast') await rpc(url, 'evm_setAutomine', true);
    if (point === 'broadcast') await rpc(url, 'evm_mine');

    const next = await run('none', account, to, 0);
    assert.match(next.line ?? '', /^final 0x[0-9a-f]{64}$/);
    assert.equal(await balance(url, to), 1n);
    assert.equal(await rpc(url, 'eth_getTransactionCount', account.address, 'latest'), '0x1');
    const { rows } = await database.query<{ attempts: bigint }>(sql`
      select count(*) as attempts from chain_transaction
      where account = ${Buffer.from(account.address.slice(2), 'hex')}`);
    assert.equal(rows[0]?.attempts, 1n);
  });
}
