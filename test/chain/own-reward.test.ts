import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { parseEventLogs } from 'viem';
import { ownReward } from '../../src/duties/own-reward.ts';
import { LPT, NO_HINT, startProtocol } from './protocol.ts';

const protocol = await startProtocol();
const { devnet, reader } = protocol;
after(() => devnet.stop());
const bondingManager = devnet.addresses.BondingManager;
const self = protocol.of('orchestrator');

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

  const providers = {
    request: <T>(method: string, params: readonly unknown[]) =>
      reader.request({ method, params } as never) as Promise<T>,
  };
  const parts = { providers, bondingManager, orchestrator: self };
  const own = await ownReward(parts, block);
  // A tenth, and a quarter of the other nine; the contract rounds shares down.
  const expected = minted / 10n + (minted - minted / 10n) / 4n;
  const off = expected > own ? expected - own : own - expected;
  assert.ok(minted > 0n && off < 1_000n, `${own} of ${minted}`);
  assert.equal(await ownReward(parts, block - 1n), 0n);
});
