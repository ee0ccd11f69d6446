import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAbiParameters, encodeEventTopics, type Hex, parseAbi } from 'viem';
import { disperseAbi } from '../chain/abi/disperse.ts';
import { DISPERSE } from '../chain/disperse.ts';
import { type ReceiptLog, toldByBatch } from './logs.ts';
import { judgeTransfer } from './outcome.ts';
import type { Recipient } from './plan-types.ts';

const address = (digit: number): Recipient => `0x${String(digit).repeat(40)}`;
const TOKEN = address(9);
const FROM = address(8);
const BATCH: Hex = `0x${'ab'.repeat(32)}`;
const transferAbi = parseAbi([
  'event Transfer(address indexed from, address indexed to, uint256 value)',
]);

function transfer(from: Recipient, to: Recipient, value: bigint, token = TOKEN): ReceiptLog {
  const topics = encodeEventTopics({
    abi: transferAbi,
    eventName: 'Transfer',
    args: { from, to },
  }) as string[];
  return { address: token, topics, data: encodeAbiParameters([{ type: 'uint256' }], [value]) };
}

function result(
  index: bigint,
  to: Recipient,
  amount: bigint,
  paid: boolean,
  payer = FROM,
): ReceiptLog {
  const topics = encodeEventTopics({
    abi: disperseAbi,
    eventName: 'Result',
    args: { payer, batch: BATCH },
  }) as string[];
  const types = [{ type: 'uint256' }, { type: 'address' }, { type: 'uint256' }, { type: 'bool' }];
  const data = encodeAbiParameters(types, [index, to, amount, paid]);
  return { address: DISPERSE.toLowerCase(), topics, data };
}

const shares = [
  { to: address(1), amount: 100n },
  { to: address(2), amount: 200n },
];
const told = (logs: readonly ReceiptLog[], token: Recipient | undefined = TOKEN) =>
  toldByBatch(logs, { id: BATCH, token, from: FROM, shares });

test('each recipient is told by the transfers before its event', () => {
  const logs = [
    transfer(FROM, address(1), 99n),
    transfer(FROM, TOKEN, 1n),
    result(0n, address(1), 100n, true),
    result(1n, address(2), 200n, false),
  ];
  assert.deepEqual(told(logs), [
    { moved: 99n, said: true },
    { moved: 0n, said: false },
  ]);
});

test('what a recipient has the contract say of itself is not heard', () => {
  const logs = [
    result(0n, address(1), 100n, false, address(1)),
    result(0n, address(1), 100n, true),
    result(1n, address(2), 200n, true),
  ];
  assert.deepEqual(toldByBatch(logs, { id: BATCH, token: undefined, from: FROM, shares }), [
    { moved: 100n, said: true },
    { moved: 200n, said: true },
  ]);
});

test('transfers of other tokens, of others and back do not count', () => {
  const logs = [
    transfer(FROM, address(1), 100n, address(7)),
    transfer(address(1), FROM, 100n),
    transfer(address(3), address(1), 100n),
    result(0n, address(1), 100n, true),
    transfer(FROM, address(2), 200n),
    result(1n, address(2), 200n, true),
  ];
  assert.deepEqual(
    told(logs)?.map(({ moved }) => moved),
    [0n, 200n],
  );
});

test('a batch whose events are not those that were planned says nothing', () => {
  assert.equal(told([result(0n, address(1), 100n, true)]), undefined);
  assert.equal(
    told([result(1n, address(2), 200n, true), result(0n, address(1), 100n, true)]),
    undefined,
  );
  assert.equal(
    told([result(0n, address(1), 99n, true), result(1n, address(2), 200n, true)]),
    undefined,
  );
});

test('each manner of a token ends in a state of its own', () => {
  const evidence = { amount: 100n, moved: 0n, said: true, payerKept: undefined } as const;
  const judged = (change: Partial<Parameters<typeof judgeTransfer>[0]>) =>
    judgeTransfer({ ...evidence, ...change }, '0xaa');
  assert.deepEqual(judged({ moved: 100n }), { event: 'moved', reference: '0xaa', received: 100n });
  assert.deepEqual(judged({ moved: 99n }), { event: 'moved', reference: '0xaa', received: 99n });
  assert.equal(judged({ said: false }).event, 'not_moved');
  assert.equal(judged({ payerKept: true }).event, 'not_moved');
  assert.equal(judged({ payerKept: false }).event, 'unproven');
  assert.equal(judged({}).event, 'unproven');
});
