import { z } from 'zod';
import { isAssetId } from '../base/asset.ts';
import { splitRate } from './quantities.ts';
import { compareRatios, parseDecimal, parsePercentage, RATIO_ONE } from './ratio.ts';

/** Longest name of anything in terms. */
const NAME_CHARS_MAX = 64;
/** Longest remark for people. */
const NOTE_CHARS_MAX = 2_000;
/** Enough for any list of rules; terms stay something that a person reads. */
const RULES_MAX = 32;
/** Workers named in one group; a fact about them has no such limit. */
const MEMBERS_MAX = 5_000;
const DAYS_MAX = 3_650;

/** Text that passes a test; the message of a fault is what is allowed instead. */
function textLike(allowed: string, isAllowed: (text: string) => boolean) {
  return z.string({ error: allowed }).refine(isAllowed, { error: allowed });
}

function oneOf<const T extends readonly string[]>(...words: T) {
  return z.enum(words, { error: `one of ${words.map((word) => `"${word}"`).join(', ')}` });
}

function whole(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

const isShare = (text: string) => {
  const value = parsePercentage(text);
  return value !== undefined && compareRatios(value, RATIO_ONE) <= 0;
};
const percentage = textLike('a percentage from "0%" to "100%"', isShare);
const positivePercentage = textLike(
  'a percentage above "0%", up to "100%"',
  (text) => isShare(text) && parsePercentage(text)?.numerator !== 0n,
);
const decimal = textLike('a number in quotes, such as "0.01"', (text) => !!parseDecimal(text));
const positive = (example: string) =>
  textLike(
    `a number above 0 in quotes, such as "${example}"`,
    (text) => (parseDecimal(text)?.numerator ?? 0n) > 0n,
  );
const wholeText = textLike(
  'a whole number above 0 in quotes, such as "1e15"',
  (text) => parseDecimal(text)?.denominator === 1n && parseDecimal(text)?.numerator !== 0n,
);
const name = textLike(
  `1 to ${NAME_CHARS_MAX} characters`,
  (text) => text.trim().length > 0 && text.length <= NAME_CHARS_MAX,
);
const note = textLike(
  `up to ${NOTE_CHARS_MAX} characters`,
  (text) => text.length <= NOTE_CHARS_MAX,
);
const asset = textLike('the symbol of an asset, such as "ETH"', isAssetId);
const rate = textLike(
  'a rate such as "0.0004 ETH per 1e9 pixels" (pixels, jobs, source-seconds, device-seconds)',
  (text) => splitRate(text) !== undefined && splitRate(text)?.per !== 'hour',
);
const hourlyRate = textLike(
  'a rate such as "0.0001 ETH per hour"',
  (text) => splitRate(text)?.per === 'hour',
);
const by = oneOf('units', 'device-time', 'jobs');
const list = <T extends z.ZodType>(each: T, max = RULES_MAX) => {
  const error = `a list of up to ${max}`;
  return z.array(each, { error }).max(max, { error });
};
const table = 'a table of keys';

const perSegment = z.strictObject({ kind: z.literal('per-segment') });
const fixedRate = z.strictObject({ kind: z.literal('fixed-rate'), rate });
const proportional = z.strictObject({ kind: z.literal('proportional'), by: by.default('units') });
const slidingWindow = z.strictObject({
  kind: z.literal('sliding-window'),
  units: wholeText,
  'epochs-max': whole(1, 520).default(52),
});
const retainer = z.strictObject({
  kind: z.literal('retainer'),
  rate: hourlyRate,
  'uptime-min': percentage.default('95%'),
  by: by.default('units'),
});
const poolToken = z.strictObject({
  kind: z.literal('pool-token'),
  asset,
  rate: rate.optional(),
  'per-epoch': positive('1000').optional(),
  by: by.optional(),
});

const model = z.discriminatedUnion(
  'kind',
  [perSegment, fixedRate, proportional, slidingWindow, retainer, poolToken],
  {
    error: (issue) =>
      issue.code === 'invalid_union'
        ? 'one of "per-segment", "fixed-rate", "proportional", "sliding-window", "retainer", "pool-token"'
        : 'a table with its kind, such as { kind = "proportional" }',
  },
);

const holdback = z.strictObject(
  { share: positivePercentage, epochs: whole(1, 520) },
  { error: table },
);

const multiplier = z.strictObject(
  {
    name,
    'hardware-class': name.optional(),
    region: name.optional(),
    'speed-percentile': whole(1, 100).optional(),
    'member-epochs': whole(1, 10_000).optional(),
    factor: textLike('a number in quotes above 0, up to 100, such as "1.1"', (text) => {
      const value = parseDecimal(text);
      return (
        value !== undefined && value.numerator > 0n && value.numerator <= value.denominator * 100n
      );
    }),
  },
  { error: table },
);

const penalty = z.strictObject(
  {
    for: oneOf('failed-attempts', 'failed-checks', 'offline'),
    free: whole(0, 1_000_000).default(0),
    each: positivePercentage,
    'at-most': positivePercentage,
  },
  { error: table },
);

const group = z.strictObject(
  {
    name: textLike(
      'a name of small letters, digits and dashes other than "default"',
      (text) => /^[a-z][a-z0-9-]{0,31}$/.test(text) && text !== 'default',
    ),
    members: list(
      textLike('the id of a worker, of ten characters', (text) => /^[a-z2-7]{10}$/.test(text)),
      MEMBERS_MAX,
    ).optional(),
    'hardware-class': name.optional(),
    region: name.optional(),
    commission: percentage.optional(),
    model: model.optional(),
    'income-share': positivePercentage.optional(),
    holdback: holdback.optional(),
  },
  { error: table },
);

const decimals = (max: number) => whole(0, max);
const assetKind = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('erc20'),
      address: textLike('a 20-byte hex address', (text) => /^0x[0-9a-fA-F]{40}$/.test(text)),
      decimals: decimals(36),
    }),
    z.strictObject({ kind: z.literal('fiat'), decimals: decimals(6) }),
    z.strictObject({ kind: z.literal('points'), decimals: decimals(18).default(0) }),
  ],
  {
    error: (issue) => (issue.code === 'invalid_union' ? 'one of "erc20", "fiat", "points"' : table),
  },
);

