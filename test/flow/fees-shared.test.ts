import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHex } from '../../src/base/bytes.ts';
import { mineBlocks } from '../../src/chain/devnet.ts';
import { storeKey } from '../../src/chain/keystore.ts';
import { newAccount } from '../../src/chain/transactions.test-kit.ts';
import { LPT } from '../chain/protocol.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startChainPool, startFundedGateway, startTestChain } from '../start-chain-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';

/** Every ticket wins. Its part for delegators cannot be divided without a rest. */
const FACE = 19_999_999_999_999_999n;
/** Parameters of tickets end after so many blocks; then tickets are redeemed. */
const PARAMS_BLOCKS = 41;

interface Money {
  readonly tickets: { readonly redeemed: string };
  readonly assets: readonly { readonly asset: string; readonly onHand: string }[];
}
interface Accounts {
  readonly accounts: readonly { readonly account: string; readonly balance: string }[];
}
interface Reconciled {
  readonly differences: readonly { readonly what: string; readonly about: string }[];
}

test('what delegators get of tickets is no money of the pool, and the books agree with the chain', async (t) => {
  const chain = await startTestChain(t, { roundLength: 400 });
  // Three of four LPT are bonded by somebody else, who has that part of half of the fees.
  await chain.bond('delegator', 'orchestrator', 3_000n * LPT);
  await chain.nextRound();
  const self = chain.of('orchestrator');
  const { key } = await newAccount(chain.devnet.url, chain.devnet.chainId);
  const dir = await mkdtemp(join(tmpdir(), 'tributary-payer-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const cost = { n: 2, r: 8, p: 1 };
  const payer = await storeKey({ dir, key: parseHex(key) as Uint8Array, password: 'secret', cost });
  const pool = await startChainPool(t, chain, [
    ...['--auto-adjust-price=false', '--reward=false'],
    ...[`--payout-keystore=${payer.file}`, '--payout-gas-money=1'],
    ...[`--max-face-value=${FACE}`, `--ticket-ev=${FACE - 1n}`],
  ]);
  await joinStock(t, pool);
  const gateway = await startFundedGateway(t, chain, pool);
  const status = () => pool.admin<Money>('GET', '/api/v1/payouts/status');
  const redeem = async (count: number, total: bigint) => {
    for (let segment = 0; segment < count; segment++) {
      const reply = await gateway.submit(await gateway.session(), await stampedSource());
      assert.equal(reply.result?.result.kind, 'done', reply.text);
    }
    await mineBlocks(chain.reader, PARAMS_BLOCKS);
    await eventually('the tickets are redeemed', async () => {
      return BigInt((await status()).tickets.redeemed) === total;
    });
  };
  const agree = () =>
    eventually('the books agree with the chain', async () => {
      const path = '/api/v1/payouts/reconcile';
      const { differences } = await pool.admin<Reconciled>('GET', path);
      const differs = differences.some(({ about }) => about === 'bonding_fees ETH');
      return !differs && (await booked('bonding_fees')) === (await pending());
    });
  const pending = async () => {
    const round = await chain.read({ contract: 'RoundsManager', fn: 'currentRound' });
    const args = [self, round];
    return (await chain.read({ contract: 'BondingManager', fn: 'pendingFees', args })) as bigint;
  };
  const booked = async (name: string) => {
    const { accounts } = await pool.admin<Accounts>('GET', '/api/v1/ledger/accounts?asset=ETH');
    return BigInt(accounts.find(({ account }) => account === name)?.balance ?? 0);
  };

  await redeem(2, 2n * FACE);
  await agree();
  const brought = await pending();
  assert.ok(
    brought > FACE && brought < (2n * FACE * 63n) / 100n,
    `${brought}: five of eight parts`,
  );
  assert.equal(await booked('delegators'), 2n * FACE - brought);
  const eth = (await status()).assets.find(({ asset }) => asset === 'ETH');
  assert.ok(BigInt(eth?.onHand ?? 0) <= brought, 'no more is on hand than came');

  // In another round, and again after fees that were withdrawn by another wallet.
  await chain.nextRound();
  await redeem(1, 3n * FACE);
  await agree();
  const args = [self, 10n ** 15n];
  await chain.send('orchestrator', { contract: 'BondingManager', fn: 'withdrawFees', args });
  const before = await booked('bonding_fees');
  await agree();
  assert.equal(await booked('bonding_fees'), before - 10n ** 15n);
  const path = '/api/v1/payouts/reconcile';
  const { differences } = await pool.admin<Reconciled>('GET', path);
  assert.deepEqual(differences, [], 'they are in the treasury, less gas');
});
