import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import type { Price, PriceTable } from './price.ts';
import {
  forgetSetPrice,
  loadSetPrices,
  PRICE_CHANGED,
  type PriceScope,
  type SetPrice,
  storeSetPrice,
} from './price-store.ts';
import { openPrices, type PriceSheet, type Prices, type PricesParts } from './prices.ts';
import type { Rational } from './rational.ts';

/** A price as it is asked now. */
export interface ListedPrice extends PriceScope {
  readonly price: Price;
  /** Wei per unit, before any adjustment. */
  readonly wei: Rational;
  /** Undefined: the settings say it. */
  readonly setAt: Instant | undefined;
  /** What the settings say for the same; undefined when they say nothing. */
  readonly settings: Price | undefined;
}

/** Prices that an operator changes while the pool runs. */
export interface PriceDesk {
  readonly prices: Prices;
  /** The price for everybody's video first. */
  list(): readonly ListedPrice[];
  /**
   * Asks another price from now on, on all nodes and after restarts, until it is set again or reset.
   * Sessions that pay by tickets keep theirs. Throws `price_feed_failed` when it cannot be converted.
   */
  set(scope: PriceScope, price: Price): Promise<void>;
  /** Back to what the settings say; false when nothing was set. */
  reset(scope: PriceScope): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Opens the prices of the settings with those on top that were set while a pool ran, and follows what
 * other nodes set. Throws as {@link openPrices}, and what the database throws.
 */
export async function openPriceDesk(
  parts: PricesParts & { readonly database: Database },
): Promise<PriceDesk> {
  const { database, log, sheet: settings } = parts;
  let set = await loadSetPrices(database);
  const prices = await openPrices({ ...parts, sheet: withSet(settings, set) });
  let last: Promise<unknown> = Promise.resolve();

  /** One at a time, so that an old reading cannot overwrite a newer one. */
  function inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = last.then(run);
    last = turn.catch(() => {});
    return turn;
  }

  async function take(): Promise<void> {
    const now = await loadSetPrices(database);
    if (textOf(now) === textOf(set)) return;
    await prices.change(withSet(settings, now));
    set = now;
  }

  function follow(): void {
    inTurn(take).catch((error: unknown) => {
      const code = error instanceof TributaryError ? error.code : 'internal';
      log.error('prices_not_taken', { code });
    });
  }
  const listening = await database.listen(PRICE_CHANGED, { message: follow, reconnected: follow });
  // What was set between the reading and the listening.
  follow();
  await last;

  return {
    prices,
    list: () => listed(settings, set, prices.current()),
    set: (scope, price) =>
      inTurn(async () => {
        const rest = set.filter((other) => !isSame(other, scope));
        await prices.inWei(withSet(settings, [...rest, { ...scope, price }]));
        await database.transact((tx) => storeSetPrice(tx, scope, price));
        await take();
      }),
    reset: (scope) =>
      inTurn(async () => {
        const known = await database.transact((tx) => forgetSetPrice(tx, scope));
        await take();
        return known;
      }),
    async close() {
      await listening.stop();
      await last;
      prices.close();
    },
  };
}

/** The prices of the settings, with others in their place or beside them. */
export function withSet(
  settings: PriceSheet,
  set: readonly (PriceScope & { readonly price: Price })[],
): PriceSheet {
  const perGateway = new Map(settings.perGateway);
  const perCapability = new Map(settings.perCapability);
  const perBoth = new Map(
    [...settings.perGatewayCapability].map(([gateway, own]) => [gateway, new Map(own)]),
  );
  let { default: all } = settings;
  for (const { gateway, capability, price } of set) {
    if (gateway === '' && capability === '') all = price;
    else if (capability === '') perGateway.set(gateway, price);
    else if (gateway === '') perCapability.set(capability, price);
    else perBoth.set(gateway, (perBoth.get(gateway) ?? new Map()).set(capability, price));
  }
  return { default: all, perGateway, perCapability, perGatewayCapability: perBoth };
}

function textOf(set: readonly SetPrice[]): string {
  return JSON.stringify(set, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}

function isSame(a: PriceScope, b: PriceScope): boolean {
  return a.gateway === b.gateway && a.capability === b.capability;
}

function listed(
  settings: PriceSheet,
  set: readonly SetPrice[],
  table: PriceTable,
): readonly ListedPrice[] {
  const weiOf = new Map(rows(table));
  const written = new Map(rows(settings));
  return rows(withSet(settings, set)).map(([name, price]) => {
    const scope = { gateway: name.slice(0, name.indexOf(' ')), capability: afterBlank(name) };
    return {
      ...scope,
      price,
      wei: weiOf.get(name) as Rational,
      setAt: set.find((one) => isSame(one, scope))?.setAt,
      settings: written.get(name),
    };
  });
}

/** All prices of a sheet or table, by gateway and capability with a blank between. */
function rows<T>(sheet: {
  readonly default: T;
  readonly perGateway: ReadonlyMap<string, T>;
  readonly perCapability: ReadonlyMap<string, T>;
  readonly perGatewayCapability: ReadonlyMap<string, ReadonlyMap<string, T>>;
}): readonly (readonly [string, T])[] {
  const { perGateway, perCapability, perGatewayCapability } = sheet;
  return [
    [' ', sheet.default],
    ...[...perCapability].map(([key, price]) => [` ${key}`, price] as const),
    ...[...perGateway].map(([gateway, price]) => [`${gateway} `, price] as const),
    ...[...perGatewayCapability].flatMap(([gateway, own]) =>
      [...own].map(([key, price]) => [`${gateway} ${key}`, price] as const),
    ),
  ];
}

function afterBlank(name: string): string {
  return name.slice(name.indexOf(' ') + 1);
}
