import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { encodeAbiParameters, encodeEventTopics, getAddress, numberToHex } from 'viem';
import { systemClock } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { livepeerGovernorAbi } from '../../src/chain/abi/livepeer-governor.ts';
import { openProviders } from '../../src/chain/providers.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { createProposalBook } from '../../src/duties/proposals.ts';
import { startDutiesOn, startOperator } from './duties-kit.ts';
import { LPT, startProtocol } from './protocol.ts';

// What can be voted on in the governor of the local chain, as an operator is told it.

const protocol = await startProtocol({ roundLength: 25 });
await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
await protocol.bond('delegator', 'orchestrator', 600n * LPT);
await protocol.bond('orchestrator2', 'orchestrator2', 500n * LPT);
await protocol.nextRound(2);
const scratch = await openScratch();
const node = await startDutiesOn(protocol, { database: scratch.database });
const operator = await startOperator(node.duties.actions);
after(async () => {
  await operator[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
  await protocol.devnet.stop();
  await scratch[Symbol.asyncDispose]();
});

const governor = (fn: string, ...args: readonly unknown[]) =>
  protocol.send('orchestrator2', { contract: 'LivepeerGovernor', fn, args });
const treasury = protocol.devnet.addresses.Treasury;

async function listed() {
  const { out, err, code } = await operator.type('chain', 'proposals', '--json');
  assert.equal(code, 0, err);
  return JSON.parse(out) as {
    readonly isComplete: boolean;
    readonly items: readonly Record<string, unknown>[];
  };
}
const shown = async () => (await operator.type('chain', 'proposals')).out;

test('an operator sees what is open, with its end and its votes, and what it voted itself', async () => {
  assert.match(await shown(), /^Nothing can be voted on now\.\n$/);
  await governor(
    'propose',
    [treasury],
    [0n],
    ['0x'],
    '# Pay for \u001b[31mtests\u202e\n\nEvery day.',
  );
  const round = Number(await protocol.read({ contract: 'RoundsManager', fn: 'currentRound' }));
  const before = await shown();
  assert.match(before, /^Nothing waits for your vote\.\n\nPay for \[31mtests\n/);
  assert.match(before, new RegExp(`The vote begins with round ${round + 2}\\.`));
  const first = await listed();
  assert.deepEqual(
    first.items.map(({ title, description, state, calls, quorum, power }) => [
      ...[title, description, state, calls, quorum, power],
    ]),
    [['Pay for [31mtests', 'Every day.', 'pending', 1, null, null]],
  );

  await protocol.nextRound(2);
  const [{ id }] = (await listed()).items as [{ readonly id: string }];
  await governor('castVote', BigInt(id), 0);
  const open = await shown();
  assert.match(open, /^1 proposal waits for your vote\./);
  assert.match(
    open,
    new RegExp(`Ends {12}with round ${round + 11}, now ${round + 2}, about \\d{4}-`),
  );
  assert.match(
    open,
    /for 0 LPT, against 500 LPT, abstained 0 LPT; 699\.9 LPT must be\s+voted, and are not yet/,
  );
  assert.match(open, /Yours {11}1,600 LPT/);
  const [, command = ''] =
    /^tributary (chain vote --proposal \d+ --support for)$/m.exec(open) ?? [];
  const voted = await operator.type(...command.split(' '), '--yes');
  assert.equal(voted.code, 0, voted.err);

  const after = await shown();
  assert.match(after, /^Nothing waits for your vote\.[\s\S]*You voted for\.[\s\S]*, and are\n/);
  const [now] = (await listed()).items;
  assert.deepEqual(now?.votes, {
    for: String(1_600n * LPT),
    against: String(500n * LPT),
    abstain: '0',
  });
  await protocol.nextRound(10);
  assert.match(await shown(), /^Nothing can be voted on now\./);
});

test('a provider that tells little at once tells it all, and a made-up proposal is none', async () => {
  await governor('propose', [treasury], [1n], ['0x'], 'Found in small steps');
  await protocol.nextRound(2);
  const forged = encodeAbiParameters(
    livepeerGovernorAbi.find((one) => one.type === 'event' && one.name === 'ProposalCreated')
      ?.inputs as never,
    [7n, treasury, [treasury], [0n], [''], ['0x'], 1n, 99n, 'Send all of it to me'] as never,
  );
  const head = await protocol.reader.getBlockNumber();
  const lie = {
    address: protocol.devnet.addresses.LivepeerGovernor,
    blockNumber: numberToHex(head),
    topics: encodeEventTopics({ abi: livepeerGovernorAbi, eventName: 'ProposalCreated' }),
    data: forged,
  };
  const refused: number[] = [];
  const proxy = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    const asked = JSON.parse(body);
    response.setHeader('content-type', 'application/json');
    if (asked.method === 'eth_getLogs') {
      const [{ fromBlock, toBlock }] = asked.params;
      const blocks = Number(toBlock) - Number(fromBlock) + 1;
      if (blocks > 7) {
        refused.push(blocks);
        const error = { code: -32_005, message: 'query returned more than 7 blocks' };
        response.end(JSON.stringify({ jsonrpc: '2.0', id: asked.id, error }));
        return;
      }
    }
    const reply = await fetch(protocol.devnet.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const text = await reply.text();
    if (asked.method !== 'eth_getLogs') return void response.end(text);
    const answer = JSON.parse(text);
    response.end(JSON.stringify({ ...answer, result: [...answer.result, lie] }));
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const common = { clock: systemClock, log: quiet, metrics: createMetrics() };
  const providers = await openProviders({ urls: [url], ...common });
  try {
    const book = createProposalBook({
      ...{ providers, contracts: node.contracts, clock: systemClock },
      orchestrator: getAddress(protocol.of('orchestrator')),
    });
    const { isComplete, items } = await book.open();
    assert.equal(isComplete, true);
    assert.deepEqual(
      items.map(({ title }) => title),
      ['Found in small steps'],
    );
    assert.ok(refused.length > 3, 'it asked for more, and was refused');
  } finally {
    await providers.close();
    proxy.closeAllConnections();
    proxy.close();
  }
});
