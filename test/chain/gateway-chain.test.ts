import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type Hex, hexToBytes, parseEther } from 'viem';
import { systemClock } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { wei } from '../../src/base/money.ts';
import { type GatewayChain, openGatewayChain } from '../../src/programs/gateway/chain.ts';
import { fundingText } from '../../src/programs/gateway/paying.ts';
import { type Protocol, startProtocol } from './protocol.ts';

let protocol: Protocol;
before(async () => {
  protocol = await startProtocol();
});
after(() => protocol?.devnet.stop());

const keyOf = (name: string): Uint8Array => {
  const account = protocol.devnet.accounts.find((other) => other.name === name);
  return hexToBytes((account?.privateKey ?? '0x') as Hex);
};
const open = (changes: Partial<Parameters<typeof openGatewayChain>[0]> = {}) =>
  openGatewayChain({
    network: 'devnet',
    urls: [protocol.devnet.url],
    controller: hexToBytes(protocol.devnet.addresses.Controller),
    key: keyOf('gateway'),
    clock: systemClock,
    log: quiet,
    metrics: createMetrics(),
    ...changes,
  });
const eth = (amount: string) => wei(parseEther(amount));

async function opened(
  t: { after(run: () => Promise<void>): void },
  ...args: Parameters<typeof open>
): Promise<GatewayChain> {
  const chain = await open(...args);
  t.after(() => chain.close());
  return chain;
}

test('a gateway puts in what is missing of its deposit and reserve, and no more', async (t) => {
  const chain = await opened(t);
  assert.equal(chain.view().deposit, 0n);
  const nothing = await chain.fund({ deposit: eth('0'), reserve: eth('0') });
  assert.match(fundingText(nothing), /takes tickets without both: give --deposit and --reserve\.$/);
  const first = await chain.fund({ deposit: eth('0.3'), reserve: eth('0.2') });
  assert.deepEqual([first.deposit, first.reserve], [eth('0.3'), eth('0.2')]);
  assert.match(first.transaction ?? '', /^0x[0-9a-f]{64}$/);
  assert.deepEqual([chain.view().deposit, chain.view().reserve], [eth('0.3'), eth('0.2')]);
  const again = await chain.fund({ deposit: eth('0.3'), reserve: eth('0.1') });
  const before = { deposit: eth('0.3'), reserve: eth('0.2') };
  assert.deepEqual(again, { deposit: 0n, reserve: 0n, before, transaction: undefined });
  assert.match(fundingText(again), /holds 0\.3 ETH of deposit and 0\.2 ETH of reserve/);
  const more = await chain.fund({ deposit: eth('0.25'), reserve: eth('0.5') });
  assert.deepEqual([more.deposit, more.reserve], [0n, eth('0.3')]);
  assert.equal(chain.view().reserve, eth('0.5'));
});

test('the view tells of a withdrawal that began and of the round that tickets name', async (t) => {
  const chain = await opened(t, { key: keyOf('gateway2') });
  await chain.fund({ deposit: eth('0.1'), reserve: eth('0.1') });
  await protocol.send('gateway2', { contract: 'TicketBroker', fn: 'unlock' });
  const { withdrawRound, lastInitializedRound, lastL1Block, round } = await chain.look();
  assert.equal(withdrawRound, lastInitializedRound + 2n);
  assert.equal(round.creationRound, lastInitializedRound);
  assert.ok(round.creationRoundBlockHash.some((byte) => byte !== 0));
  assert.equal(lastL1Block, await protocol.reader.getBlockNumber());
});

test('an account that has too little says how much it has', async (t) => {
  const chain = await opened(t, { key: randomBytes(32) });
  await assert.rejects(chain.fund({ deposit: eth('1'), reserve: eth('0.5') }), {
    code: 'chain_funds_short',
    message: "The gateway's account has 0 ETH, too little to put in 1.5 ETH.",
  });
});

test('a chain without the Controller, and none at all, have errors of their own without the URL', async () => {
  await assert.rejects(open({ controller: randomBytes(20) }), { code: 'controller_missing' });
  await assert.rejects(open({ controller: undefined }), { code: 'controller_missing' });
  await assert.rejects(open({ urls: ['http://127.0.0.1:1/secret'] }), (error: Error) => {
    assert.equal((error as Error & { code: string }).code, 'rpc_unavailable');
    return !`${error.message}${error.stack}`.includes('secret');
  });
});
