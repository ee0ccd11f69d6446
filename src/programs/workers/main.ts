import { createAdminClient, findPool } from '../../api/admin-client.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, harmless, type Io } from '../../base/terminal.ts';
import { poolClient } from '../../client/pool-client.ts';
import {
  addCommand,
  linkCommand,
  listCommand,
  rotateCommand,
  setCommand,
  showCommand,
  stateCommands,
} from './settings.ts';
import { changed, enrolmentView, listView, workerView } from './views.ts';

/** `tributary workers …`: asks the admin address of the running pool. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [verb = '', ...rest] = args;
  switch (verb) {
    case 'add':
      return add(rest, io);
    case 'list':
      return list(rest, io);
    case 'show':
      return show(rest, io);
    case 'rotate':
      return rotate(rest, io);
    case 'link':
      return link(rest, io);
    case 'set':
      return set(rest, io);
    case 'revoke':
    case 'pause':
    case 'resume':
    case 'drain':
      return change(verb, rest, io);
    default:
      throw new TributaryError('command_unknown', `"workers ${verb}" is not a command.`);
  }
}

async function add(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(addCommand, args, io);
  if (!settings) return exitCode.ok;
  const { name, payoutAddress, json, ...pool } = settings.values;
  const enrolment = await createAdminClient(findPool(pool)).add(name, payoutAddress);
  print(io, json ? JSON.stringify(enrolment) : enrolmentView(enrolment, 'enrolled'));
  return exitCode.ok;
}

async function list(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(listCommand, args, io);
  if (!settings) return exitCode.ok;
  const { json, ...pool } = settings.values;
  const workers = await createAdminClient(findPool(pool)).list();
  print(io, json ? JSON.stringify(workers) : listView(workers, createPaint(io)));
  return exitCode.ok;
}

async function show(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(showCommand, args, io);
  if (!settings) return exitCode.ok;
  const { worker, json, ...pool } = settings.values;
  const view = await createAdminClient(findPool(pool)).show(worker);
  print(io, json ? JSON.stringify(view) : workerView(view, createPaint(io)));
  return exitCode.ok;
}

async function rotate(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(rotateCommand, args, io);
  if (!settings) return exitCode.ok;
  const { worker, json, ...pool } = settings.values;
  const enrolment = await createAdminClient(findPool(pool)).rotate(worker);
  print(io, json ? JSON.stringify(enrolment) : enrolmentView(enrolment, 'rotated'));
  return exitCode.ok;
}

async function link(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(linkCommand, args, io);
  if (!settings) return exitCode.ok;
  const { worker, json, ...where } = settings.values;
  const made = await poolClient(findPool(where)).post('/api/v1/workers/{worker}/link', {
    params: { worker },
  });
  print(io, json ? JSON.stringify(made) : `Good once, until ${made.expiresAt}:\n\n  ${made.url}`);
  return exitCode.ok;
}

async function set(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(setCommand, args, io);
  if (!settings) return exitCode.ok;
  const { worker, hardwareClass, region, promise, json, ...where } = settings.values;
  const facts = await poolClient(findPool(where)).post('/api/v1/workers/{worker}/facts', {
    params: { worker },
    body: { ...said({ hardwareClass }), ...said({ region }), ...said({ promise }) },
  });
  const lines = facts.map(({ kind, value }) => `  ${kind.replace('_', ' ')}: ${harmless(value)}`);
  const text = lines.length === 0 ? 'Nothing is said of it.' : lines.join('\n');
  print(io, json ? JSON.stringify(facts) : `${worker}\n${text}`);
  return exitCode.ok;
}

/** What was not given stays; `none` takes back what was said. */
function said(given: Readonly<Record<string, string | undefined>>): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value === 'none' ? null : value]],
    ),
  );
}

async function change(
  verb: keyof typeof stateCommands,
  args: readonly string[],
  io: Io,
): Promise<number> {
  const settings = readSettings(stateCommands[verb], args, io);
  if (!settings) return exitCode.ok;
  const { worker, json, ...pool } = settings.values;
  const client = createAdminClient(findPool(pool));
  await client.change(worker, verb);
  print(io, json ? JSON.stringify(await client.show(worker)) : changed[verb](worker));
  return exitCode.ok;
}

function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}
