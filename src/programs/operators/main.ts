import { findPool } from '../../api/admin-client.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io, table } from '../../base/terminal.ts';
import { poolClient } from '../../client/pool-client.ts';
import {
  addOperatorCommand,
  linkOperatorCommand,
  listOperatorsCommand,
  removeOperatorCommand,
} from './settings.ts';

/** `tributary operators …`: asks the admin address of the running pool. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [verb = '', ...rest] = args;
  switch (verb) {
    case 'add':
      return add(rest, io);
    case 'list':
      return list(rest, io);
    case 'remove':
      return remove(rest, io);
    case 'link':
      return link(rest, io);
    default:
      throw new TributaryError('command_unknown', `"operators ${verb}" is not a command.`);
  }
}

async function add(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(addOperatorCommand, args, io);
  if (!settings) return exitCode.ok;
  const { name, role, wallet: address, json, ...where } = settings.values;
  const pool = poolClient(findPool(where));
  const added = await pool.post('/api/v1/operators', { body: { name, role, address } });
  const made = await pool.post('/api/v1/operators/{operator}/link', {
    params: { operator: name },
  });
  const text = `${name} may run the pool as ${role}. To sign in, once, within ten minutes:\n\n  ${made.url}\n\nAnother link: tributary operators link ${name}`;
  print(io, json ? JSON.stringify({ ...added, ...made }) : text);
  return exitCode.ok;
}

async function list(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(listOperatorsCommand, args, io);
  if (!settings) return exitCode.ok;
  const { json, ...where } = settings.values;
  const found = await poolClient(findPool(where)).get('/api/v1/operators');
  if (json) print(io, JSON.stringify(found));
  else if (found.length === 0) print(io, NOBODY);
  else {
    const rows = found.map(({ name, role, address, addedAt }) => [
      ...[name, role, address ?? 'by link', addedAt.slice(0, 10)],
    ]);
    const titles = [
      ...[{ title: 'Operator' }, { title: 'Role' }, { title: 'Signs in' }, { title: 'Since' }],
    ];
    print(io, table(titles, rows, { paint: createPaint(io) }).join('\n'));
  }
  return exitCode.ok;
}
const NOBODY =
  'Nobody but who has the admin token runs this pool. `tributary operators add NAME` changes that.';

async function remove(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(removeOperatorCommand, args, io);
  if (!settings) return exitCode.ok;
  const { name, ...where } = settings.values;
  const params = { operator: name };
  await poolClient(findPool(where)).post('/api/v1/operators/{operator}/remove', {
    params,
    body: {},
  });
  print(io, `${name} is removed and signed out. Nothing needs to be done.`);
  return exitCode.ok;
}

async function link(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(linkOperatorCommand, args, io);
  if (!settings) return exitCode.ok;
  const { name, json, ...where } = settings.values;
  const params = { operator: name };
  const made = await poolClient(findPool(where)).post('/api/v1/operators/{operator}/link', {
    params,
  });
  print(io, json ? JSON.stringify(made) : `Good once, until ${made.expiresAt}:\n\n  ${made.url}`);
  return exitCode.ok;
}

function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}
