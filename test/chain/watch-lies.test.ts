import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { parseHex } from '../../src/base/bytes.ts';
import type { Contracts } from '../../src/chain/contracts.ts';
import { mineBlocks } from '../../src/chain/devnet.ts';
import type { Providers } from '../../src/chain/providers.ts';
import type { Header } from '../../src/chain/watch-blocks.ts';
import type { RawLog } from '../../src/chain/watch-events.ts';
import { openScratch, type Scratch } from '../../src/database/scratch.ts';
import { LPT, type Protocol, startProtocol } from './protocol.ts';
import { type Bend, bentProviders, connect, openWatching } from './watch-kit.ts';

let protocol: Protocol;
let scratch: Scratch;
let providers: Providers;
let contracts: Contracts;
let gateway: Uint8Array;

before(async () => {
  [protocol, scratch] = await Promise.all([startProtocol({ roundLength: 500 }), openScratch()]);
  await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
  await protocol.nextRound();
  await protocol.send('gateway', {
    ...{ contract: 'TicketBroker', fn: 'fundDepositAndReserve', args: [123_456n, 6_000n] },
    value: 129_456n,
  });
  gateway = parseHex(protocol.of('gateway')) as Uint8Array;
  ({ providers, contracts } = await connect(protocol));
});
after(async () => {
  await providers?.close();
  await protocol?.devnet.stop();
  await scratch?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await scratch.database.query(sql`delete from chain_follower`);
});

/** A watch over providers of which the second lies. */
async function beside(lie: Bend, count = 2) {
  const rpc = bentProviders(providers, count);
  rpc.bend = [() => undefined, lie];
  return openWatching(protocol, { database: scratch.database, rpc, contracts });
}
async function redeem(): Promise<bigint> {
  const { ticket, signature, recipientRand } = await protocol.ticket();
  await protocol.send('redeemer', {
    ...{ contract: 'TicketBroker', fn: 'redeemWinningTicket' },
    args: [ticket, signature, recipientRand],
  });
  return ticket.senderNonce;
}
/** Puts other 32 bytes into the answer of the one `eth_call` that reads many things. */
const swap = (said: unknown, from: bigint, to: bigint) => {
  const word = (value: bigint) => value.toString(16).padStart(64, '0');
  return { say: (said as string).replace(word(from), word(to)) };
};

test('funds that one provider inflates are not believed, and somebody is told', async () => {
  const { watch } = await beside((method, _, said) =>
    method === 'eth_call' ? swap(said, 123_456n, 10n ** 18n) : undefined,
  );
  const loaded = await watch.loadSender(gateway);
  assert.equal(loaded.ok && loaded.state.deposit, 123_456n);
  assert.deepEqual(watch.alarms(), ['funds_differ']);
  await watch.close();
});

test('a pool that one of three providers shrinks stays as large as it is', async () => {
  const { watch } = await beside(
    (method, params, said) =>
      method === 'eth_call' ? { say: withoutActive(said as string, params) } : undefined,
    3,
  );
  assert.equal(watch.current()?.recipient.active, true);
  assert.deepEqual(watch.alarms(), ['view_differs']);
  await watch.close();
});

test('events that one provider keeps back or makes up are told by nobody, but looked into', async () => {
  let forged: RawLog | undefined;
  const { watch, look, redeemed } = await beside((method, _, said) => {
    if (method !== 'eth_getLogs') return undefined;
    return { say: forged ? [...(said as RawLog[]), forged] : [] };
  });
  await watch.loadSender(gateway);
  await redeem();
  await look();
  assert.deepEqual(redeemed, []);
  assert.equal(watch.sender(gateway)?.deposit, 122_456n, 'the change itself is read from all');
  assert.deepEqual(watch.alarms(), ['events_differ']);
  forged = { ...(await lastLog()), logIndex: '0x63' };
  await mineBlocks(protocol.reader, 1);
  await look();
  assert.equal(redeemed.length, 1, 'the true one, once both tell it');
  await watch.close();
});

test('a node that indexes late loses nothing', async () => {
  let late = true;
  const rpc = bentProviders(providers);
  rpc.bend = [(method) => (method === 'eth_getLogs' && late ? { say: [] } : undefined)];
  const { watch, look, redeemed } = await openWatching(protocol, {
    ...{ database: scratch.database, rpc, contracts },
  });
  const nonce = await redeem();
  await look();
  assert.deepEqual(redeemed, []);
  late = false;
  await mineBlocks(protocol.reader, 30);
  await look();
  assert.deepEqual(
    redeemed.map(({ senderNonce }) => senderNonce),
    [nonce],
  );
  await watch.close();
});

test('heads that are stale, invented, of another chain or without a hash move nothing', async () => {
  const stale = await protocol.reader.request({
    ...{ method: 'eth_getBlockByNumber', params: ['latest', false] },
  });
  await mineBlocks(protocol.reader, 400);
  const zero = `0x${'00'.repeat(32)}`;
  const lies: Record<string, Bend> = {
    stale: (method, [which]) => (isLatest(method, which) ? { say: stale } : undefined),
    invented: (method, [which], said) =>
      isLatest(method, which)
        ? { say: { ...(said as Header), number: '0xffff', hash: `0x${'ab'.repeat(32)}` } }
        : undefined,
    zero: (method, [which], said) =>
      isLatest(method, which) ? { say: { ...(said as Header), hash: zero } } : undefined,
    otherChain: (method, [which], said) => {
      if (method === 'eth_chainId') return { say: '0x1' };
      const head = { ...(said as Header), hash: `0x${'cd'.repeat(32)}` };
      return isLatest(method, which) ? { say: head } : undefined;
    },
    dead: () => ({ fail: true }),
    nonsense: () => ({ say: { jsonrpc: null } }),
  };
  for (const [name, lie] of Object.entries(lies)) {
    const { watch, look } = await beside(lie, 3);
    await mineBlocks(protocol.reader, 2);
    await look();
    const head = await protocol.reader.getBlock();
    const { block, blockHash } = watch.current() ?? {};
    assert.deepEqual([block, blockHash], [head.number, head.hash], name);
    await watch.close();
    await scratch.database.query(sql`delete from chain_follower`);
  }
});

test('a gas price times a million is left out', async () => {
  const honest = BigInt(
    (await protocol.reader.request({ method: 'eth_gasPrice' } as never)) as string,
  );
  const { watch } = await beside((method) =>
    method === 'eth_gasPrice' ? { say: `0x${(honest * 1_000_000n).toString(16)}` } : undefined,
  );
  assert.equal(watch.current()?.gasPrice, honest);
  await watch.close();
});

function isLatest(method: string, which: unknown): boolean {
  return method === 'eth_getBlockByNumber' && which === 'latest';
}

async function lastLog(): Promise<RawLog> {
  const latest = (await protocol.reader.request({
    method: 'eth_getLogs',
    params: [{ address: contracts.ticketBroker, fromBlock: '0x0', toBlock: 'latest' }],
  } as never)) as RawLog[];
  return latest.at(-1) as RawLog;
}

/** The word of `isActiveTranscoder` is the ninth answer: each is a length and a word. */
function withoutActive(said: string, params: readonly unknown[]): string {
  const [{ data }] = params as [{ data: Hex }];
  if (!data.includes('08802374')) return said;
  const at = 2 + (8 * 2 + 1) * 64;
  return `${said.slice(0, at)}${'0'.repeat(64)}${said.slice(at + 64)}`;
}
