import { defineCommand } from '../../base/command.ts';
import { integer, path, read, type SettingType, text } from '../../base/setting-types.ts';
import { jsonSetting as json, runningPoolSettings as pool } from '../../base/standard-settings.ts';
import { type RateText, splitRate } from '../../terms/quantities.ts';
import { parseDecimal, parsePercentage } from '../../terms/ratio.ts';

const epoch = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

/** `tributary lab replay`. */
export const replayCommand = defineCommand({
  name: 'lab replay',
  summary: 'Recompute settled epochs under other terms, and show the difference per worker.',
  settings: {
    terms: {
      type: path('FILE'),
      doc: 'The other terms, a TOML file as `tributary terms init` writes it.',
      required: true,
    },
    from: { type: { ...epoch, placeholder: 'EPOCH' }, doc: 'The first epoch.', required: true },
    to: { type: { ...epoch, placeholder: 'EPOCH' }, doc: 'The last epoch.', required: true },
    proofs: {
      type: text('URL|DIR'),
      doc: 'The published files of a pool: its address with /proofs, or a copy of them.',
      defaultText: 'what the running pool knows, also of private epochs',
    },
    json,
    ...pool,
  },
  check: ({ from, to }) =>
    from > to ? `--to cannot be ${to}: it must be --from (${from}) or later.` : undefined,
  examples: [
    'tributary lab replay --terms new.toml --from 3 --to 7 --proofs ~/pool/proofs',
    'tributary lab replay --terms new.toml --from 3 --to 7 --data-dir ~/pool',
  ],
});

const rate: SettingType<RateText> = {
  schema: read((given) => splitRate(String(given))),
  placeholder: 'RATE',
  allowed: 'a rate such as "0.0004 ETH per 1e9 pixels"',
  show: ({ amount, asset, count, per }) => `${amount} ${asset} per ${count} ${per}`,
};

const exclusive = (value: number) => (value > 0 && value < 1 ? value : undefined);

/** `0.001`, `1/1000` or `0.1%`, between 0 and 1. */
const probability: SettingType<number> = {
  schema: read((given) => {
    const [part = '', whole] = String(given).split('/');
    const value = parsePercentage(part) ?? parseDecimal(part);
    const divisor = whole === undefined ? { numerator: 1n, denominator: 1n } : parseDecimal(whole);
    if (!value || !divisor || divisor.numerator === 0n) return undefined;
    return exclusive(
      (Number(value.numerator) * Number(divisor.denominator)) /
        (Number(value.denominator) * Number(divisor.numerator)),
    );
  }),
  placeholder: 'P',
  allowed: 'between 0 and 1, such as 0.001, 1/1000 or 1%',
};

const amount: SettingType<number> = {
  schema: read((given) => {
    const value = parseDecimal(String(given));
    const number = value && Number(value.numerator) / Number(value.denominator);
    return number !== undefined && number > 0 && Number.isFinite(number) ? number : undefined;
  }),
  placeholder: 'N',
  allowed: 'a number above 0, such as 0.01 or 1e15',
};

/** `tributary lab reserve`. */
export const reserveCommand = defineCommand({
  name: 'lab reserve',
  summary: 'Say which reserve a fixed rate needs for a given risk of ruin.',
  settings: {
    faceValue: {
      type: { ...amount, placeholder: 'ETH' },
      doc: 'What a winning ticket pays, in the asset of the rate; see `tributary chain status`.',
      required: true,
    },
    winProb: { type: probability, doc: 'How likely a ticket wins.', required: true },
    price: { type: rate, doc: 'What gateways pay.', required: true },
    rate: { type: rate, doc: 'What workers are paid.', required: true },
    ruin: {
      type: probability,
      doc: 'How likely the reserve may be used up.',
      default: 0.01,
      why: 'once in a hundred such pools.',
    },
    units: {
      type: amount,
      doc: 'Over how much work, in what the rates count.',
      defaultText: 'all the work there will ever be',
    },
    simulate: {
      type: integer({ min: 0, max: 10_000_000 }, 'RUNS'),
      doc: 'How many runs of tickets are drawn to check the formula.',
      default: 100_000,
      why: 'it takes some seconds and agrees with the formula within 2 %.',
    },
    seed: {
      type: integer({ min: 0, max: 2 ** 32 - 1 }),
      doc: 'The same seed draws the same tickets.',
      default: 1,
      why: 'so that two people see the same figures.',
    },
    json,
  },
  check({ price, rate }) {
    if (price.per !== rate.per) {
      return `--rate counts ${rate.per}, --price counts ${price.per}: both must count the same.`;
    }
    return price.asset === rate.asset
      ? undefined
      : `--rate is in ${rate.asset}, --price in ${price.asset}: both must be in one asset.`;
  },
  examples: [
    'tributary lab reserve --face-value 0.02 --win-prob 1/500 --ruin 1% --price "0.0005 ETH per 1e9 pixels" --rate "0.0004 ETH per 1e9 pixels"',
  ],
});