const conversion = z.strictObject(
  { from: asset, to: asset, source: name, 'age-minutes-max': whole(1, 1_440) },
  { error: table },
);

/** Applies where terms name none; one for ETH says nothing where nobody is paid in ETH. */
const DEFAULT_THRESHOLD = { asset: 'ETH', least: '0.01' } as const;

const payoutKeys = z.strictObject(
  {
    every: oneOf('round', 'day', 'week', 'month').default('week'),
    'on-demand': z.boolean({ error: 'true or false' }).default(false),
    assets: list(asset).default(['ETH']),
    'fee-share-max': positivePercentage.optional(),
    'latest-days': whole(1, DAYS_MAX).optional(),
    thresholds: z.record(z.string(), decimal, { error: table }).optional(),
    conversions: list(conversion).default([]),
  },
  { error: table },
);

const payouts = payoutKeys.transform(({ thresholds, ...named }) => {
  const { asset, least } = DEFAULT_THRESHOLD;
  const byDefault: Record<string, string> = named.assets.includes(asset) ? { [asset]: least } : {};
  return { ...named, thresholds: thresholds ?? byDefault };
});

const parts = {
  name,
  commission: percentage,
  privacy: oneOf('public', 'private').default('public'),
  model,
  epoch: z
    .strictObject(
      { period: oneOf('day', 'week', 'round'), rounds: whole(1, 100).optional() },
      { error: table },
    )
    .default({ period: 'week' }),
  income: z
    .strictObject(
      {
        recognised: oneOf('credited', 'redeemed').default('credited'),
        gas: oneOf('pool', 'income').default('pool'),
      },
      { error: table },
    )
    .prefault({}),
  assets: z.record(z.string(), assetKind, { error: table }).default({}),
  multipliers: list(multiplier).default([]),
  penalties: z
    .strictObject(
      { 'go-to': oneOf('workers', 'pool').default('workers'), rules: list(penalty).default([]) },
      { error: table },
    )
    .prefault({}),
  groups: list(group).default([]),
  holdback: holdback.optional(),
  refunds: z
    .strictObject(
      { 'borne-by': oneOf('everyone', 'pool', 'worker').default('everyone') },
      { error: table },
    )
    .prefault({}),
  rewards: z
    .strictObject({ share: percentage, by: by.default('units') }, { error: table })
    .optional(),
  payouts: payouts.prefault({}),
  disputes: z
    .strictObject(
      {
        'open-days': whole(1, DAYS_MAX).default(14),
        'answer-days': whole(1, DAYS_MAX).default(7),
        'decide-days': whole(1, DAYS_MAX).default(14),
        late: oneOf('upheld', 'open').default('upheld'),
        'set-aside': z.boolean({ error: 'true or false' }).default(true),
      },
      { error: table },
    )
    .prefault({}),
  expectations: z
    .strictObject(
      { uptime: percentage.optional(), hardware: note.optional(), notes: note.optional() },
      { error: table },
    )
    .prefault({}),
};

/**
 * The terms file: what an operator writes, with every default filled in. A default never changes: an
 * older file without the key would mean something else.
 */
export const fileSchema = z.strictObject(parts, { error: table });

/** Published terms: the same keys, with version and start. JSON of texts, whole numbers and lists. */
export const documentSchema = z.strictObject(
  {
    ...parts,
    version: whole(1, 1_000_000),
    'starts-at-epoch': whole(0, Number.MAX_SAFE_INTEGER),
  },
  { error: table },
);

/** What {@link fileSchema} reads. */
export type TermsFile = z.output<typeof fileSchema>;
/** What {@link documentSchema} reads, and what is published. */
export type TermsDocument = z.output<typeof documentSchema>;
/** A payout model as it is written. */
export type ModelText = z.output<typeof model>;

/** Every key that terms know, for suggestions. */
export const knownKeys: readonly string[] = [
  ...new Set([
    ...Object.keys(parts),
    ...[perSegment, fixedRate, proportional, slidingWindow, retainer, poolToken].flatMap((each) =>
      Object.keys(each.shape),
    ),
    ...[holdback, multiplier, penalty, group, conversion, payoutKeys].flatMap((each) =>
      Object.keys(each.shape),
    ),
    ...['period', 'rounds', 'recognised', 'gas', 'go-to', 'rules', 'borne-by', 'address'],
    ...['open-days', 'answer-days', 'decide-days', 'uptime', 'hardware', 'notes', 'decimals'],
  ]),
];
