import { amount, isAssetId } from '../base/asset.ts';
import type { ModelText, TermsFile } from './document.ts';
import { earnedAssets, modelFaults } from './model-faults.ts';
import { baseUnits } from './quantities.ts';
import {
  addRatios,
  compareRatios,
  parsePercentage,
  RATIO_ONE,
  RATIO_ZERO,
  showPercentage,
} from './ratio.ts';
import { assetsIn } from './read.ts';
import type { AssetKind, Ratio } from './terms.ts';

/** Where in terms something stands: keys, and places in lists from 0. */
export type Path = readonly (string | number)[];

/** What is wrong at a key, and what would be allowed, as the end of a sentence about it. */
export interface Fault {
  readonly path: Path;
  readonly text: string;
}

/** What a rule over the whole file sees. */
export interface Looked {
  readonly file: TermsFile;
  readonly assets: Readonly<Record<string, AssetKind>>;
}

const DAYS = { round: 1, day: 1, week: 7, month: 31 } as const;

/** Everything in a file that does not add up, though each key by itself is well formed. */
export function faultsOf(file: TermsFile): readonly Fault[] {
  const looked: Looked = { file, assets: assetsIn(file) };
  return [
    ...symbolFaults(looked),
    ...epochFaults(looked),
    ...modelFaults(looked, file.model, ['model']),
    ...multiplierFaults(looked),
    ...penaltyFaults(looked),
    ...groupFaults(looked),
    ...payoutFaults(looked),
    ...thresholdFaults(looked),
  ];
}

/** What is allowed, but may not be what was meant. */
export function remarksOf(file: TermsFile): readonly Fault[] {
  const remarks: Fault[] = [];
  const { model, payouts, epoch, groups } = file;
  const takesNone: readonly ModelText['kind'][] = ['fixed-rate', 'pool-token'];
  if (takesNone.includes(model.kind) && parsePercentage(file.commission)?.numerator !== 0n) {
    remarks.push({
      path: ['commission'],
      text: `is not taken under "${model.kind}": workers get the full rate, the pool's reserve what is left`,
    });
  }
  if (DAYS[payouts.every] < DAYS[epoch.period]) {
    remarks.push({
      path: ['payouts', 'every'],
      text: `is more often than the epoch: what is earned becomes payable once per ${epoch.period}`,
    });
  }
  const shares = sumOf(groups.map((group) => group['income-share']));
  if (compareRatios(shares, RATIO_ONE) === 0) {
    remarks.push({
      path: ['groups'],
      text: 'have all of the income: a worker that is in none of them earns nothing',
    });
  }
  return remarks;
}

function symbolFaults({ file }: Looked): Fault[] {
  return Object.keys(file.assets)
    .filter((symbol) => !isAssetId(symbol) || symbol === 'ETH' || symbol === 'LPT')
    .map((symbol) => ({
      path: ['assets', symbol],
      text: isAssetId(symbol)
        ? 'needs no description: it is known, and cannot be described otherwise'
        : 'is not a symbol: it must be up to 12 capital letters and digits',
    }));
}

function epochFaults({ file: { epoch } }: Looked): Fault[] {
  if (epoch.rounds === undefined || epoch.period === 'round') return [];
  return [{ path: ['epoch', 'rounds'], text: 'is only for period = "round"' }];
}

const CONDITIONS = ['hardware-class', 'region', 'speed-percentile', 'member-epochs'] as const;

function multiplierFaults({ file }: Looked): Fault[] {
  return file.multipliers.flatMap((each, index) => {
    const given = CONDITIONS.filter((key) => each[key] !== undefined);
    if (given.length === 1) return [];
    const text = given.length === 0 ? 'has no condition' : `has ${given.length} conditions`;
    return [
      {
        path: ['multipliers', index],
        text: `"${each.name}" ${text}: it must have one of ${CONDITIONS.join(', ')}`,
      },
    ];
  });
}

