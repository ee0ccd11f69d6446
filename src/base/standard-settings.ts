import type { Settings } from './command.ts';
import { choice, onOff, path, text, url } from './setting-types.ts';

/** `--config`, the same for every program that runs for long. */
export const configSetting = {
  type: path('FILE'),
  doc: 'A TOML file with settings, at its top or in a table with the name of the command.',
} as const;

/** `--log-level`, the same for every program that runs for long. */
export const logLevelSetting = {
  type: choice(['debug', 'info', 'warn', 'error', 'silent']),
  doc: 'How much is logged, as lines of JSON on standard error.',
  default: 'info',
  why: 'info is one line for each change of state, and none for each segment.',
} as const;

/** `--with-parent`, the same for every program that another one starts. */
export const withParentSetting = {
  type: onOff(),
  doc: 'End as after SIGTERM when standard input ends: for whoever starts this and may be killed.',
  default: false,
  why: 'A service manager gives a service no standard input.',
} as const;

/** How a command finds the running pool and proves that it may command it. */
export const runningPoolSettings = {
  config: configSetting,
  dataDir: {
    type: path('DIR'),
    doc: 'The data directory of the running pool; its address and token are read there.',
    aliases: { dataDir: true, datadir: true },
  },
  adminUrl: {
    type: url(['http:', 'https:'], 'URL'),
    doc: 'The admin address of the running pool, where its data directory is elsewhere.',
    defaultText: 'what admin.json in the data directory says',
  },
  adminToken: {
    type: text('TOKEN'),
    doc: 'The admin token; best given as TRIBUTARY_ADMIN_TOKEN, which other users cannot see.',
    defaultText: 'what admin.token in the data directory holds',
    secret: true,
  },
} as const satisfies Settings;

/** `--json`, the same for every command that shows something. */
export const jsonSetting = {
  type: onOff(),
  doc: 'Print JSON on standard output, and nothing else there.',
  default: false,
  why: 'People read it more often than programs.',
} as const;

/** The worker that a command is about, without a flag. */
export const workerSetting = {
  type: { ...text('WORKER'), allowed: 'the name or the id of a worker' },
  doc: 'The name or the id of the worker.',
  required: true,
  positional: 'only',
} as const;
