import { defineCommand } from '../../base/command.ts';
import { path, url } from '../../base/setting-types.ts';
import { configSetting } from '../../base/standard-settings.ts';

/** Where a database is; for these commands the pool need not run. */
export const databaseSettings = {
  config: configSetting,
  dataDir: {
    type: path('DIR'),
    doc: 'The data directory of the pool.',
    aliases: { dataDir: true, datadir: true },
  },
  databaseUrl: {
    type: url(['postgres:', 'postgresql:'], 'postgres://…'),
    doc: 'The PostgreSQL of the pool, where it is not the embedded one.',
    defaultText: 'the embedded PostgreSQL in the data directory',
    secret: true,
  },
} as const;

/** Whether it is said which database is meant. */
export function placeComplaint(values: {
  readonly dataDir?: string | undefined;
  readonly databaseUrl?: string | undefined;
}): string | undefined {
  const given = values.dataDir !== undefined || values.databaseUrl !== undefined;
  return given ? undefined : 'Give --data-dir or --database-url.';
}

const file = {
  type: path('FILE'),
  doc: 'The backup: lines of JSON, compressed. It holds secrets of the pool.',
  required: true,
  positional: 'only',
} as const;

/** `tributary backup write`. */
export const writeCommand = defineCommand({
  name: 'backup write',
  summary: 'Copy the database of a pool as of one moment into a file, while the pool runs.',
  settings: { file, ...databaseSettings },
  check: placeComplaint,
  examples: ['tributary backup write ~/backups/pool.backup --data-dir ~/pool'],
});

/** `tributary backup restore`. */
export const restoreCommand = defineCommand({
  name: 'backup restore',
  summary: 'Put such a file into an empty database; then run `tributary ledger recover`.',
  settings: { file, ...databaseSettings },
  check: placeComplaint,
  examples: ['tributary backup restore ~/backups/pool.backup --data-dir ~/new-pool'],
});
