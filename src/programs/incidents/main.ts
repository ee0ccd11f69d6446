import { findPool } from '../../api/admin-client.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io } from '../../base/terminal.ts';
import { poolClient } from '../../client/pool-client.ts';
import { incidentsCommands as commands } from './settings.ts';
import { incidentsView, incidentView, isOpen } from './views.ts';

/** `tributary incidents …`: asks the admin address of the running pool. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [word = '', ...rest] = args;
  switch (word) {
    case 'list':
      return list(rest, io);
    case 'open':
      return open(rest, io);
    case 'plan':
      return plan(rest, io);
    case 'update':
      return update(rest, io);
    case 'close':
      return close(rest, io);
    default:
      throw new TributaryError('command_unknown', `"incidents ${word}" is not a command.`);
  }
}

async function list(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands.list, args, io)?.values;
  if (!values) return exitCode.ok;
  const { open, newest, json, ...where } = values;
  const query = { limit: newest };
  const { items } = await poolClient(findPool(where)).get('/api/v1/incidents', { query });
  const now = Date.now();
  const shown = open ? items.filter((item) => isOpen(item, now)) : items;
  print(io, json ? JSON.stringify(shown) : incidentsView(shown, now, createPaint(io)));
  return exitCode.ok;
}

async function open(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands.open, args, io)?.values;
  if (!values) return exitCode.ok;
  const { title, text, startsAt, json, ...where } = values;
  const body = { title, text, startsAt };
  return said(await poolClient(findPool(where)).post('/api/v1/incidents', { body }), json, io);
}

async function plan(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands.plan, args, io)?.values;
  if (!values) return exitCode.ok;
  const { title, text, startsAt, endsAt, json, ...where } = values;
  const body = { title, text, startsAt, endsAt };
  return said(await poolClient(findPool(where)).post('/api/v1/maintenance', { body }), json, io);
}

async function update(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands.update, args, io)?.values;
  if (!values) return exitCode.ok;
  const { incident, text, json, ...where } = values;
  const request = { params: { incident }, body: { text } };
  const path = '/api/v1/incidents/{incident}/update';
  return said(await poolClient(findPool(where)).post(path, request), json, io);
}

async function close(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands.close, args, io)?.values;
  if (!values) return exitCode.ok;
  const { incident, text, json, ...where } = values;
  const request = { params: { incident }, body: { text } };
  const path = '/api/v1/incidents/{incident}/close';
  return said(await poolClient(findPool(where)).post(path, request), json, io);
}

function said(incident: Parameters<typeof incidentView>[0], json: boolean, io: Io): number {
  print(io, json ? JSON.stringify(incident) : incidentView(incident, Date.now()));
  return exitCode.ok;
}

function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}
