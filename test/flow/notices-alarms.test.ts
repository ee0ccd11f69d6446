import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { LPT } from '../../src/base/asset.ts';
import { FakeClock } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { startNotices } from '../../src/notices/notices.ts';
import type { PayoutChain } from '../../src/payouts/payout-chain.ts';
import type { Recipient } from '../../src/payouts/plan-types.ts';
import { watchBooks } from '../../src/payouts/watch.ts';
import { defaultTerms } from '../../src/terms/terms.ts';

const MINUTE = 60_000;
const clock = new FakeClock(Date.UTC(2026, 10, 21, 18, 5));
const scratch = await openScratch();
const { database } = scratch;
const treasury: Recipient = '0x00000000000000000000000000000000000000aa';
const token: Recipient = '0x00000000000000000000000000000000000000bb';
const terms = {
  ...defaultTerms,
  assets: { ...defaultTerms.assets, [LPT]: { kind: 'erc20', address: token, decimals: 18 } },
} as typeof defaultTerms;

/** A chain on which money moves without the pool, and that may not answer. */
const moved: Record<'ETH' | 'LPT', bigint> = { ETH: 0n, LPT: 0n };
let answers = true;
const chain = {
  finalBlock: async () => BigInt(clock.now()),
  async balanceAt(_: Recipient, of: Recipient | undefined) {
    if (!answers) throw new Error('no provider answers');
    return moved[of === undefined ? 'ETH' : 'LPT'];
  },
  moves: async () => [],
} as unknown as PayoutChain;

const watch = watchBooks({
  ...{ database, chain, treasury: [treasury], terms: async () => terms },
  ...{ clock, log: quiet, metrics: createMetrics() },
});
const notices = startNotices({
  ...{ database, clock, log: quiet, metrics: createMetrics() },
  key: new Uint8Array(32).fill(9),
  rules: {
    ...{ smtp: undefined, telegram: undefined, privateHosts: [] },
    offlineAfterMs: 3 * MINUTE,
  },
  ...{ terms: async () => terms, currentTerms: async () => terms, link: () => undefined },
  ...{ quarantined: () => [], alarms: watch.alarms },
});
after(async () => {
  await notices.close();
  await watch.close();
  await scratch[Symbol.asyncDispose]();
});
await watch.begin();

/** Looks each minute, as a running pool does; what was told meanwhile, the oldest first. */
let toldUntil = 0n;
async function minutes(count: number) {
  for (let minute = 0; minute < count; minute++) {
    clock.advance(MINUTE);
    await watch.look();
    await notices.settle();
  }
  const all = await notices.all({}, { before: undefined, limit: 100 });
  const fresh = all.filter(({ id }) => id > toldUntil).toReversed();
  toldUntil = all[0]?.id ?? toldUntil;
  return fresh;
}
const titles = async (count: number) => (await minutes(count)).map(({ title }) => title);
const DIFFER = 'The books do not agree';

test('books that do not agree are one notice until they do, whatever else turns up in them', async () => {
  assert.deepEqual(await titles(3), []);
  moved.ETH = -7n * 10n ** 15n;
  moved.LPT = 10n ** 18n;
  const [told, ...others] = await minutes(10);
  assert.deepEqual([told?.title, others], [DIFFER, []]);
  assert.match(told?.text ?? '', /treasury holds 0 ETH by the ledger, -?0\.007 ETH on chain\./);
  assert.match(told?.text ?? '', /treasury holds 0 LPT by the ledger, 1 LPT on chain\./);
  moved.ETH -= 10n ** 15n;
  assert.deepEqual(await titles(60), [], 'other figures of the same difference are no news');
  answers = false;
  assert.deepEqual(await titles(10), [], 'a chain that does not answer does not make it right');
  answers = true;
  assert.deepEqual(await titles(10), []);
});

test('what turns up in books that do not agree is told together, each half an hour at most', async () => {
  for (let turn = 0; turn < 12; turn++) {
    moved.LPT = turn % 2 === 0 ? 0n : 10n ** 18n;
    const told = await titles(5);
    // The first is told at once, since the last notice is older than that.
    assert.deepEqual(told, turn % 6 === 0 ? [`Changed: ${DIFFER}`] : [], `turn ${turn}`);
  }
});

test('what comes and goes all the time is not told each time that it does', async () => {
  await minutes(60);
  moved.ETH = moved.LPT = 0n;
  assert.deepEqual(await titles(6), [`Over: ${DIFFER}`]);
  await minutes(60);
  const told: string[] = [];
  for (let turn = 0; turn < 6; turn++) {
    moved.ETH = turn % 2 === 0 ? 1n : 0n;
    told.push(...(await titles(10)));
  }
  assert.deepEqual(told, [DIFFER, `Over: ${DIFFER}`, DIFFER, `Over: ${DIFFER}`]);
});
