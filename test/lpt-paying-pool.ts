import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Hex } from 'viem';
import { parseHex } from '../src/base/bytes.ts';
import { mineBlocks } from '../src/chain/devnet.ts';
import { storeKey } from '../src/chain/keystore.ts';
import { newAccount, newRecipient } from '../src/chain/transactions.test-kit.ts';
import { LPT } from './chain/protocol.ts';
import { eventually } from './eventually.ts';
import { stampedSource } from './fixtures/renditions.ts';
import { type PoolProcess, startPoolProcess } from './pool-process.ts';
import { startFundedGateway, type TestChain } from './start-chain-pool.ts';
import type { Cleanup, Enrolment } from './start-pool.ts';
import { joinStock } from './start-pool-with-worker.ts';
import { startTributary } from './tributary-process.ts';

/** Every ticket wins, so that what was earned is money at once. */
const FACE = 20_000_000_000_000_000n;
/** Parameters of tickets end after so many blocks; then tickets are redeemed. */
const PARAMS_BLOCKS = 41;
/** More than a reward of the local chain. */
const FUNDS = 1_000n * LPT;

/** A pool that paid a worker on its chain, in ETH for work and in LPT of its rewards. */
export interface LptPayingPool {
  readonly pool: PoolProcess;
  /** What its worker was paid, as the chain has it, by asset. */
  readonly paid: { readonly ETH: bigint; readonly LPT: bigint };
}

/**
 * Starts one under `terms`, which share rewards: epoch 1 is closed before there is any work, epoch 2 is
 * closed and paid. Rounds of the chain have to be longer than 100 blocks.
 */
export async function startLptPayingPool(
  t: Cleanup,
  chain: TestChain,
  { terms, flags = [] }: { readonly terms: string; readonly flags?: readonly string[] },
): Promise<LptPayingPool> {
  const { url, chainId, addresses } = chain.devnet;
  const payer = await newAccount(url, chainId);
  const dir = await mkdtemp(join(tmpdir(), 'tributary-lpt-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const key = parseHex(payer.key) as Uint8Array;
  const stored = await storeKey({ dir, key, password: 'secret', cost: { n: 2, r: 8, p: 1 } });
  const policy = join(dir, 'signer.toml');
  await writeFile(policy, `payout-tokens = ["${addresses.LivepeerToken}=${FUNDS}/${FUNDS}"]\n`);
  const pool = await startPoolProcess(t, [
    ...chain.flags(),
    ...['--price=1000wei', '--auto-adjust-price=false'],
    ...[`--max-face-value=${FACE}`, `--ticket-ev=${FACE - 1n}`],
    ...[`--payout-keystore=${stored.file}`, '--payout-gas-money=1', `--signer-policy=${policy}`],
    ...flags,
  ]);
  await chain.send('orchestrator', {
    contract: 'ServiceRegistry',
    fn: 'setServiceURI',
    args: [pool.serviceUri],
  });
  await pool.admin('POST', '/api/v1/terms', { file: terms, startsAtEpoch: 'next' });
  await pool.admin('POST', '/api/v1/epochs/close', {});

  const to = newRecipient();
  const worker = { name: 'heron', payoutAddress: to };
  const enrolment = await pool.admin<Enrolment>('POST', '/api/v1/workers', worker);
  await joinStock(t, pool, { enrolment });
  const gateway = await startFundedGateway(t, chain, pool);
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done', reply.text);
  await mineBlocks(chain.reader, PARAMS_BLOCKS);
  const status = () =>
    pool.admin<{
      readonly newest: readonly { readonly state: string }[];
      readonly assets: readonly { readonly asset: string; readonly solvent: boolean }[];
      readonly tickets: { readonly redeemed: string };
    }>('GET', '/api/v1/payouts/status');
  await eventually('the ticket is redeemed', async () => {
    return BigInt((await status()).tickets.redeemed) >= FACE;
  });
  // A reward of an earlier round may be in epoch 1 already: one of this epoch is waited for.
  const booked = () => pool.admin<object>('GET', '/api/v1/ledger/accounts?asset=LPT');
  const before = await booked();
  await chain.nextRound();
  await eventually('the reward is booked', async () => {
    return !isDeepStrictEqual(await booked(), before);
  });
  await pool.admin('POST', '/api/v1/epochs/close', {});

  const tributary = async (...args: readonly string[]): Promise<string> => {
    const command = startTributary(t, [...args, '--data-dir', pool.dataDir]);
    assert.equal(await command.exited, 0, command.printed.err);
    return command.printed.out;
  };
  await chain.send('delegator', {
    contract: 'LivepeerToken',
    fn: 'transfer',
    args: [payer.address, FUNDS],
  });
  const { transactions } = await chain.reader.getBlock();
  await tributary('payouts', 'funded', transactions[0] as Hex);
  await eventually('the books have what is owed', async () => {
    return (await status()).assets.every(({ solvent }) => solvent);
  });
  const plan = JSON.parse(await tributary('payouts', 'preview', '--now', '--json'));
  await tributary('payouts', 'run', (plan as { digest: string }).digest);
  await eventually('both payouts are final', async () => {
    const { newest } = await status();
    return newest.length === 2 && newest.every(({ state }) => state === 'final');
  });
  const token = { contract: 'LivepeerToken', fn: 'balanceOf', args: [to] } as const;
  const paid = {
    ETH: await chain.reader.getBalance({ address: to as Hex }),
    LPT: (await chain.read(token)) as bigint,
  };
  assert.ok(paid.ETH > 0n && paid.LPT > 0n);
  return { pool, paid };
}
