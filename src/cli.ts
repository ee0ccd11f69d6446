import packageJson from '../package.json' with { type: 'json' };
import type { Command } from './base/command.ts';
import { TributaryError } from './base/errors.ts';
import { asksForHelp, helpText, readSettings, settingsTable, variablesOf } from './base/help.ts';
import { nearest } from './base/nearest.ts';
import { unknownVariables } from './base/settings.ts';
import { exitCode, type Io, VIEW_COLUMNS, wrap } from './base/terminal.ts';
import {
  restoreCommand as restoreBackupCommand,
  writeCommand as writeBackupCommand,
} from './programs/backup/settings.ts';
import { actionCommands, proposalsCommand, statusCommand } from './programs/chain/settings.ts';
import { demoCommand } from './programs/demo/settings.ts';
import { devnetCommand } from './programs/devnet/settings.ts';
import { directoryCommand } from './programs/directory/settings.ts';
import { disputesCommands } from './programs/disputes/settings.ts';
import {
  closeCommand as closeEpochCommand,
  listCommand as listEpochsCommand,
  showCommand as showEpochCommand,
} from './programs/epoch/settings.ts';
import { gatewayPushCommand, gatewayServeCommand } from './programs/gateway/settings.ts';
import { importCommand } from './programs/import/settings.ts';
import { incidentsCommands } from './programs/incidents/settings.ts';
import {
  importCommand as importKeyCommand,
  newCommand,
  showCommand as showKeyCommand,
} from './programs/keys/settings.ts';
import { replayCommand, reserveCommand } from './programs/lab/settings.ts';
import {
  accountsCommand,
  balanceCommand,
  correctCommand,
  linesCommand,
  recoverCommand,
  refundCommand,
} from './programs/ledger/settings.ts';
import { noticesCommands } from './programs/notices/settings.ts';
import {
  addOperatorCommand,
  linkOperatorCommand,
  listOperatorsCommand,
  removeOperatorCommand,
} from './programs/operators/settings.ts';
import { payoutCommands } from './programs/payouts/settings.ts';
import { poolCommand } from './programs/pool/settings.ts';
import {
  resetCommand,
  setCommand as setPriceCommand,
  showCommand as showPricesCommand,
} from './programs/prices/settings.ts';
import { redeemerCommand } from './programs/redeemer/settings.ts';
import { listSecretsCommand, rotateSecretCommand } from './programs/secrets/settings.ts';
import { signerCommand } from './programs/signer/settings.ts';
import {
  checkCommand as checkTermsCommand,
  initCommand as initTermsCommand,
  publishCommand,
  showTermsCommand,
  verifyTermsCommand,
} from './programs/terms/settings.ts';
import { verifyCommand } from './programs/verify/settings.ts';
import { workerJoinCommand } from './programs/worker/settings.ts';
import {
  addCommand,
  linkCommand,
  listCommand,
  rotateCommand,
  setCommand,
  showCommand,
  stateCommands,
} from './programs/workers/settings.ts';

/** What `src/programs/<name>/main.ts` exports. The number is the exit code. */
export interface Program {
  run(args: readonly string[], io: Io): Promise<number>;
}

/** The programs, a line each; one is loaded when it is called. */
const programs: Readonly<Record<string, () => Promise<Program>>> = {
  pool: () => import('./programs/pool/main.ts'),
  worker: () => import('./programs/worker/main.ts'),
  workers: () => import('./programs/workers/main.ts'),
  operators: () => import('./programs/operators/main.ts'),
  secrets: () => import('./programs/secrets/main.ts'),
  gateway: () => import('./programs/gateway/main.ts'),
  prices: () => import('./programs/prices/main.ts'),
  chain: () => import('./programs/chain/main.ts'),
  ledger: () => import('./programs/ledger/main.ts'),
  backup: () => import('./programs/backup/main.ts'),
  epoch: () => import('./programs/epoch/main.ts'),
  verify: () => import('./programs/verify/main.ts'),
  payouts: () => import('./programs/payouts/main.ts'),
  keys: () => import('./programs/keys/main.ts'),
  signer: () => import('./programs/signer/main.ts'),
  redeemer: () => import('./programs/redeemer/main.ts'),
  terms: () => import('./programs/terms/main.ts'),
  notices: () => import('./programs/notices/main.ts'),
  incidents: () => import('./programs/incidents/main.ts'),
  disputes: () => import('./programs/disputes/main.ts'),
  lab: () => import('./programs/lab/main.ts'),
  import: () => import('./programs/import/main.ts'),
  demo: () => import('./programs/demo/main.ts'),
  directory: () => import('./programs/directory/main.ts'),
  devnet: () => import('./programs/devnet/main.ts'),
};

