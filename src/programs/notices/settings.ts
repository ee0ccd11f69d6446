import { defineCommand } from '../../base/command.ts';
import { choice, integer, onOff, read, text } from '../../base/setting-types.ts';
import { jsonSetting as json, runningPoolSettings as pool } from '../../base/standard-settings.ts';
import { noticeKinds, parseNoticeKind } from '../../notices/kinds.ts';

const channel = {
  type: { ...text('CHANNEL'), allowed: 'the id of a channel' },
  doc: 'The id of the channel, from `tributary notices channels`.',
  required: true,
  positional: 'only',
} as const;

/** The commands about notices, by their second word. */
export const noticesCommands = {
  list: defineCommand({
    name: 'notices list',
    summary: 'List what people were told, the newest first.',
    settings: {
      worker: { type: text('WORKER'), doc: 'Only what was told of this worker.' },
      kind: {
        type: {
          ...text('KIND'),
          schema: read((given) => parseNoticeKind(String(given))),
          allowed: `one of ${Object.keys(noticeKinds).join(', ')}`,
        },
        doc: 'Only one kind, such as worker_offline.',
      },
      newest: {
        type: integer({ min: 1, max: 1_000 }),
        doc: 'How many are shown.',
        default: 20,
        why: 'That fits a screen.',
      },
      json,
      ...pool,
    },
  }),
  send: defineCommand({
    name: 'notices send',
    summary: 'Tell all workers something, on the channels that they chose and in the public feed.',
    settings: {
      title: {
        type: text('TITLE'),
        doc: 'One line that says it.',
        required: true,
        positional: 'only',
      },
      text: { type: text('TEXT'), doc: 'What happened or will, and why.', required: true },
      todo: {
        type: text('TEXT'),
        doc: 'What a worker must do.',
        defaultText: 'nothing needs to be done',
      },
      until: { type: text('TIME'), doc: 'Until when it holds, such as 2026-12-24T18:00:00Z.' },
      worker: {
        type: text('WORKER'),
        doc: 'The worker whose owner alone is told.',
        defaultText: 'everybody',
      },
      json,
      ...pool,
    },
    examples: [
      'tributary notices send "New gateway" --text "A large gateway begins on Monday." --data-dir ~/pool',
    ],
  }),
  dead: defineCommand({
    name: 'notices dead',
    summary: 'List letters with notices that were given up, and why.',
    settings: { json, ...pool },
  }),
  replay: defineCommand({
    name: 'notices replay',
    summary: 'Send letters once more, under the ids that they have.',
    settings: {
      letter: {
        type: { ...text('ID'), allowed: 'the id of a letter' },
        doc: 'The letter, from `tributary notices dead`.',
        defaultText: 'needs --all',
        positional: 'only',
      },
      all: {
        type: onOff(),
        doc: 'Every letter that was given up.',
        default: false,
        why: 'After a long outage that may be many.',
      },
      json,
      ...pool,
    },
    examples: ['tributary notices replay --all --data-dir ~/pool'],
  }),
  channels: defineCommand({
    name: 'notices channels',
    summary: 'List where whoever runs the pool is told.',
    settings: { json, ...pool },
  }),
  add: defineCommand({
    name: 'notices add',
    summary: 'Be told as who runs the pool: of alarms, disputes, downtime and more.',
    settings: {
      type: {
        type: choice(['email', 'discord', 'telegram', 'ntfy', 'webhook']),
        doc: 'The kind of channel.',
        required: true,
        positional: 'only',
      },
      target: {
        type: text('TARGET'),
        doc: 'The address, the URL or the number of the chat.',
        required: true,
        secret: true,
      },
      accessToken: {
        type: text('TOKEN'),
        doc: 'Of an ntfy topic that asks for one.',
        secret: true,
      },
      json,
      ...pool,
    },
    examples: [
      'tributary notices add ntfy --target https://ntfy.sh/my-secret-topic --data-dir ~/pool',
    ],
  }),
  confirm: defineCommand({
    name: 'notices confirm',
    summary: 'Type in the code that was sent to a new channel.',
    settings: {
      channel,
      code: { type: text('CODE'), doc: 'The six digits.', required: true },
      ...pool,
    },
  }),
  test: defineCommand({
    name: 'notices test',
    summary: 'Send a test to a channel, or another code where it waits for one.',
    settings: { channel, ...pool },
  }),
  remove: defineCommand({
    name: 'notices remove',
    summary: 'Remove a channel of whoever runs the pool.',
    settings: { channel, ...pool },
  }),
} as const;
