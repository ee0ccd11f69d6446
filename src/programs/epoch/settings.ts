import { defineCommand } from '../../base/command.ts';
import { onOff, read } from '../../base/setting-types.ts';
import { runningPoolSettings } from '../../base/standard-settings.ts';

const json = {
  type: onOff(),
  doc: 'Print JSON on standard output, and nothing else there. Amounts are in base units.',
  default: false,
  why: 'People read it more often than programs.',
} as const;

/** `tributary epoch close`. */
export const closeCommand = defineCommand({
  name: 'epoch close',
  summary: 'Close the open epoch now: settle it, sign it, publish its statements.',
  settings: {
    yes: {
      type: onOff(),
      doc: 'Do it without asking.',
      default: false,
      why: 'An epoch that is closed stays closed.',
    },
    json,
    ...runningPoolSettings,
  },
  examples: ['tributary epoch close --yes --data-dir ~/pool'],
});

/** `tributary epoch list`. */
export const listCommand = defineCommand({
  name: 'epoch list',
  summary: 'Show the epochs of the pool, the newest first.',
  settings: { json, ...runningPoolSettings },
});

/** `tributary epoch show`. */
export const showCommand = defineCommand({
  name: 'epoch show',
  summary: 'Show what a closed epoch came to, worker by worker and line by line.',
  settings: {
    epoch: {
      type: {
        schema: read((given) =>
          /^[1-9]\d{0,17}$/.test(String(given)) ? String(given) : undefined,
        ),
        placeholder: 'N',
        allowed: 'the number of an epoch, from 1',
      },
      doc: 'Which one.',
      required: true,
      positional: 'too',
    },
    json,
    ...runningPoolSettings,
  },
  examples: ['tributary epoch show 12 --data-dir ~/pool'],
});