/** Every command with its settings, in the order that help and reference pages show. */
export const commands: readonly Command[] = [
  poolCommand,
  workerJoinCommand,
  addCommand,
  listCommand,
  showCommand,
  rotateCommand,
  setCommand,
  linkCommand,
  ...Object.values(stateCommands),
  addOperatorCommand,
  listOperatorsCommand,
  linkOperatorCommand,
  removeOperatorCommand,
  listSecretsCommand,
  rotateSecretCommand,
  showPricesCommand,
  setPriceCommand,
  resetCommand,
  statusCommand,
  proposalsCommand,
  ...Object.values(actionCommands),
  accountsCommand,
  linesCommand,
  balanceCommand,
  correctCommand,
  refundCommand,
  recoverCommand,
  writeBackupCommand,
  restoreBackupCommand,
  closeEpochCommand,
  listEpochsCommand,
  showEpochCommand,
  verifyCommand,
  ...Object.values(payoutCommands),
  ...Object.values(disputesCommands),
  ...Object.values(noticesCommands),
  ...Object.values(incidentsCommands),
  gatewayPushCommand,
  gatewayServeCommand,
  newCommand,
  importKeyCommand,
  showKeyCommand,
  signerCommand,
  redeemerCommand,
  initTermsCommand,
  checkTermsCommand,
  publishCommand,
  showTermsCommand,
  verifyTermsCommand,
  replayCommand,
  reserveCommand,
  importCommand,
  directoryCommand,
  demoCommand,
  devnetCommand,
];

/** The version of this package. */
export const version: string = packageJson.version;

/**
 * Runs `tributary ARGS`.
 *
 * @returns the exit code: 0 done, 1 failed with a reason, 2 wrong usage
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    if (!(error instanceof TributaryError)) throw error;
    io.stderr.write(errorText(error));
    return USAGE_CODES.has(error.code) ? exitCode.usage : exitCode.failed;
  }
}
const USAGE_CODES: ReadonlySet<string> = new Set([
  'setting_invalid',
  'setting_missing',
  'command_unknown',
]);

async function dispatch([name = 'help', ...rest]: readonly string[], io: Io): Promise<number> {
  if (['help', '--help', '-help', '-h'].includes(name)) return help(rest, io);
  if (['version', '--version', '-version', '-v'].includes(name)) {
    io.stdout.write(`tributary ${version}\n`);
    return exitCode.ok;
  }
  const load = Object.hasOwn(programs, name) ? programs[name] : undefined;
  if (!load) throw unknownCommand(name);
  if (asksForHelp(rest))
    return help([name, ...rest.filter((word) => /^[a-z]/.test(word)).slice(0, 1)], io);
  warnOfVariables(io);
  if (name === 'pool' && rest[0] === 'settings')
    return showSettings(poolCommand, rest.slice(1), io);
  if (needsSubcommand(name, rest)) {
    if (/^[A-Za-z]/.test(rest[0] ?? '')) throw unknownCommand(`${name} ${rest[0]}`);
    return help([name], io, exitCode.usage);
  }
  return (await load()).run(rest, io);
}

/** What went wrong, its code, and what to do about it. */
export function errorText(error: TributaryError): string {
  return `${error.message}\n${wrap(`${error.advice} (${error.code})`, VIEW_COLUMNS).join('\n')}\n`;
}

