import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { parseHex } from '../../src/base/bytes.ts';
import type { Contracts } from '../../src/chain/contracts.ts';
import { mineBlocks } from '../../src/chain/devnet.ts';
import type { Providers } from '../../src/chain/providers.ts';
import { openScratch, type Scratch } from '../../src/database/scratch.ts';
import { type AccountName, LPT, type Protocol, startProtocol } from './protocol.ts';
import { type Bent, bentProviders, connect, openWatching, type Watching } from './watch-kit.ts';

let protocol: Protocol;
let scratch: Scratch;
let providers: Providers;
let contracts: Contracts;
let snapshot: Hex;
const open: Watching[] = [];

before(async () => {
  [protocol, scratch] = await Promise.all([startProtocol(), openScratch()]);
  await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
  await protocol.nextRound();
  ({ providers, contracts } = await connect(protocol));
});
after(async () => {
  await providers?.close();
  await protocol?.devnet.stop();
  await scratch?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  snapshot = await protocol.snapshot();
  await scratch.database.query(sql`delete from chain_follower`);
  await scratch.database.query(sql`delete from chain_sender`);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ watch }) => watch.close()));
  await protocol.revertTo(snapshot);
});

async function start(rpc: Bent = bentProviders(providers)): Promise<Watching> {
  const watching = await openWatching(protocol, { database: scratch.database, rpc, contracts });
  open.push(watching);
  return watching;
}
const address = (name: AccountName) => parseHex(protocol.of(name)) as Uint8Array;
const fund = (deposit: bigint, reserve: bigint, from: AccountName = 'gateway') =>
  protocol.send(from, {
    ...{ contract: 'TicketBroker', fn: 'fundDepositAndReserve', args: [deposit, reserve] },
    value: deposit + reserve,
  });
const broker = (fn: string, ...args: readonly unknown[]) =>
  ({ contract: 'TicketBroker', fn, args }) as const;
async function redeem(changes: Parameters<Protocol['ticket']>[0] = {}): Promise<bigint> {
  const { ticket, signature, recipientRand } = await protocol.ticket(changes);
  await protocol.send('redeemer', broker('redeemWinningTicket', ticket, signature, recipientRand));
  return ticket.senderNonce;
}

test('a gateway is known with what it has, from the event on', async () => {
  const { watch, look } = await start();
  assert.deepEqual(await watch.loadSender(address('gateway')), {
    ok: true,
    state: { ...EMPTY },
  });
  await fund(10_000n, 6_000n);
  assert.deepEqual(watch.sender(address('gateway')), EMPTY);
  await look();
  assert.deepEqual(watch.sender(address('gateway')), {
    ...EMPTY,
    ...{ deposit: 10_000n, reserve: 6_000n },
  });
  await protocol.send('gateway', broker('unlock'));
  await look();
  const round = watch.current()?.currentRound ?? 0n;
  assert.equal(watch.sender(address('gateway'))?.withdrawRound, round + 2n);
  await protocol.send('gateway', broker('cancelUnlock'));
  await look();
  assert.equal(watch.sender(address('gateway'))?.withdrawRound, 0n);
});

test('a ticket that draws on the reserve is told, and counts as claimed until the round ends', async () => {
  await fund(400n, 6_000n);
  const { watch, look, redeemed } = await start();
  const nonce = await redeem();
  await look();
  assert.deepEqual(
    redeemed.map(({ senderNonce, faceValue, removed }) => ({ senderNonce, faceValue, removed })),
    [{ senderNonce: nonce, faceValue: 1_000n, removed: false }],
  );
  assert.deepEqual(redeemed[0]?.ticketSender, address('gateway'));
  assert.deepEqual(redeemed[0]?.recipient, address('orchestrator'));
  await watch.loadSender(address('gateway'));
  const claimed = { deposit: 0n, reserve: 5_400n, claimedInRound: 600n, claimedByRecipient: 600n };
  assert.deepEqual(watch.sender(address('gateway')), { ...EMPTY, ...claimed });
  await protocol.nextRound();
  await look();
  const unclaimed = { deposit: 0n, reserve: 5_400n };
  assert.deepEqual(watch.sender(address('gateway')), { ...EMPTY, ...unclaimed });
});

test('the round, the pool and the own registration are as the contracts say', async () => {
  const { watch, look } = await start();
  const rounds: bigint[] = [];
  watch.onRound(({ currentRound }) => void rounds.push(currentRound));
  const before = watch.current();
  assert.ok(before);
  assert.deepEqual(
    [before.roundInitialized, before.poolSize, before.paused, before.lockL1Blocks],
    [true, 1n, false, 6n],
  );
  assert.deepEqual(
    [before.recipient.active, before.recipient.stake, before.recipient.serviceUri],
    [true, 1_000n * LPT, ''],
  );
  const hash = await protocol.read({
    contract: 'RoundsManager',
    fn: 'blockHashForRound',
    args: [before.round.lastInitialized],
  });
  assert.deepEqual(before.round.blockHash, parseHex(hash as Hex));
  const uri = 'https://orchestrator.example:8935';
  await protocol.send('orchestrator', {
    contract: 'ServiceRegistry',
    fn: 'setServiceURI',
    args: [uri],
  });
  await mineBlocks(protocol.reader, 60);
  await protocol.send('deployer', { contract: 'Controller', fn: 'pause' });
  await look();
  const uninitialised = watch.current();
  assert.equal(uninitialised?.roundInitialized, false);
  assert.equal(uninitialised?.currentRound, before.currentRound + 1n);
  assert.equal(uninitialised?.paused, true);
  assert.equal(uninitialised?.recipient.serviceUri, uri);
  await protocol.send('deployer', { contract: 'Controller', fn: 'unpause' });
  await protocol.send('deployer', { contract: 'RoundsManager', fn: 'initializeRound' });
  await look();
  const after = watch.current();
  assert.equal(after?.roundInitialized, true);
  assert.deepEqual(after?.round.previousBlockHash, before.round.blockHash);
  assert.deepEqual(rounds, [before.currentRound + 1n, before.currentRound + 1n]);
});

