import { findPool, workerNames } from '../../api/admin-client.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io } from '../../base/terminal.ts';
import { poolClient } from '../../client/pool-client.ts';
import { noticesCommands as commands } from './settings.ts';
import { channelsView, deadView, noticesView } from './views.ts';

/** `tributary notices …`: asks the admin address of the running pool. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [verb = '', ...rest] = args;
  const known: Readonly<Record<string, (args: readonly string[], io: Io) => Promise<number>>> = {
    ...{ list, send, dead, replay },
    ...{ channels, add, confirm, test, remove },
  };
  const command = Object.hasOwn(known, verb) ? known[verb] : undefined;
  if (command) return command(rest, io);
  throw new TributaryError('command_unknown', `"notices ${verb}" is not a command.`);
}

async function list(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(commands.list, args, io);
  if (!settings) return exitCode.ok;
  const { worker, kind, newest, json, ...where } = settings.values;
  const query = { worker, kind, limit: newest };
  const pool = findPool(where);
  const { items } = await poolClient(pool).get('/api/v1/notices/all', { query });
  if (json) print(io, JSON.stringify(items));
  else print(io, noticesView(items, await workerNames(pool), createPaint(io)));
  return exitCode.ok;
}

async function send(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(commands.send, args, io);
  if (!settings) return exitCode.ok;
  const { title, text, todo, until, worker, json, ...where } = settings.values;
  const at = until === undefined ? undefined : Date.parse(until);
  if (at !== undefined && Number.isNaN(at)) {
    throw new TributaryError(
      'setting_invalid',
      '--until is no time, such as 2026-12-24T18:00:00Z.',
    );
  }
  await poolClient(findPool(where)).post('/api/v1/notices', {
    body: {
      ...{ title, text, todo, worker },
      ...(at === undefined ? {} : { until: new Date(at).toISOString() }),
    },
  });
  const whom = worker === undefined ? 'Everybody is told' : `The owner of ${worker} is told`;
  print(io, json ? '{}' : `${whom}. Letters that are given up: tributary notices dead`);
  return exitCode.ok;
}

async function dead(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(commands.dead, args, io);
  if (!settings) return exitCode.ok;
  const { json, ...where } = settings.values;
  const query = { state: 'dead' as const };
  const { items } = await poolClient(findPool(where)).get('/api/v1/notices/letters', { query });
  print(io, json ? JSON.stringify(items) : deadView(items, createPaint(io)));
  return exitCode.ok;
}

async function replay(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(commands.replay, args, io);
  if (!settings) return exitCode.ok;
  const { letter, all, json, ...where } = settings.values;
  const pool = poolClient(findPool(where));
  if ((letter === undefined) !== all) {
    throw new TributaryError('setting_invalid', 'Name one letter, or all with --all.');
  }
  if (letter === undefined) {
    const { letters } = await pool.post('/api/v1/notices/replay-dead');
    const many = letters === 1 ? '1 letter is' : `${letters} letters are`;
    print(io, json ? JSON.stringify({ letters }) : `${many} on the way again.`);
    return exitCode.ok;
  }
  await pool.post('/api/v1/notices/letters/{letter}/replay', { params: { letter } });
  print(io, json ? JSON.stringify({ letters: 1 }) : 'The letter is on the way again.');
  return exitCode.ok;
}

async function channels(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(commands.channels, args, io);
  if (!settings) return exitCode.ok;
  const { json, ...where } = settings.values;
  const found = await poolClient(findPool(where)).get('/api/v1/notices/channels');
  print(io, json ? JSON.stringify(found.channels) : channelsView(found.channels, createPaint(io)));
  return exitCode.ok;
}

async function add(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(commands.add, args, io);
  if (!settings) return exitCode.ok;
  const { type, target, accessToken: token, json, ...where } = settings.values;
  const body = { type, target, token };
  const added = await poolClient(findPool(where)).post('/api/v1/notices/channels', { body });
  const { channel, secret } = added;
  const next = channel.confirmed
    ? `Try it: tributary notices test ${channel.id}`
    : `A code is on its way there: tributary notices confirm ${channel.id} --code CODE`;
  const shown =
    secret === null ? '' : `\n\nThe secret of its signatures, shown once:\n\n  ${secret}`;
  print(io, json ? JSON.stringify(added) : `${type} ${channel.shown} is added. ${next}${shown}`);
  return exitCode.ok;
}

async function confirm(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(commands.confirm, args, io);
  if (!settings) return exitCode.ok;
  const { channel, code, ...where } = settings.values;
  await poolClient(findPool(where)).post('/api/v1/notices/channels/{channel}/confirm', {
    params: { channel },
    body: { code },
  });
  print(io, 'The channel is confirmed: notices go there from now on.');
  return exitCode.ok;
}

async function test(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(commands.test, args, io);
  if (!settings) return exitCode.ok;
  const { channel, ...where } = settings.values;
  const params = { channel };
  await poolClient(findPool(where)).post('/api/v1/notices/channels/{channel}/test', { params });
  print(io, 'It is on its way. If nothing arrives, see tributary notices dead.');
  return exitCode.ok;
}

async function remove(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(commands.remove, args, io);
  if (!settings) return exitCode.ok;
  const { channel, ...where } = settings.values;
  const params = { channel };
  await poolClient(findPool(where)).post('/api/v1/notices/channels/{channel}/remove', { params });
  print(io, 'The channel is removed, with the letters that waited for it.');
  return exitCode.ok;
}

function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}