function help(words: readonly string[], io: Io, code: number = exitCode.ok): number {
  const out = code === exitCode.ok ? io.stdout : io.stderr;
  const wanted = words.join(' ');
  const exact =
    commands.find((command) => command.name === wanted) ??
    commands.find((command) => command.name === words[0]);
  if (exact) {
    out.write(`${helpText(exact)}\n`);
    return code;
  }
  const group = commands.filter((command) => command.name.startsWith(`${wanted} `));
  if (wanted !== '' && group.length === 0) throw unknownCommand(wanted);
  out.write(overview(group.length > 0 ? group : commands));
  return code;
}

function overview(listed: readonly Command[]): string {
  const width = Math.max(...listed.map(({ name }) => name.length), 'pool settings'.length);
  const line = (name: string, summary: string) =>
    wrap(`  ${name.padEnd(width)}  ${summary}`, VIEW_COLUMNS, ' '.repeat(width + 4)).join('\n');
  const lines = listed.map(({ name, summary }) => line(name, summary));
  if (listed === commands) {
    lines.splice(
      1,
      0,
      line('pool settings', 'Print each setting of the pool and where it came from.'),
    );
    lines.push(
      line('version', 'Print the version.'),
      line('help', 'Print this, or the page of one command.'),
    );
  }
  return `Tributary ${version}: a Livepeer orchestrator pool

Usage
  tributary COMMAND [options]
  tributary COMMAND --help

Commands
${lines.join('\n')}
`;
}

/** `tributary worker` and the like, without the word that must follow. */
function needsSubcommand(name: string, rest: readonly string[]): boolean {
  const first = rest[0] ?? '--help';
  return (
    !commands.some((command) => command.name === name) &&
    !commands.some((command) => command.name === `${name} ${first}`)
  );
}

function showSettings(command: Command, args: readonly string[], io: Io): number {
  const resolved = readSettings(command, args, io);
  if (resolved) io.stdout.write(`${settingsTable(command, resolved, io)}\n`);
  return exitCode.ok;
}

/** Not an error: another program's variable may start with the same word. */
function warnOfVariables(io: Io): void {
  const known = new Set(commands.flatMap(variablesOf));
  for (const { name, nearest } of unknownVariables(io.env, known)) {
    const hint = nearest ? ` Did you mean ${nearest}?` : '';
    io.stderr.write(`${name} is set, but no setting has that name.${hint}\n`);
  }
}

function unknownCommand(wanted: string): TributaryError {
  const names = [...Object.keys(programs), ...commands.map(({ name }) => name), 'version', 'help'];
  const suggestion = nearest(wanted, names);
  const hint = suggestion ? ` Did you mean ${suggestion}?` : '';
  return new TributaryError('command_unknown', `"${wanted}" is not a command.${hint}`);
}

/** Says why the process ends and ends it: nothing that nobody expected may pass in silence. */
function endUnexpectedly(error: unknown): void {
  try {
    const known = error instanceof TributaryError;
    const internal = new TributaryError(
      'internal',
      error instanceof Error ? `${error.stack}` : `${error}`,
    );
    process.stderr.write(errorText(known ? error : internal));
  } finally {
    process.exit(exitCode.internal);
  }
}

/** The one place that reads `process.env` and ends the process. */
async function main(): Promise<void> {
  process.on('uncaughtException', endUnexpectedly);
  process.on('unhandledRejection', endUnexpectedly);
  // A reader that went away (`| head`) wants no more, and no stack trace either.
  process.stdout.on('error', () => process.exit(exitCode.failed));
  const io: Io = {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    isTty: process.stdout.isTTY === true,
    columns: process.stdout.columns || VIEW_COLUMNS,
  };
  process.exit(await run(process.argv.slice(2), io));
}

if (import.meta.main) await main();