function penaltyFaults({ file: { penalties } }: Looked): Fault[] {
  const faults: Fault[] = [];
  const seen = new Set<string>();
  for (const [index, rule] of penalties.rules.entries()) {
    const path = ['penalties', 'rules', index];
    if (seen.has(rule.for)) faults.push({ path, text: `is a second rule for ${rule.for}` });
    seen.add(rule.for);
    if (compareRatios(ratioIn(rule.each), ratioIn(rule['at-most'])) > 0) {
      faults.push({
        path: [...path, 'each'],
        text: `cannot be ${rule.each}: it is more than at-most = "${rule['at-most']}"`,
      });
    }
  }
  const sum = sumOf(penalties.rules.map((rule) => rule['at-most']));
  if (compareRatios(sum, RATIO_ONE) > 0) {
    faults.push({
      path: ['penalties'],
      text: `could take ${showPercentage(sum)} of what was earned: the at-most of all rules may add up to 100%`,
    });
  }
  return faults;
}

function groupFaults(looked: Looked): Fault[] {
  const { groups, model } = looked.file;
  const faults: Fault[] = [];
  const names = new Set<string>();
  const members = new Map<string, string>();
  for (const [index, group] of groups.entries()) {
    const path = ['groups', index];
    if (names.has(group.name)) {
      faults.push({ path: [...path, 'name'], text: `"${group.name}" is there twice` });
    }
    names.add(group.name);
    const ways = (['members', 'hardware-class', 'region'] as const).filter((key) => group[key]);
    if (ways.length === 0 || group.members?.length === 0) {
      const text = `"${group.name}" has no members: list worker ids in members, or give hardware-class or region`;
      faults.push({ path, text });
    } else if (ways.length > 1) {
      faults.push({ path, text: `"${group.name}" has ${ways.join(' and ')}: one must do` });
    }
    for (const member of group.members ?? []) {
      const other = members.get(member);
      if (other) {
        const text = `has ${member}, who is in "${other}" already`;
        faults.push({ path: [...path, 'members'], text });
      }
      members.set(member, group.name);
    }
    if (group.model) {
      faults.push(...modelFaults(looked, group.model, [...path, 'model']));
    }
    const isApart = group.model || group['income-share'];
    const slides = [model, group.model].some((each) => each?.kind === 'sliding-window');
    if (isApart && slides) {
      const text = `"${group.name}" cannot have a model or an income-share of its own: a sliding window counts all workers together`;
      faults.push({ path, text });
    }
  }
  return [...faults, ...shareFaults(looked)];
}

/** Either every group that is settled apart has a share of the income, or none has. */
function shareFaults({ file: { groups } }: Looked): Fault[] {
  const apart = groups.filter((group) => group.model || group['income-share']);
  const shares = apart.map((group) => group['income-share']);
  const sum = sumOf(shares);
  if (compareRatios(sum, RATIO_ONE) > 0) {
    const text = `have ${showPercentage(sum)} of the income together: their income-share may add up to 100%`;
    return [{ path: ['groups'], text }];
  }
  if (!shares.some(Boolean) || shares.every(Boolean)) return [];
  return groups.flatMap((group, index) =>
    group.model && !group['income-share']
      ? [
          {
            path: ['groups', index, 'income-share'],
            text: `is missing for "${group.name}": other groups have one, so each with a model of its own must`,
          },
        ]
      : [],
  );
}

/** What payouts can ask for a rate: what the operator wrote down, or a feed on chain. */
const SOURCE = /^(manual|chainlink:0x[0-9a-fA-F]{40})$/;

