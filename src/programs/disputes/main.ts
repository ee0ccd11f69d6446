import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import {
  type AdminCall,
  callerOf,
  decode,
  findPool,
  type Whereabouts,
  workerNames,
} from '../../api/admin-client.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io } from '../../base/terminal.ts';
import { parseJoinString } from '../../workers/join-string.ts';
import { disputesCommands as commands } from './settings.ts';
import { disputeView, linesView, listView, ownLines, shortDispute, wholeDispute } from './views.ts';

/** Who asks: the operator at the admin address, or a worker at the public one. */
interface Asker {
  readonly call: AdminCall;
  /** Where its disputes are. */
  readonly at: '/api/v1/disputes' | '/api/v1/me/disputes';
  /** What people call a worker: its id where a worker asks, who sees no other one. */
  names(): Promise<(worker: string) => string>;
}

/** `tributary disputes …`. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [word = '', ...rest] = args;
  switch (word) {
    case 'open':
      return open(rest, io);
    case 'list':
      return list(rest, io);
    case 'lines':
      return lines(rest, io);
    case 'show':
      return show(rest, io);
    case 'answer':
    case 'withdraw':
      return say(word, rest, io);
    case 'decide':
      return decide(rest, io);
    case 'export':
      return exportLog(rest, io);
    default:
      throw new TributaryError('command_unknown', `"disputes ${word}" is not a command.`);
  }
}

async function open(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands.open, args, io)?.values;
  if (!values) return exitCode.ok;
  const { about, text, evidence, json } = values;
  const asker = await askerOf(values);
  const body = { about, text, evidence, ...named('claimed', values) };
  return shown(await asker.call('POST', asker.at, body), asker, json, io);
}

async function list(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands.list, args, io)?.values;
  if (!values) return exitCode.ok;
  const { call, at, names } = await askerOf(values);
  const { disputes } = decode(z.object({ disputes: z.array(shortDispute) }), await call('GET', at));
  const wanted = disputes.filter(({ deadline }) => values.all || deadline !== null);
  const rest = disputes.length - wanted.length;
  if (values.json) print(io, JSON.stringify(wanted));
  else print(io, listView(wanted, { rest, nameOf: await names() }, createPaint(io)));
  return exitCode.ok;
}

async function lines(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands.lines, args, io)?.values;
  if (!values) return exitCode.ok;
  const { call, at } = await askerOf(values);
  if (at !== '/api/v1/me/disputes') {
    const message = `See all workers: tributary epoch show ${values.epoch}. A worker gives --pool and --credential.`;
    throw new TributaryError('setting_missing', message);
  }
  const own = decode(ownLines, await call('GET', `/api/v1/me/epochs/${values.epoch}`));
  print(io, values.json ? JSON.stringify(own.lines) : linesView(own, createPaint(io)));
  return exitCode.ok;
}

async function show(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands.show, args, io)?.values;
  if (!values) return exitCode.ok;
  const asker = await askerOf(values);
  const path = `${asker.at}/${encodeURIComponent(values.dispute)}`;
  return shown(await asker.call('GET', path), asker, values.json, io);
}

async function say(word: 'answer' | 'withdraw', args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands[word], args, io)?.values;
  if (!values) return exitCode.ok;
  const { dispute, text, evidence, json } = values;
  const asker = await askerOf(values);
  const isOwn = asker.at === '/api/v1/me/disputes';
  if (word === 'withdraw' && !isOwn) {
    const message = 'Only the worker can withdraw a dispute: --pool URL --credential FILE.';
    throw new TributaryError('setting_missing', message);
  }
  const what = word === 'answer' && isOwn ? 'reply' : word;
  const path = `${asker.at}/${encodeURIComponent(dispute)}/${what}`;
  return shown(await asker.call('POST', path, { text, evidence }), asker, json, io);
}

async function decide(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands.decide, args, io)?.values;
  if (!values) return exitCode.ok;
  const { dispute, text, evidence, outcome, json } = values;
  const path = `/api/v1/disputes/${encodeURIComponent(dispute)}/decide`;
  const body = { text, evidence, outcome, ...named('award', values) };
  const asker = operatorOf(values);
  return shown(await asker.call('POST', path, body), asker, json, io);
}

async function exportLog(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(commands.export, args, io)?.values;
  if (!values) return exitCode.ok;
  const { call } = await askerOf(values);
  const { log } = decode(z.object({ log: z.string() }), await call('GET', '/api/v1/dispute-log'));
  if (values.output === undefined) io.stdout.write(log);
  else {
    await writeFile(values.output, log, { flag: 'wx' }).catch((cause: unknown) => {
      const message = `${values.output} cannot be written (${messageOf(cause)}).`;
      throw new TributaryError('output_unusable', message, { cause });
    });
  }
  return exitCode.ok;
}

async function askerOf(
  given: Whereabouts & {
    readonly pool: string | undefined;
    readonly credential: string | undefined;
  },
): Promise<Asker> {
  const { pool, credential } = given;
  if (pool === undefined && credential === undefined) {
    return operatorOf(given);
  }
  if (pool === undefined || credential === undefined) {
    throw new TributaryError('setting_missing', 'A worker gives --pool and --credential together.');
  }
  const token = await credentialIn(credential);
  const names = async () => (worker: string) => worker;
  return { call: callerOf({ url: pool, token }), at: '/api/v1/me/disputes', names };
}

function operatorOf(given: Whereabouts): Asker {
  const pool = findPool(given);
  return { call: callerOf(pool), at: '/api/v1/disputes', names: () => workerNames(pool) };
}

/** The credential itself, or within the line that the pool printed for joining. */
async function credentialIn(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const message = `${path} cannot be read (${messageOf(cause)}).`;
    throw new TributaryError('input_missing', message, { cause });
  });
  const line = text.trim();
  const joined = parseJoinString(line);
  return joined.ok ? joined.join.credential : line;
}

function named(
  name: 'claimed' | 'award',
  { amount, asset }: { readonly amount: string | undefined; readonly asset: string },
): object {
  return amount === undefined ? {} : { [name]: { asset, amount } };
}

async function shown(answer: unknown, { names }: Asker, json: boolean, io: Io): Promise<number> {
  const dispute = decode(wholeDispute, answer);
  if (json) print(io, JSON.stringify(dispute));
  else print(io, disputeView(dispute, await names(), createPaint(io)));
  return exitCode.ok;
}

function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}
