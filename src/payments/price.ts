import { hex } from '../base/bytes.ts';
import {
  add,
  compare,
  divide,
  floor,
  multiply,
  ONE,
  parseDecimal,
  type Rational,
  rational,
  ZERO,
} from './rational.ts';

/** PriceInfo has two int64. */
const INT64_MAX = 2n ** 63n - 1n;
/** Automatic adjustment keeps three decimals, so that prices stay short on the wire. */
const FIXED_POINT = 1000n;
const WEI_PER_ETH = 10n ** 18n;
/** Longest price a person writes. */
const PRICE_CHARS_MAX = 200;
/** A gateway stops paying when the price is above so many times the first of its session. */
const INCREASE_MAX = 2n;

/** A price as the operator wrote it: exact, in wei or in a currency. */
export interface Price {
  /** Of {@link currency}, for one pixel (or another unit of work). */
  readonly perUnit: Rational;
  /** `wei`, or a code such as `USD` that a price feed converts. */
  readonly currency: string;
}

/** A price, or what to correct about its text. */
export type PriceOutcome =
  | { readonly ok: true; readonly price: Price }
  | { readonly ok: false; readonly reason: 'malformed' | 'no_units' };

const PRICE =
  /^(?<amount>[0-9][0-9.eE+-]*?)\s*(?<currency>[A-Za-z][A-Za-z0-9]*)?(?:\s+per\s+(?:(?<units>[0-9][0-9.eE+]*)(?:\s+(?:pixels?|units?))?|pixel|unit))?$/;

/**
 * Reads `1000wei`, `0.05USD per 1e12 pixels`, `0.000001eth per 1e9 pixels`; no currency is wei.
 * go-livepeer's form (amount and currency per pixel) is the same without the `per`.
 */
export function parsePrice(text: string): PriceOutcome {
  const match = text.length <= PRICE_CHARS_MAX ? PRICE.exec(text.trim()) : null;
  const { amount: amountText, currency = 'wei', units: unitsText } = match?.groups ?? {};
  const amount = amountText === undefined ? undefined : parseDecimal(amountText);
  const units = unitsText === undefined ? ONE : parseDecimal(unitsText);
  if (!amount || !units || units.denominator !== 1n) return { ok: false, reason: 'malformed' };
  if (units.numerator === 0n) return { ok: false, reason: 'no_units' };
  const perUnit = divide(amount, units);
  const unit = currency.toLowerCase();
  if (unit === 'wei') return { ok: true, price: { perUnit, currency: 'wei' } };
  if (unit === 'eth') {
    return {
      ok: true,
      price: { perUnit: multiply(perUnit, rational(WEI_PER_ETH)), currency: 'wei' },
    };
  }
  return { ok: true, price: { perUnit, currency: currency.toUpperCase() } };
}

/** A price as a person would write it, exactly: {@link parsePrice} reads it. */
export function showPrice({ perUnit: { numerator, denominator }, currency }: Price): string {
  const amount = `${numerator}${currency}`;
  return denominator === 1n ? amount : `${amount} per ${denominator} pixels`;
}

/** What a Chainlink aggregator answered. */
export interface FeedAnswer {
  /** `description()`, for instance `ETH / USD`. */
  readonly description: string;
  readonly decimals: number;
  /** `latestRoundData().answer`. */
  readonly answer: bigint;
}

/** Decimals of Chainlink's feeds are 8 or 18. */
const FEED_DECIMALS_MAX = 36;

/**
 * Wei for one unit of a currency; undefined when the feed is about something else or answers
 * nonsense. Wire: go-livepeer core/autoconvertedprice.go.
 */
export function weiPerUnitOf(currency: string, feed: FeedAnswer): Rational | undefined {
  const { decimals, answer } = feed;
  if (answer <= 0n || !Number.isInteger(decimals)) return undefined;
  if (decimals < 0 || decimals > FEED_DECIMALS_MAX) return undefined;
  const [base, quote, ...rest] = feed.description.split('/').map((side) => side.trim());
  if (rest.length > 0) return undefined;
  const rate = rational(answer, 10n ** BigInt(decimals));
  const wanted = currency.toUpperCase();
  const ether = rational(WEI_PER_ETH);
  if (base?.toUpperCase() === 'ETH' && quote?.toUpperCase() === wanted) return divide(ether, rate);
  if (base?.toUpperCase() === wanted && quote?.toUpperCase() === 'ETH') {
    return multiply(ether, rate);
  }
  return undefined;
}

