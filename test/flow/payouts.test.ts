import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Hex } from 'viem';
import { parseHex } from '../../src/base/bytes.ts';
import { mineBlocks } from '../../src/chain/devnet.ts';
import { DISPERSE } from '../../src/chain/disperse.ts';
import { storeKey } from '../../src/chain/keystore.ts';
import { balance, newAccount, newRecipient, rpc } from '../../src/chain/transactions.test-kit.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { type PoolProcess, startPoolProcess } from '../pool-process.ts';
import { startFundedGateway, startTestChain } from '../start-chain-pool.ts';
import type { Cleanup, Enrolment } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';
import { startTributary } from '../tributary-process.ts';

/** Every ticket wins, so that what was earned is money at once. */
const FACE = 20_000_000_000_000_000n;
/** Parameters of tickets end after so many blocks; then tickets are redeemed. */
const PARAMS_BLOCKS = 41;

const cleanups: (() => void | Promise<void>)[] = [];
const t: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});

/** The status as far as this test reads it. */
interface Status {
  readonly open: readonly unknown[];
  readonly newest: readonly { readonly state: string; readonly received: string }[];
  readonly assets: readonly { readonly asset: string; readonly solvent: boolean }[];
  readonly tickets: { readonly earned: string; readonly redeemed: string };
}

interface Accounts {
  readonly accounts: readonly { readonly account: string; readonly balance: string }[];
}

test('what a worker earned is shown, run, and on the chain to the last wei', async () => {
  const { chain, pool, payer } = await startPool();
  const { url } = chain.devnet;
  const payoutAddress = newRecipient();
  const body = { name: 'heron', payoutAddress };
  const enrolment = await pool.admin<Enrolment>('POST', '/api/v1/workers', body);
  await joinStock(t, pool, { enrolment });
  const gateway = await startFundedGateway(t, chain, pool);
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done', reply.text);
  await mineBlocks(chain.reader, PARAMS_BLOCKS);
  const status = () => pool.admin<Status>('GET', '/api/v1/payouts/status');
  await eventually('the ticket is redeemed', async () => {
    return BigInt((await status()).tickets.redeemed) === FACE;
  });
  const tributary = commandsOf(pool);
  const short = 'has 10 ETH';
  await eventually('it is said that gas money is short', async () => {
    return (await tributary('chain', 'status', '--json')).includes(short);
  });
  await tributary('epoch', 'close', '--yes');
  const own = `/api/v1/ledger/accounts?asset=ETH&account=worker:${enrolment.id}`;
  const { accounts: credits } = await pool.admin<Accounts>('GET', own);
  const owed = -BigInt(credits[0]?.balance ?? 0);
  const earned = BigInt((await status()).tickets.earned);
  assert.ok(earned > 0n && earned <= FACE, 'a ticket is worth no more than it pays');
  assert.equal(owed, earned - earned / 10n, 'the pool keeps a tenth');
  await eventually('the books have what the ticket brought', async () => {
    const { assets } = await status();
    return assets.some(({ asset, solvent }) => asset === 'ETH' && solvent);
  });

  // A chain on which nobody has put the batch contract yet.
  await rpc(url, 'anvil_setCode', DISPERSE, '0x');
  await rpc(url, 'anvil_setNonce', DISPERSE, '0x0');
  const deploying = await tributary('payouts', 'deploy-disperse');
  assert.match(deploying, /^On its way as payout-disperse:1\./);
  await eventually('the batch contract is there', async () => {
    return (await rpc<Hex>(url, 'eth_getCode', DISPERSE, 'latest')) !== '0x';
  });
  assert.equal(await tributary('payouts', 'deploy-disperse'), 'It is there.\n');

  const shown = JSON.parse(await tributary('payouts', 'preview', '--now', '--json')) as {
    digest: string;
    plan: { batches: { shares: { name: string; to: string; amount: string }[] }[] };
  };
  const shares = shown.plan.batches.flatMap((batch) => batch.shares);
  assert.deepEqual(
    shares.map(({ name, to, amount }) => ({ name, to, amount: BigInt(amount) })),
    [{ name: 'heron', to: payoutAddress, amount: owed }],
  );
  assert.equal(await balance(url, payoutAddress), 0n, 'showing pays nobody');
  const before = await balance(url, payer);
  await tributary('payouts', 'run', shown.digest);
  await eventually('it is final', async () => (await status()).newest[0]?.state === 'final');
  assert.equal(await balance(url, payoutAddress), owed);
  assert.ok((await balance(url, payer)) < before - owed, 'the account for payouts paid, and gas');
  const { open, newest } = await status();
  assert.deepEqual([open.length, newest.length, newest[0]?.received], [0, 1, `${owed}`]);
  assert.match(await tributary('payouts', 'status'), /final/);

  const { wrong } = await pool.admin<{ wrong: readonly unknown[] }>('GET', '/api/v1/ledger/check');
  assert.deepEqual(wrong, []);
  const { accounts } = await pool.admin<Accounts>('GET', '/api/v1/ledger/accounts?asset=ETH');
  assert.equal(
    accounts.reduce((sum, one) => sum + BigInt(one.balance), 0n),
    0n,
  );
  const left = accounts.filter(({ account }) => /^(worker|in_flight):/.test(account));
  assert.ok(left.every((one) => BigInt(one.balance) === 0n));
});

/** A pool on a chain whose payouts come from an account of their own. */
async function startPool() {
  const chain = await startTestChain(t, { roundLength: 150 });
  const { url, chainId } = chain.devnet;
  const payer = await newAccount(url, chainId);
  const dir = await mkdtemp(join(tmpdir(), 'tributary-payouts-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const key = parseHex(payer.key) as Uint8Array;
  const stored = await storeKey({ dir, key, password: 'secret', cost: { n: 2, r: 8, p: 1 } });
  const pool = await startPoolProcess(t, [
    ...chain.flags(),
    ...['--price=1000wei', '--auto-adjust-price=false', '--reward=false'],
    ...[`--max-face-value=${FACE}`, `--ticket-ev=${FACE - 1n}`],
    ...[`--payout-keystore=${stored.file}`, '--payout-gas-money=1', '--min-gas-money=50'],
  ]);
  return { chain, pool, payer: payer.address };
}

/** Runs `tributary` beside the pool; its output. */
function commandsOf(pool: PoolProcess) {
  return async (...args: readonly string[]): Promise<string> => {
    const process = startTributary(t, [...args, '--data-dir', pool.dataDir]);
    assert.equal(await process.exited, 0, process.printed.err);
    return process.printed.out;
  };
}
