import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { quiet } from '../base/log.ts';
import { type Price, parsePrice } from './price.ts';
import { OLD_PRICE_MS, openPrices, type PriceSheet, type TimedFeedAnswer } from './prices.ts';
import { rational } from './rational.ts';

const HOUR_MS = 3_600_000;
const gateway = Buffer.alloc(20, 9);

function priced(text: string): Price {
  const outcome = parsePrice(text);
  assert.ok(outcome.ok);
  return outcome.price;
}

function sheet(text: string, changes: Partial<PriceSheet> = {}): PriceSheet {
  return {
    default: priced(text),
    perGateway: new Map(),
    perCapability: new Map(),
    perGatewayCapability: new Map(),
    ...changes,
  };
}

/** ETH at so many dollars, as a feed with 8 decimals says it. */
function feedAt(dollars: bigint, updatedAt: bigint): TimedFeedAnswer {
  return { description: 'ETH / USD', decimals: 8, answer: dollars * 10n ** 8n, updatedAt };
}

/** Lets what a timer began come to its end. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a price in dollars follows the feed at every full hour', async () => {
  const clock = new FakeClock();
  let answer = feedAt(2_000n, 1n);
  const parts = { sheet: sheet('2USD per 1e12 pixels'), clock, log: quiet };
  const prices = await openPrices({ ...parts, readFeed: async () => answer });
  assert.deepEqual(prices.current().default, rational(1_000n));

  answer = feedAt(4_000n, 2n);
  clock.advance(HOUR_MS - (clock.now() % HOUR_MS) - 1);
  await settled();
  assert.deepEqual(prices.current().default, rational(1_000n));
  clock.advance(1);
  await settled();
  assert.deepEqual(prices.current().default, rational(500n));
  prices.close();
});

test('an older answer changes nothing', async () => {
  const clock = new FakeClock();
  let answer = feedAt(2_000n, 5n);
  const parts = { sheet: sheet('2USD per 1e12 pixels'), clock, log: quiet };
  const prices = await openPrices({ ...parts, readFeed: async () => answer });
  answer = feedAt(4_000n, 4n);
  clock.advance(HOUR_MS);
  await settled();
  assert.deepEqual(prices.current().default, rational(1_000n));
  prices.close();
});

test('a feed that is away is asked again five times, and the price stays', async () => {
  const clock = new FakeClock();
  let asked = 0;
  const parts = { sheet: sheet('2USD per 1e12 pixels'), clock, log: quiet };
  const prices = await openPrices({
    ...parts,
    async readFeed() {
      asked += 1;
      if (asked > 1) throw new TributaryError('rpc_unavailable', 'away');
      return feedAt(2_000n, 1n);
    },
  });
  clock.advance(HOUR_MS - (clock.now() % HOUR_MS));
  for (let minute = 0; minute < 30; minute++) {
    await settled();
    clock.advance(60_000);
  }
  assert.equal(asked, 1 + 5);
  assert.deepEqual(prices.current().default, rational(1_000n));
  prices.close();
});

test('a pool does not start on a price that nobody can convert', async () => {
  const clock = new FakeClock();
  const open = (text: string, readFeed?: () => Promise<TimedFeedAnswer>) =>
    openPrices({ sheet: sheet(text), clock, log: quiet, ...(readFeed ? { readFeed } : {}) });
  const failed = { code: 'price_feed_failed' };
  await assert.rejects(open('1USD'), failed);
  await assert.rejects(
    open('1EUR', async () => feedAt(2_000n, 1n)),
    failed,
  );
  await assert.rejects(
    open('1USD', async () => ({ ...feedAt(2_000n, 1n), answer: 0n })),
    failed,
  );
  const silent = async () => {
    throw new TributaryError('rpc_unavailable', 'away');
  };
  await assert.rejects(open('1USD', silent), failed);
});

test('what was asked minutes ago may still be promised, what was asked before that not', async () => {
  const clock = new FakeClock();
  const prices = await openPrices({ sheet: sheet('100wei'), clock, log: quiet });
  assert.equal(prices.least(gateway), undefined, 'what was asked before the start is not known');
  clock.advance(OLD_PRICE_MS);
  await prices.change(sheet('300wei'));
  await prices.change(sheet('200wei'));
  assert.deepEqual(prices.current().default, rational(200n));
  assert.deepEqual(prices.least(gateway), rational(100n));
  clock.advance(OLD_PRICE_MS + 1);
  assert.deepEqual(prices.least(gateway), rational(200n));
  prices.close();
});

test('a gateway with a price of its own is asked that', async () => {
  const clock = new FakeClock();
  const perGateway = new Map([[gateway.toString('hex'), priced('7wei')]]);
  const own = sheet('100wei', { perGateway });
  const prices = await openPrices({ sheet: own, clock, log: quiet });
  assert.deepEqual(prices.current().perGateway.get(gateway.toString('hex')), rational(7n));
  clock.advance(OLD_PRICE_MS);
  assert.deepEqual(prices.least(gateway), rational(7n));
  assert.deepEqual(prices.least(Buffer.alloc(20, 1)), rational(100n));
});
