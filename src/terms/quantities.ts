import { type AssetId, isAssetId } from '../base/asset.ts';
import { parseDecimal } from './ratio.ts';
import type { AssetKind, Rate, RateBasis } from './terms.ts';

/** `AMOUNT ASSET per COUNT THING` or an amount with its asset, taken apart but not yet checked. */
export interface QuantityText {
  readonly amount: string;
  readonly asset: AssetId;
}

/** `0.5 ETH` as its two words; undefined for anything else. */
export function splitQuantity(text: string): QuantityText | undefined {
  const [amount = '', asset = '', ...more] = text.trim().split(/\s+/);
  if (more.length > 0 || !parseDecimal(amount) || !isAssetId(asset)) return undefined;
  return { amount, asset };
}

/** The words for what a rate counts; each may be in the plural. */
const THINGS = {
  pixel: 'pixel',
  job: 'job',
  segment: 'job',
  'source-second': 'source_second',
  'device-second': 'device_second',
  hour: 'hour',
} as const satisfies Record<string, RateBasis | 'hour'>;

export interface RateText extends QuantityText {
  readonly count: bigint;
  readonly per: RateBasis | 'hour';
}

/** `0.0004 ETH per 1e9 pixels`, `2 POINTS per job`; undefined for anything else. */
export function splitRate(text: string): RateText | undefined {
  const match = /^(.+?) per (?:(\S+) )?([a-z-]+?)s?$/.exec(text.trim().replace(/\s+/g, ' '));
  const quantity = match ? splitQuantity(match[1] as string) : undefined;
  const count = parseDecimal(match?.[2] ?? '1');
  const thing = match?.[3] ?? '';
  if (!quantity || !count || !Object.hasOwn(THINGS, thing)) return undefined;
  if (count.denominator !== 1n || count.numerator === 0n) return undefined;
  return { ...quantity, count: count.numerator, per: THINGS[thing as keyof typeof THINGS] };
}

/** A decimal in base units; undefined when it has more decimals than the asset. */
export function baseUnits(text: string, kind: AssetKind): bigint | undefined {
  const value = parseDecimal(text);
  if (!value) return undefined;
  const scaled = value.numerator * 10n ** BigInt(kind.decimals);
  return scaled % value.denominator === 0n ? scaled / value.denominator : undefined;
}

/** A rate in base units; the count grows where one thing is worth less than a base unit. */
export function rateOf(text: RateText, kind: AssetKind): Rate {
  const value = parseDecimal(text.amount) ?? { numerator: 0n, denominator: 1n };
  return {
    asset: text.asset,
    amount: value.numerator * 10n ** BigInt(kind.decimals),
    count: text.count * value.denominator * (text.per === 'hour' ? HOUR_MS : 1n),
  };
}
const HOUR_MS = 3_600_000n;
