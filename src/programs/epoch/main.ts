import { createInterface } from 'node:readline/promises';
import { findPool, workerNames } from '../../api/admin-client.ts';
import { exactKnown } from '../../base/amounts.ts';
import { TributaryError } from '../../base/errors.ts';
import { showCount } from '../../base/figures.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io, table } from '../../base/terminal.ts';
import { poolClient } from '../../client/pool-client.ts';
import { closeCommand, listCommand, showCommand } from './settings.ts';

/** Settling and publishing 100,000 workers takes seconds. */
const ANSWER_MS_MAX = 120_000;

/** `tributary epoch …`: asks the admin address of the running pool. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [verb = '', ...rest] = args;
  switch (verb) {
    case 'close':
      return close(rest, io);
    case 'list':
      return list(rest, io);
    case 'show':
      return show(rest, io);
    default:
      throw new TributaryError('command_unknown', `"epoch ${verb}" is not a command.`);
  }
}

async function close(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(closeCommand, args, io);
  if (!settings) return exitCode.ok;
  const { yes, json, ...pool } = settings.values;
  if (!yes && !(await confirmed(io))) {
    io.stdout.write('Nothing was done.\n');
    return exitCode.failed;
  }
  const { epoch } = await poolClient(findPool(pool), ANSWER_MS_MAX).post('/api/v1/epochs/close');
  const text = `Epoch ${epoch} is closed and published. See it: tributary epoch show ${epoch}`;
  io.stdout.write(`${json ? JSON.stringify({ epoch }) : text}\n`);
  return exitCode.ok;
}

/** Where nobody can answer, `--yes` has to be given. */
async function confirmed(io: Io): Promise<boolean> {
  if (!io.isTty)
    throw new TributaryError('setting_missing', 'Nobody can be asked here: give --yes.');
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await lines.question('Close the open epoch now, for good? [y/N] ');
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

async function list(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(listCommand, args, io);
  if (!settings) return exitCode.ok;
  const { json, ...pool } = settings.values;
  const { items: epochs } = await poolClient(findPool(pool)).get('/api/v1/epochs');
  const time = (at: string | null) => (at === null ? '' : at.slice(0, 16));
  const rows = epochs.map(({ number, state, openedAt, endedAt, termsVersion, recorded }) => [
    number,
    state === 'closed' && recorded ? 'published' : state,
    time(openedAt),
    time(endedAt),
    termsVersion === 0 ? 'default' : `version ${termsVersion}`,
  ]);
  const titles = [
    { title: 'Epoch', align: 'right' as const },
    { title: 'State' },
    { title: 'From' },
    { title: 'To' },
    { title: 'Terms' },
  ];
  const text = table(titles, rows, { paint: createPaint(io) }).join('\n');
  io.stdout.write(`${json ? JSON.stringify(epochs) : text}\n`);
  return exitCode.ok;
}

async function show(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(showCommand, args, io);
  if (!settings) return exitCode.ok;
  const { epoch, json, ...where } = settings.values;
  const pool = findPool(where);
  const shown = await poolClient(pool, ANSWER_MS_MAX).get('/api/v1/epochs/{epoch}', {
    params: { epoch: `${epoch}` },
  });
  if (json) {
    io.stdout.write(`${JSON.stringify(shown)}\n`);
    return exitCode.ok;
  }
  const nameOf = await workerNames(pool);
  const lines = (shown.workers ?? []).flatMap(({ worker, units: done, owed, lines: own }) => [
    `${nameOf(worker)}  ${showCount(BigInt(done))} units, owed ${amounts(owed)}`,
    ...own.map(
      ({ id = '', kind, asset, amount, text }) =>
        `  ${id}  ${kind}  ${exactKnown(BigInt(amount), asset)}  ${text}`,
    ),
  ]);
  const by = shown.termsVersion === 0 ? 'default terms' : `terms ${shown.termsVersion}`;
  const head = `Epoch ${shown.epoch}, ${by}, root ${shown.root}`;
  io.stdout.write(`${[head, ...lines].join('\n')}\n`);
  return exitCode.ok;
}

function amounts(owed: Readonly<Record<string, string>>): string {
  const parts = Object.entries(owed).map(([asset, amount]) => exactKnown(BigInt(amount), asset));
  return parts.length === 0 ? 'nothing' : parts.join(' and ');
}
