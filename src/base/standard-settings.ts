import { choice, path } from './setting-types.ts';

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