test('what a reorganisation of any depth undid is told as removed, and only that', async () => {
  for (const depth of [1, 2, 3, 5, 8, 13, 21, 34, 55, 64]) {
    await fund(10_000n, 0n);
    const { watch, look, redeemed } = await start();
    const stays = await redeem();
    await look();
    await mineBlocks(protocol.reader, 1);
    const goes = await redeem();
    await look();
    // Several blocks between two looks, as on Arbitrum, and looks in between.
    for (let mined = 1; mined < depth; mined += 3) {
      await mineBlocks(protocol.reader, Math.min(3, depth - mined));
      await look();
    }
    const deposit = watch.sender(address('gateway'))?.deposit ?? 0n;
    const head = watch.current();
    await protocol.reader.request({ method: 'anvil_reorg', params: [depth, []] } as never);
    await look();
    assert.equal(watch.current()?.block, head?.block);
    assert.notEqual(watch.current()?.blockHash, head?.blockHash);
    assert.deepEqual(
      redeemed.map(({ senderNonce, removed }) => [senderNonce, removed]),
      [
        [stays, false],
        [goes, false],
        [goes, true],
      ],
      `depth ${depth}`,
    );
    assert.equal(watch.sender(address('gateway'))?.deposit, deposit + 1_000n);
    await watch.close();
    await protocol.revertTo(snapshot);
    snapshot = await protocol.snapshot();
    await scratch.database.query(sql`delete from chain_follower`);
  }
});

test('after an outage the range that was missed is asked for, in pieces that the node allows', async () => {
  await fund(10_000n, 0n);
  const rpc = bentProviders(providers);
  const { watch, look, redeemed } = await start(rpc);
  await watch.loadSender(address('gateway'));
  rpc.bend = [() => ({ fail: true })];
  const nonces: bigint[] = [];
  for (let at = 0; at < 3; at += 1) {
    nonces.push(await redeem());
    await mineBlocks(protocol.reader, 7);
    await look();
  }
  assert.deepEqual(redeemed, []);
  assert.deepEqual(watch.alarms(), ['rpc_unavailable']);
  const rangeMax = 8n;
  rpc.bend = [
    (method, params) => {
      if (method !== 'eth_getLogs') return undefined;
      const [{ fromBlock, toBlock }] = params as [{ fromBlock: Hex; toBlock: Hex }];
      return BigInt(toBlock) - BigInt(fromBlock) >= rangeMax ? { fail: true } : undefined;
    },
  ];
  await look();
  assert.deepEqual(
    redeemed.map(({ senderNonce }) => senderNonce),
    nonces,
  );
  assert.equal(watch.sender(address('gateway'))?.deposit, 7_000n);
  assert.deepEqual(watch.alarms(), []);
});

test('a restart misses nothing, tells nothing twice, and still undoes what came before it', async () => {
  await fund(10_000n, 0n);
  const first = await start();
  const seen = await redeem();
  await first.look();
  assert.equal(first.redeemed.length, 1);
  await first.watch.close();
  const missed = await redeem();
  const second = await start();
  assert.equal(second.watch.current()?.block, await protocol.reader.getBlockNumber());
  await second.look();
  assert.deepEqual(
    second.redeemed.map(({ senderNonce }) => senderNonce),
    [missed],
  );
  assert.equal((await second.watch.loadSender(address('gateway'))).ok, true);
  assert.equal(second.watch.sender(address('gateway'))?.deposit, 8_000n);
  await mineBlocks(protocol.reader, 1);
  await second.look();
  await second.watch.close();

  const third = await start();
  assert.equal(third.watch.sender(address('gateway'))?.deposit, 8_000n, 'known with funds');
  await third.watch.close();
  await protocol.reader.request({ method: 'anvil_reorg', params: [3, []] } as never);
  const fourth = await start();
  await fourth.look();
  assert.deepEqual(
    fourth.redeemed.map(({ senderNonce, removed }) => [senderNonce, removed]),
    [
      [missed, true],
      [seen, true],
    ],
  );
  assert.equal(fourth.watch.sender(address('gateway'))?.deposit, 10_000n);
});

const EMPTY = {
  deposit: 0n,
  reserve: 0n,
  claimedInRound: 0n,
  claimedByRecipient: 0n,
  withdrawRound: 0n,
};