/** Wei per pixel of a price. `weiPerUnit` is {@link weiPerUnitOf} its currency. */
export function inWei(price: Price, weiPerUnit: Rational | undefined): Rational | undefined {
  if (price.currency === 'wei') return price.perUnit;
  return weiPerUnit && multiply(price.perUnit, weiPerUnit);
}

/** What the operator asks, wei per unit. A price that is missing is 0. */
export interface PriceTable {
  readonly default: Rational;
  /** By address, 40 lower-case hex digits. */
  readonly perGateway: ReadonlyMap<string, Rational>;
  /** By {@link capabilityKey}, for every gateway that has none of its own. */
  readonly perCapability: ReadonlyMap<string, Rational>;
  /** By address, then by {@link capabilityKey}. */
  readonly perGatewayCapability: ReadonlyMap<string, ReadonlyMap<string, Rational>>;
}

/** A capability's number and the model that it is asked with. */
export interface PricedCapability {
  readonly capability: number;
  readonly model: string;
}

export function capabilityKey({ capability, model }: PricedCapability): string {
  return `${capability}_${model}`;
}

/**
 * The price before any adjustment: the sum over the asked capabilities, else the price of
 * transcoding. Wire: go-livepeer core/orchestrator.go:priceInfo.
 */
export function basePrice(
  table: PriceTable,
  sender: Uint8Array,
  capabilities: readonly PricedCapability[] = [],
): Rational {
  const gateway = hex(sender);
  const own = table.perGatewayCapability.get(gateway);
  const sum = capabilities
    .map(capabilityKey)
    .map((key) => own?.get(key) ?? table.perCapability.get(key) ?? ZERO)
    .reduce(add, ZERO);
  if (sum.numerator > 0n) return sum;
  return table.perGateway.get(gateway) ?? table.default;
}

/**
 * A price with the gas of redemption in it: 1 % more as long as a ticket pays for a hundred
 * redemptions, and more when its face value is squeezed. Truncated to three decimals.
 * Wire: go-livepeer common/util.go:PriceToFixed.
 */
export function adjustedPrice(base: Rational, txCostMultiplier: Rational): Rational {
  if (base.numerator === 0n || txCostMultiplier.numerator === 0n) return fixedPoint(base);
  const overhead = add(ONE, divide(ONE, txCostMultiplier));
  return fixedPoint(multiply(base, overhead));
}

function fixedPoint({ numerator, denominator }: Rational): Rational {
  const thousandths = (numerator * FIXED_POINT) / denominator;
  return rational(thousandths > INT64_MAX ? INT64_MAX : thousandths, FIXED_POINT);
}

/** Which price a session is offered. */
export interface PriceQuestion {
  /** The price of the session's first payment with tickets: it keeps it. */
  readonly fixed: Rational | undefined;
  readonly base: Rational;
  readonly adjust: boolean;
  readonly txCostMultiplier: Rational;
}

/** The price to offer; one that was fixed does not change under a running session. */
export function offeredPrice(question: PriceQuestion): Rational {
  if (question.fixed) return question.fixed;
  if (!question.adjust) return question.base;
  return adjustedPrice(question.base, question.txCostMultiplier);
}

/**
 * The two int64 of a PriceInfo; what does not fit is rounded down to whole wei per unit.
 * Wire: go-livepeer common/util.go:PriceToInt64.
 */
export function priceTerms(price: Rational): {
  readonly pricePerUnit: bigint;
  readonly pixelsPerUnit: bigint;
} {
  if (price.numerator <= INT64_MAX && price.denominator <= INT64_MAX) {
    return { pricePerUnit: price.numerator, pixelsPerUnit: price.denominator };
  }
  const whole = floor(price);
  return { pricePerUnit: whole > INT64_MAX ? INT64_MAX : whole, pixelsPerUnit: 1n };
}

/** Whether gateways would refuse to go on. Wire: go-livepeer server/segment_rpc.go. */
export function hasMoreThanDoubled(first: Rational, now: Rational): boolean {
  return compare(now, multiply(first, rational(INCREASE_MAX))) > 0;
}
