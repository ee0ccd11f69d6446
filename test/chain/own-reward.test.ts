import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Abi, parseEventLogs } from 'viem';
import { devnetClients } from '../../src/chain/devnet.ts';
import { ownReward } from '../../src/duties/own-reward.ts';
import { LPT, NO_HINT, startProtocol } from './protocol.ts';

const protocol = await startProtocol();
const { devnet, reader } = protocol;
after(() => devnet.stop());
const bondingManager = devnet.addresses.BondingManager;
const self = protocol.of('orchestrator');
const providers = {
  request: <T>(method: string, params: readonly unknown[]) =>
    reader.request({ method, params } as never) as Promise<T>,
};

test("of a reward the pool has its cut and the share of its own stake; the rest is its delegators'", async () => {
  await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
  // A tenth is the orchestrator's before the stakes divide the rest.
  await protocol.send('orchestrator', {
    contract: 'BondingManager',
    fn: 'transcoder',
    args: [100_000n, 0n],
  });
  await protocol.bond('delegator', 'orchestrator', 3_000n * LPT);
  await protocol.nextRound(2);
  await protocol.send('orchestrator', {
    contract: 'BondingManager',
    fn: 'rewardWithHint',
    args: [...NO_HINT],
  });
  const block = await reader.getBlockNumber();
  const { transactions } = await reader.getBlock({ blockNumber: block });
  const receipt = await reader.getTransactionReceipt({ hash: transactions[0] as `0x${string}` });
  const logs = parseEventLogs({ abi: devnet.abis.BondingManager, logs: receipt.logs });
  const minted = (logs as unknown as { eventName: string; args: { amount: bigint } }[]).find(
    ({ eventName }) => eventName === 'Reward',
  )?.args.amount as bigint;

  const parts = { providers, bondingManager, orchestrator: self };
  const own = await ownReward(parts, block);
  // A tenth, and a quarter of the other nine; the contract rounds shares down.
  const expected = minted / 10n + (minted - minted / 10n) / 4n;
  const off = expected > own ? expected - own : own - expected;
  assert.ok(minted > 0n && off < 1_000n, `${own} of ${minted}`);
  assert.equal(await ownReward(parts, block - 1n), 0n);
});

test('what else changes the stake in the block of a reward is no part of it', async () => {
  const parts = { providers, bondingManager, orchestrator: self };
  const owner = protocol.accountOf('orchestrator');
  const wallet = devnetClients(devnet.url).wallet(owner);
  const call = (fn: string, ...args: readonly unknown[]) => {
    const contract = { address: bondingManager, abi: devnet.abis.BondingManager as Abi };
    return { ...contract, functionName: fn, args, gas: 2_000_000n } as const;
  };
  const anvil = (method: string, ...params: unknown[]) =>
    reader.request({ method, params } as never);
  await protocol.nextRound();
  await protocol.send('orchestrator', {
    contract: 'LivepeerToken',
    fn: 'approve',
    args: [bondingManager, 70n * LPT],
  });
  // The same reward alone, and then in a block with more.
  const before = await anvil('evm_snapshot');
  await protocol.send('orchestrator', {
    contract: 'BondingManager',
    fn: 'rewardWithHint',
    args: [...NO_HINT],
  });
  const alone = await ownReward(parts, await reader.getBlockNumber());
  await anvil('evm_revert', before);

  await anvil('evm_setAutomine', false);
  const nonce = await reader.getTransactionCount(owner);
  const hashes = [
    await wallet.writeContract({ ...call('reward'), nonce }),
    await wallet.writeContract({ ...call('bond', 70n * LPT, self), nonce: nonce + 1 }),
    await wallet.writeContract({ ...call('unbond', 30n * LPT), nonce: nonce + 2 }),
  ];
  await anvil('evm_mine');
  await anvil('evm_setAutomine', true);
  const receipts = await Promise.all(hashes.map((hash) => reader.getTransactionReceipt({ hash })));
  const [block] = receipts.map(({ blockNumber }) => blockNumber);
  assert.deepEqual(
    receipts.map(({ status, blockNumber }) => [status, blockNumber]),
    hashes.map(() => ['success', block]),
  );
  assert.ok(alone > 0n);
  assert.equal(await ownReward(parts, block as bigint), alone);
});
