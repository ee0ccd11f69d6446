import { defineCommand } from '../../base/command.ts';
import { onOff, text } from '../../base/setting-types.ts';
import { runningPoolSettings } from '../../base/standard-settings.ts';

const common = {
  json: {
    type: onOff(),
    doc: 'Print JSON on standard output, and nothing else there.',
    default: false,
    why: 'People read it more often than programs.',
  },
  ...runningPoolSettings,
} as const;

const scope = {
  gateway: {
    type: { ...text('0x…'), allowed: 'the account of a gateway' },
    doc: 'The gateway that the price is for.',
    defaultText: 'every gateway without a price of its own',
  },
  pipeline: {
    type: { ...text('NAME'), allowed: 'a pipeline such as text-to-image' },
    doc: 'The capability that the price is for.',
    defaultText: 'video',
  },
  model: {
    type: text('ID'),
    doc: 'The model of the pipeline.',
    defaultText: 'the price of --pipeline for the model named default',
  },
} as const;

const check = ({
  pipeline,
  model,
}: {
  pipeline?: string | undefined;
  model?: string | undefined;
}) => (model !== undefined && pipeline === undefined ? '--model needs --pipeline.' : undefined);

/** `tributary prices show`. */
export const showCommand = defineCommand({
  name: 'prices show',
  summary: 'Show what the pool asks of whom for what, and where each price comes from.',
  settings: common,
});

/** `tributary prices set`. */
export const setCommand = defineCommand({
  name: 'prices set',
  summary: 'Ask another price from now on, also after restarts; running sessions keep theirs.',
  settings: {
    price: {
      type: { ...text('PRICE'), allowed: 'a price such as 1000wei or "0.05USD per 1e12 pixels"' },
      doc: 'The price, as --price of tributary pool takes it.',
      required: true,
      positional: 'only',
    },
    ...scope,
    ...common,
  },
  check,
  examples: [
    'tributary prices set 1200wei --data-dir ~/pool',
    'tributary prices set "0.04USD per 1e12 pixels" --gateway 0x…',
    'tributary prices set 900wei --gateway 0x… --pipeline text-to-image --model stabilityai/sd-turbo',
  ],
});

/** `tributary prices reset`. */
export const resetCommand = defineCommand({
  name: 'prices reset',
  summary: 'Go back to the price in the settings of the pool.',
  settings: { ...scope, ...common },
  check,
  examples: ['tributary prices reset --gateway 0x…'],
});
