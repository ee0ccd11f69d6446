import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import { type Instant, instant } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Queryable } from '../database/transaction.ts';
import type { AssetKind, Conversion } from '../terms/terms.ts';
import type { PayoutChain } from './payout-chain.ts';
import type { Quoted, Recipient } from './plan-types.ts';
import { time } from './store.ts';

/** How far a source may be ahead of our clock before its time is taken for wrong. */
const AHEAD_MS_MAX = 5 * 60_000;

/** Reads a feed of prices; a part of the chain. */
export type FeedReader = Pick<PayoutChain, 'readFeed'>;

/**
 * The rate of each exchange of the terms, by `FROM>TO`, as its source says it now. Sources are
 * `chainlink:0x…`, a feed on chain, and `manual`, what the operator wrote down last.
 */
export async function quotesFor(
  from: Queryable,
  parts: {
    readonly conversions: readonly Conversion[];
    readonly assets: Readonly<Record<AssetId, AssetKind>>;
    readonly chain: FeedReader | undefined;
    readonly at: Instant;
  },
): Promise<Readonly<Record<string, Quoted>>> {
  const { conversions, assets, chain, at } = parts;
  const quoted = await Promise.all(
    conversions.map(async (conversion) => {
      const { from: owed, to, source } = conversion;
      const said = await ask(from, conversion, assets, chain).catch(
        (error: unknown): Quoted => unavailable(`${source}: ${messageOf(error)}`),
      );
      return [`${owed}>${to}`, aged(said, conversion, at)] as const;
    }),
  );
  return Object.fromEntries(quoted);
}

async function ask(
  from: Queryable,
  conversion: Conversion,
  assets: Readonly<Record<AssetId, AssetKind>>,
  chain: FeedReader | undefined,
): Promise<Quoted> {
  const { source, from: owed, to } = conversion;
  if (source === 'manual') return manualRate(from, owed, to);
  const [, feed] = /^chainlink:(0x[0-9a-fA-F]{40})$/.exec(source) ?? [];
  if (!feed) return unavailable(`${source} is no source of rates: chainlink:0x… or manual`);
  if (!chain) return unavailable(`${source} cannot be read off chain`);
  const answer = await chain.readFeed(feed.toLowerCase() as Recipient);
  return rateOf(conversion, assets, { ...answer, source });
}

/** One whole unit of the first costs `answer` of the second, by the description `ETH / USD`. */
export function rateOf(
  { from, to }: Pick<Conversion, 'from' | 'to'>,
  assets: Readonly<Record<AssetId, AssetKind>>,
  feed: {
    readonly description: string;
    readonly decimals: number;
    readonly answer: bigint;
    readonly updatedAt: bigint;
    readonly source: string;
  },
): Quoted {
  const [first = '', second = ''] = feed.description.split('/').map((word) => word.trim());
  const units = (asset: AssetId) => 10n ** BigInt(assets[asset]?.decimals ?? 0);
  if (feed.answer <= 0n) return unavailable(`${feed.source} says ${feed.answer}`);
  const scale = 10n ** BigInt(feed.decimals);
  const about = (text: string, asset: AssetId) => text !== '' && asset.startsWith(text);
  const price = `${feed.source}: ${feed.description} ${feed.answer} at ${feed.decimals} decimals`;
  const said = { source: price.slice(0, 200), at: instant(Number(feed.updatedAt) * 1_000) };
  if (about(first, from) && about(second, to)) {
    const numerator = feed.answer * units(to);
    return { ok: true, numerator, denominator: scale * units(from), ...said };
  }
  if (about(first, to) && about(second, from)) {
    const denominator = feed.answer * units(from);
    return { ok: true, numerator: scale * units(to), denominator, ...said };
  }
  return unavailable(`${feed.source} is about ${feed.description}, not about ${from} and ${to}`);
}

function aged(quoted: Quoted, { ageMinutesMax, source }: Conversion, at: Instant): Quoted {
  if (!quoted.ok) return quoted;
  const ageMs = at - quoted.at;
  if (ageMs <= ageMinutesMax * 60_000 && ageMs >= -AHEAD_MS_MAX) return quoted;
  const minutes = Math.floor(ageMs / 60_000);
  return {
    ok: false,
    reason: 'rate_old',
    text: `${source} is ${minutes} minutes old; the terms allow ${ageMinutesMax}`,
  };
}

function unavailable(text: string): Quoted {
  return { ok: false, reason: 'rate_unavailable', text };
}

/** A rate that the operator wrote down: whole units of `to` for one of `from`, as a fraction. */
export interface ManualRate {
  readonly from: AssetId;
  readonly to: AssetId;
  /** In base units. */
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly note: string;
  readonly at: Instant;
}

export async function storeManualRate(into: Queryable, rate: ManualRate): Promise<void> {
  await into.query(sql`
    insert into payout_rate (owed_asset, paid_asset, numerator, denominator, note, at)
    values (${rate.from}, ${rate.to}, ${rate.numerator}, ${rate.denominator}, ${rate.note},
      ${time(rate.at)})`);
}

async function manualRate(from: Queryable, owed: AssetId, to: AssetId): Promise<Quoted> {
  const { rows } = await from.query<{
    numerator: bigint;
    denominator: bigint;
    note: string;
    at: Instant;
  }>(sql`
    select numerator, denominator, note, at from payout_rate
    where owed_asset = ${owed} and paid_asset = ${to} order by number desc limit 1`);
  const [row] = rows;
  if (!row) return unavailable(`no rate from ${owed} to ${to} was written down`);
  const { numerator, denominator, note } = row;
  return { ok: true, numerator, denominator, source: `manual: ${note}`, at: instant(row.at) };
}
