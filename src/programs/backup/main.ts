import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { quiet } from '../../base/log.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import { mustBeReadable, restoreBackup, writeBackup } from '../../database/backup.ts';
import { hasEmbedded, withEmbedded } from '../../database/embedded.ts';
import { restoreCommand, writeCommand } from './settings.ts';

/** `tributary backup …`: a copy of the database in a file, and back. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [word = '', ...rest] = args;
  switch (word) {
    case 'write':
      return write(rest, io);
    case 'restore':
      return restore(rest, io);
    default:
      throw new TributaryError('command_unknown', `"backup ${word}" is not a command.`);
  }
}

async function write(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(writeCommand, args, io)?.values;
  if (!values) return exitCode.ok;
  const { databaseUrl, dataDir = '', file } = values;
  if (!databaseUrl && !(await hasEmbedded(dataDir))) {
    const text = `There is no database of a pool below ${dataDir}: --data-dir must name its data directory.`;
    throw new TributaryError('backup_failed', text);
  }
  const act = (url: string) => writeBackup(url, file);
  const { tables, rows } = await (databaseUrl
    ? act(databaseUrl)
    : withEmbedded({ dataDir, log: quiet }, act));
  io.stdout.write(
    [
      `${rows} rows of ${tables} tables are in ${file}.`,
      'Not in it, and to be kept elsewhere: notices.key, cert.pem and key.pem of the data',
      'directory, and the key files of accounts. Epochs that end later are in its folders',
      'proofs and recovery: copy them after each.\n',
    ].join('\n'),
  );
  return exitCode.ok;
}

async function restore(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(restoreCommand, args, io)?.values;
  if (!values) return exitCode.ok;
  const { databaseUrl, dataDir = '', file } = values;
  // Before there is a database that only this file could have filled.
  await mustBeReadable(file);
  const act = (url: string) => restoreBackup(url, file);
  const { tables, rows } = await (databaseUrl
    ? act(databaseUrl)
    : withEmbedded({ dataDir, log: quiet }, act));
  const where = databaseUrl ? '--database-url …' : `--data-dir ${dataDir}`;
  io.stdout.write(
    [
      `${rows} rows of ${tables} tables are back.`,
      'Copy cert.pem and key.pem of the old data directory into the new one: workers know the',
      'pool by its certificate. And notices.key: else nobody is told anything. And the folders',
      'proofs and recovery, as late as you have them: they hold the epochs since the backup.',
      `Next: tributary ledger recover ${where}\n`,
    ].join('\n'),
  );
  return exitCode.ok;
}
