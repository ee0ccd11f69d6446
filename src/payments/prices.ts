import { type Clock, type Instant, instant, type Timer } from '../base/clock.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import {
  basePrice,
  type FeedAnswer,
  inWei,
  type Price,
  type PricedCapability,
  type PriceTable,
  weiPerUnitOf,
} from './price.ts';
import { compare, type Rational } from './rational.ts';

/** Wire: go-livepeer core/autoconvertedprice.go, updated at every full hour. */
const REFRESH_MS = 60 * 60 * 1000;
/** A feed that does not answer is asked again so often, first after 30 s, then twice as late. */
const ATTEMPTS_MAX = 5;
const RETRY_MS = 30_000;
/**
 * How long a price that was replaced may still be paid: parameters live for 40 L1 blocks of 12 s, and
 * blocks can be late.
 */
export const OLD_PRICE_MS = 20 * 60 * 1000;

/** Prices as the operator wrote them. Keys as in {@link PriceTable}. */
export interface PriceSheet {
  readonly default: Price;
  readonly perGateway: ReadonlyMap<string, Price>;
  readonly perCapability: ReadonlyMap<string, Price>;
  readonly perGatewayCapability: ReadonlyMap<string, ReadonlyMap<string, Price>>;
}

/** One answer of a price feed; `updatedAt` in Unix seconds. */
export interface TimedFeedAnswer extends FeedAnswer {
  readonly updatedAt: bigint;
}

/** The prices of now, in wei. */
export interface Prices {
  current(): PriceTable;
  /**
   * The lowest price that was asked for this work lately: parameters that were offered for less are
   * meant for something else. Undefined while nothing can be said, shortly after a start.
   */
  least(sender: Uint8Array, capabilities?: readonly PricedCapability[]): Rational | undefined;
  /**
   * What other prices come to in wei, without asking them. Throws as {@link openPrices}.
   */
  inWei(sheet: PriceSheet): Promise<PriceTable>;
  /** Asks other prices from now on; what runs keeps its own. Throws as {@link openPrices}. */
  change(sheet: PriceSheet): Promise<void>;
  close(): void;
}

/** What prices are made from. */
export interface PricesParts {
  readonly sheet: PriceSheet;
  /** Needed when a price is in a currency. */
  readonly readFeed?: () => Promise<TimedFeedAnswer>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Converts prices into wei, and again every full hour while one is in a currency. Throws
 * `price_feed_failed` when the first conversion is not possible.
 */
export async function openPrices(parts: PricesParts): Promise<Prices> {
  const { clock, log, readFeed } = parts;
  let { sheet } = parts;
  let feed: TimedFeedAnswer | undefined;
  let timer: Timer | undefined;
  let closed = false;
  let table = await convert(sheet);
  const openedAt = clock.now();
  const replaced: { readonly table: PriceTable; readonly until: Instant }[] = [];

  async function convert(wanted: PriceSheet): Promise<PriceTable> {
    if (currenciesOf(wanted).size > 0 && !feed) {
      if (!readFeed) throw failed('a price in a currency needs a price feed');
      feed = await readFeed().catch((cause: unknown) => {
        throw failed('the price feed did not answer', cause);
      });
    }
    return tableOf(wanted, feed);
  }

  function use(next: PriceTable): void {
    const now = clock.now();
    while (replaced[0] && replaced[0].until < now) replaced.shift();
    replaced.push({ table, until: instant(now + OLD_PRICE_MS) });
    table = next;
  }

  async function refresh(attempt: number): Promise<void> {
    try {
      const answer = await readFeed?.();
      if (closed || !answer) return;
      // Only what is newer: providers may lag behind each other.
      if (!feed || answer.updatedAt > feed.updatedAt) {
        use(tableOf(sheet, answer));
        feed = answer;
      }
      schedule();
    } catch (error) {
      if (closed) return;
      log.warn('price_feed_failed', { attempt, error: codeOf(error) });
      if (attempt >= ATTEMPTS_MAX) return schedule();
      timer = clock.after(RETRY_MS * 2 ** (attempt - 1), () => void refresh(attempt + 1));
    }
  }

  function schedule(): void {
    timer?.cancel();
    if (closed || currenciesOf(sheet).size === 0) return;
    timer = clock.after(REFRESH_MS - (clock.now() % REFRESH_MS), () => void refresh(1));
  }
  schedule();

  return {
    current: () => table,
    least(sender, capabilities = []) {
      const now = clock.now();
      if (now - openedAt < OLD_PRICE_MS) return undefined;
      return [table, ...replaced.filter(({ until }) => until >= now).map((old) => old.table)]
        .map((each) => basePrice(each, sender, capabilities))
        .reduce((low, price) => (compare(price, low) < 0 ? price : low));
    },
    inWei: convert,
    async change(next) {
      use(await convert(next));
      sheet = next;
      schedule();
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}

function currenciesOf(sheet: PriceSheet): ReadonlySet<string> {
  const prices = [
    sheet.default,
    ...sheet.perGateway.values(),
    ...sheet.perCapability.values(),
    ...[...sheet.perGatewayCapability.values()].flatMap((prices) => [...prices.values()]),
  ];
  return new Set(prices.map(({ currency }) => currency).filter((name) => name !== 'wei'));
}

function tableOf(sheet: PriceSheet, feed: FeedAnswer | undefined): PriceTable {
  const convert = (price: Price): Rational => {
    const rate = feed && weiPerUnitOf(price.currency, feed);
    const converted = inWei(price, rate);
    if (converted) return converted;
    throw failed(`the price feed cannot convert ${price.currency}: it is not for ETH and that`);
  };
  const all = (prices: ReadonlyMap<string, Price>) =>
    new Map([...prices].map(([key, price]) => [key, convert(price)]));
  return {
    default: convert(sheet.default),
    perGateway: all(sheet.perGateway),
    perCapability: all(sheet.perCapability),
    perGatewayCapability: new Map(
      [...sheet.perGatewayCapability].map(([gateway, prices]) => [gateway, all(prices)]),
    ),
  };
}

function codeOf(error: unknown): string {
  return error instanceof TributaryError ? error.code : 'internal';
}

function failed(text: string, cause?: unknown): TributaryError {
  const reason = cause instanceof TributaryError ? `${text}: ${messageOf(cause)}` : text;
  return new TributaryError('price_feed_failed', reason, { cause });
}