function payoutFaults({ file: { payouts }, assets }: Looked): Fault[] {
  const faults: Fault[] = [];
  const known = Object.keys(assets).join(', ');
  const unknown = (path: Path, symbol: string) => {
    if (!Object.hasOwn(assets, symbol)) {
      const text = `is ${symbol}, an unknown asset: terms know ${known}; describe it under [assets.${symbol}]`;
      faults.push({ path, text });
    }
  };
  for (const [index, symbol] of payouts.assets.entries()) {
    unknown(['payouts', 'assets', index], symbol);
    if (assets[symbol]?.kind === 'points') {
      const text = `has ${symbol}: points exist in the books alone and cannot be sent`;
      faults.push({ path: ['payouts', 'assets', index], text });
    }
  }
  for (const [index, each] of payouts.conversions.entries()) {
    const path = ['payouts', 'conversions', index];
    unknown([...path, 'from'], each.from);
    unknown([...path, 'to'], each.to);
    if (each.from === each.to) faults.push({ path, text: `is from ${each.from} to itself` });
    if (!SOURCE.test(each.source)) {
      const text = `is "${each.source}", which is no source of rates: it must be "manual", or "chainlink:0x…" with the address of a feed`;
      faults.push({ path: [...path, 'source'], text });
    }
  }
  const latest = payouts['latest-days'];
  if (latest !== undefined && latest < DAYS[payouts.every]) {
    const text = `cannot be ${latest}: with every = "${payouts.every}" it must be ${DAYS[payouts.every]} or more`;
    faults.push({ path: ['payouts', 'latest-days'], text });
  }
  return faults;
}

/** Thresholds that nobody can ever reach, and earnings that can never be paid. */
function thresholdFaults(looked: Looked): Fault[] {
  const { file, assets } = looked;
  const { payouts } = file;
  const faults: Fault[] = [];
  const earned = earnedAssets(looked);
  const payable = new Set<string>(payouts.assets);
  for (const [symbol, text] of Object.entries(payouts.thresholds)) {
    const path = ['payouts', 'thresholds', symbol];
    const kind = Object.hasOwn(assets, symbol) ? assets[symbol] : undefined;
    if (!kind) {
      faults.push({
        path,
        text: `is for an unknown asset: terms know ${Object.keys(assets).join(', ')}`,
      });
      continue;
    }
    const units = baseUnits(text, kind);
    if (units === undefined) {
      faults.push({ path, text: `has more decimals than the ${kind.decimals} of ${symbol}` });
    } else if (!isReachable(units, symbol)) {
      faults.push({
        path,
        text: `can never be reached: there is not so much ${symbol} in the world`,
      });
    }
    if (!payable.has(symbol)) {
      const text = `can never be reached: ${symbol} is not among payouts.assets`;
      faults.push({ path, text });
    }
  }
  // An unknown asset is a fault of its own; what follows from it is not said again.
  if ([...earned].some((symbol) => !Object.hasOwn(assets, symbol))) return faults;
  for (const [index, symbol] of payouts.assets.entries()) {
    if (earned.has(symbol) || !Object.hasOwn(assets, symbol)) continue;
    const from = payouts.conversions.filter(({ to }) => to === symbol).map(({ from }) => from);
    if (from.some((other) => earned.has(other))) continue;
    const text = `has ${symbol}, whose threshold can never be reached: under these terms workers earn ${[...earned].join(', ')}, and no conversion leads to ${symbol}`;
    faults.push({ path: ['payouts', 'assets', index], text });
  }
  for (const symbol of earned) {
    const to = payouts.conversions.filter(({ from }) => from === symbol).map(({ to }) => to);
    const isPaid = payable.has(symbol) || to.some((other) => payable.has(other));
    if (isPaid || assets[symbol]?.kind === 'points') continue;
    const text = `lacks ${symbol}, which workers earn under these terms: it could never be paid`;
    faults.push({ path: ['payouts', 'assets'], text });
  }
  return faults;
}

/** More than there is of ETH or LPT (both far below 10^9), or than books can hold. */
const SUPPLY_MAX = 10n ** 9n * 10n ** 18n;

function isReachable(units: bigint, symbol: string): boolean {
  if (symbol === 'ETH' || symbol === 'LPT') return units <= SUPPLY_MAX;
  try {
    return amount(units) === units;
  } catch {
    return false; // more than an account can hold
  }
}

function ratioIn(text: string): Ratio {
  return parsePercentage(text) ?? RATIO_ZERO;
}

function sumOf(shares: readonly (string | undefined)[]): Ratio {
  return shares.reduce((sum, share) => (share ? addRatios(sum, ratioIn(share)) : sum), RATIO_ZERO);
}
