import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hex } from 'viem';
import {
  type BrokerEvent,
  changeOf,
  mergeEvents,
  type RawLog,
  readLogs,
  redeemedBy,
  senderOf,
  watchedTopics,
} from './watch-events.ts';

const word = (value: number): Hex => `0x${value.toString(16).padStart(64, '0')}`;
const event = (block: number, index = 0, branch = 0): BrokerEvent => ({
  block: BigInt(block),
  blockHash: word(block * 16 + branch + 1),
  index,
  transaction: word(1_000 + block * 16 + index),
  topics: [watchedTopics[0] as Hex, word(0xabc)],
  data: word(1),
});
const address: Hex = `0x${'11'.repeat(20)}`;
const raw = (changes: Partial<RawLog> = {}): RawLog => ({
  address,
  blockNumber: '0x5',
  blockHash: word(5),
  logIndex: '0x0',
  transactionHash: word(6),
  topics: [watchedTopics[0] as Hex, word(0xabc)],
  data: word(1),
  ...changes,
});
const asked = { address, from: 1n, to: 9n };

test('a node that sends anything but what was asked for is not believed at all', () => {
  const [read] = readLogs([raw()], asked) ?? [];
  assert.equal(read && senderOf(read), 'abc'.padStart(40, '0'));
  for (const wrong of [
    raw({ address: `0x${'22'.repeat(20)}` }),
    raw({ blockNumber: '0xa' }),
    raw({ blockHash: word(0) }),
    raw({ transactionHash: null }),
    raw({ topics: [word(1), word(2)] }),
    raw({ topics: [watchedTopics[0] as Hex] }),
    raw({ data: '0xz' }),
  ]) {
    assert.equal(readLogs([raw(), wrong], asked), undefined);
  }
  assert.equal(readLogs(null as unknown as RawLog[], asked), undefined);
});

test('an event that is missing was undone only where the chain is another', () => {
  const known = [event(5), event(6), event(7)];
  const now = [event(5), event(7, 0, 1), event(8)];
  assert.deepEqual(changeOf(known, now, 8n), {
    added: [event(7, 0, 1), event(8)],
    removed: [],
  });
  assert.deepEqual(changeOf(known, now, 6n), {
    added: [event(7, 0, 1), event(8)],
    removed: [event(7), event(6)],
  });
});

test('of several answers, what all have is agreed and the rest is doubtful', () => {
  const merged = mergeEvents([[event(5), event(6)], [event(6)]]);
  assert.deepEqual(merged, { all: [event(5), event(6)], agreed: [event(6)], differ: true });
  assert.equal(mergeEvents([[event(5)], [event(5)]]).differ, false);
});

test('a redeemed ticket that no contract wrote like that is none', () => {
  assert.equal(redeemedBy(event(5), false), undefined);
  const topics = [watchedTopics[5] as Hex, word(1), word(2)];
  assert.equal(redeemedBy({ ...event(5), topics }, false), undefined);
});
