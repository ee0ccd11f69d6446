import { showAsset } from '../../src/base/amounts.ts';
import { showCounted, showPixels } from '../../src/base/figures.ts';
import { showDecimal, showPercentage } from '../../src/terms/ratio.ts';
import type {
  EpochPeriod,
  Multiplier,
  PayoutModel,
  Penalty,
  Rate,
  RateBasis,
  Ratio,
  ShareBasis,
  Terms,
} from '../../src/terms/terms.ts';

// The terms of a pool as sentences. Every figure in them comes from the terms themselves.

/** What the pool leaves to those who do the work: `90 %`. */
export function workersShare({ commission }: Terms): string {
  return spaced(
    showPercentage({
      numerator: commission.denominator - commission.numerator,
      denominator: commission.denominator,
    }),
  );
}

/** `10 %`: as people read it. */
export function percent(value: Ratio): string {
  return spaced(showPercentage(value));
}

function spaced(text: string): string {
  return text.replace('%', '\u00a0%');
}

/** How often workers are paid: `every week`. */
export function payoutRhythm({ payouts }: Terms): string {
  const every = {
    round: 'every round of the protocol (about a day)',
    day: 'every day',
    week: 'every week',
    month: 'every month',
  }[payouts.every];
  return payouts.onDemand ? `${every}, and whenever you ask` : every;
}

/** `from 0.01 ETH on`; empty where there is no least amount. */
export function thresholdText(terms: Terms): string {
  const named = Object.entries(terms.payouts.thresholds).filter(([, least]) => least > 0n);
  return named.length === 0
    ? ''
    : `from ${list(
        named.map(([asset, least]) => amountText(terms, asset, least)),
        'or',
      )} on`;
}

/** An amount of an asset that the terms name. */
export function amountText({ assets }: Terms, asset: string, amount: bigint): string {
  const decimals = assets[asset as keyof typeof assets]?.decimals ?? 0;
  return showAsset(amount, asset, decimals);
}

/** How long an epoch is: `a week, from Monday 00:00 UTC`. */
export function epochText(epoch: EpochPeriod): string {
  if (epoch.period === 'round') {
    return epoch.rounds === 1n
      ? 'a round of the protocol'
      : `${epoch.rounds} rounds of the protocol`;
  }
  return epoch.period === 'day' ? 'a day, from 00:00 UTC' : 'a week, from Monday 00:00 UTC';
}

/** By what rule work becomes money, in a sentence. */
export function modelText(model: PayoutModel, terms: Terms): string {
  const left = `less the commission of ${percent(terms.commission)}`;
  switch (model.kind) {
    case 'per_segment':
      return `You get what gateways paid for your own segments, ${left}.`;
    case 'fixed_rate':
      return `You get ${rateText(model.rate, model.per, terms)}, whatever gateways pay. The reserve of the pool carries the difference.`;
    case 'proportional':
      return `The income of an epoch, ${left}, is shared by ${basisText(model.by)}.`;
    case 'sliding_window':
      return `The income of an epoch, ${left}, is shared over the last ${showPixels(model.units)} of work, of this epoch and up to ${model.epochsMax} before it.`;
    case 'retainer':
      return `You get ${rateText(model.rate, 'hour', terms)} for being there at least ${percent(model.uptimeMin)} of the time that you promised; the rest of the income, ${left}, is shared by ${basisText(model.by)}.`;
    case 'pool_token':
      return model.issue.kind === 'rate'
        ? `You get ${rateText(model.issue.rate, model.issue.per, terms)}.`
        : `Each epoch ${amountText(terms, model.asset, model.issue.amount)} is shared by ${basisText(model.issue.by)}.`;
  }
}

/** `0.0004 ETH for 1.00 Gpx`. */
export function rateText(given: Rate, per: RateBasis | 'hour', terms: Terms): string {
  const rate = per === 'pixel' ? perGigapixel(given) : given;
  const count = {
    pixel: () => showPixels(rate.count),
    source_second: () => seconds(rate.count, 'of video'),
    device_second: () => seconds(rate.count, 'of device time'),
    job: () => (rate.count === 1n ? 'each segment' : `${rate.count} segments`),
    hour: () => 'each hour',
  }[per]();
  return `${amountText(terms, rate.asset, rate.amount)} for ${count}`;
}

/** Terms keep rates in lowest terms; people compare them by the gigapixel, where that is exact. */
function perGigapixel(rate: Rate): Rate {
  const amount = rate.amount * GIGAPIXEL;
  return amount % rate.count === 0n
    ? { ...rate, amount: amount / rate.count, count: GIGAPIXEL }
    : rate;
}

const GIGAPIXEL = 10n ** 9n;

function seconds(milliseconds: bigint, what: string): string {
  return milliseconds === 1000n
    ? `each second ${what}`
    : `${Number(milliseconds) / 1000} s ${what}`;
}

/** What income is shared by. */
export function basisText(by: ShareBasis): string {
  return {
    units: 'the pixels that each worker encoded',
    device_time: 'the time for which each worker held tasks',
    jobs: 'the segments that each worker did',
  }[by];
}

/** `Work counts 1.1 times in region "eu".` */
export function multiplierText({ name, when, factor }: Multiplier): string {
  const where = {
    hardware_class: () => `on hardware of class "${'is' in when ? when.is : ''}"`,
    region: () => `in region "${'is' in when ? when.is : ''}"`,
    speed_percentile: () =>
      `for workers faster than ${'atLeast' in when ? when.atLeast : ''} % of the others`,
    member_epochs: () =>
      `for workers who have been here for ${showCounted('atLeast' in when ? when.atLeast : 0, 'epoch')}`,
  }[when.kind]();
  return `${name}: work counts ${showDecimal(factor)} times ${where}.`;
}

/** `1 % for each failed attempt beyond 5 in an epoch, at most 10 %.` */
export function penaltyText({ for: what, free, each, atMost }: Penalty): string {
  const event = {
    failed_attempts: 'failed attempt',
    failed_checks: 'failed check of a result',
    offline: 'percent of the promised time in which you were not there',
  }[what];
  const beyond = free === 0n ? '' : ` beyond ${free} in an epoch`;
  return `${percent(each)} of what you earned for each ${event}${beyond}, at most ${percent(atMost)}.`;
}

/** `1, 2 and 3`. */
export function list(words: readonly string[], join: 'and' | 'or' = 'and'): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${join} ${words.at(-1)}`;
}
