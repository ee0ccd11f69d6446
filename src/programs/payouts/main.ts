import { readFile } from 'node:fs/promises';
import {
  type AdminCall,
  callerOf,
  findPool,
  type Whereabouts,
  workerNames,
} from '../../api/admin-client.ts';
import type { Command, Settings, ValuesOf } from '../../base/command.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { openOutputFile } from '../../base/output-file.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import { payoutCommands } from './settings.ts';
import { fundedView, planView, reconciliationView, statusView } from './views.ts';

/** Many questions to nodes that may be far away: each address is looked at. */
const ANSWER_MS_MAX = 120_000;

/** `tributary payouts …`: asks the admin address of the running pool. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [word = '', ...rest] = args;
  const handler = Object.hasOwn(handlers, word)
    ? handlers[word as keyof typeof handlers]
    : undefined;
  if (!handler) throw new TributaryError('command_unknown', `"payouts ${word}" is not a command.`);
  return handler(rest, io);
}

type Ask = (path: string, body?: object) => Promise<unknown>;

/** Reads a command's settings, and hands over a way to ask the pool. */
function command<S extends Settings>(
  known: Command<S>,
  act: (
    values: ValuesOf<S>,
    parts: {
      readonly ask: Ask;
      readonly print: (text: string) => void;
      names(): Promise<(worker: string) => string>;
    },
  ) => Promise<number | undefined>,
) {
  return async (args: readonly string[], io: Io): Promise<number> => {
    const settings = readSettings(known, args, io);
    if (!settings) return exitCode.ok;
    const pool = findPool(settings.values as unknown as Whereabouts);
    const ask = asking(callerOf(pool));
    const print = (text: string) => void io.stdout.write(`${text}\n`);
    const names = () => workerNames(pool);
    return (await act(settings.values, { ask, print, names })) ?? exitCode.ok;
  };
}

function asking(call: AdminCall): Ask {
  return (path, body) => call(body ? 'POST' : 'GET', `/api/v1/payouts${path}`, body, ANSWER_MS_MAX);
}

const text = (value: unknown) => JSON.stringify(value, null, 2);

const handlers = {
  preview: command(payoutCommands.preview, async ({ now, worker, json }, { ask, print }) => {
    const plan = await ask('/preview', worker ? { worker } : { demand: now ? 'now' : 'schedule' });
    print(json ? text(plan) : planView(plan));
    return undefined;
  }),
  approve: command(payoutCommands.approve, async (values, { ask, print }) => {
    const token = (await read(values.as)).trim();
    const approved = await ask('/approve', { digest: values.digest, token });
    const { by } = approved as { readonly by: readonly string[] };
    print(values.json ? text(approved) : `Approved by ${by.join(', ')}.`);
    return undefined;
  }),
  run: command(payoutCommands.run, async ({ digest, json }, { ask, print }) => {
    const done = await ask('/run', { digest });
    const { batches } = done as { readonly batches: number };
    const words = `${batches} ${batches === 1 ? 'batch' : 'batches'}`;
    print(json ? text(done) : `${words} on the way: see \`tributary payouts status\`.`);
    return undefined;
  }),
  status: command(payoutCommands.status, async ({ json }, { ask, print, names }) => {
    const status = await ask('/status');
    print(json ? text(status) : statusView(status, await names()));
    return undefined;
  }),
  reconcile: command(payoutCommands.reconcile, async ({ json }, { ask, print }) => {
    const found = await ask('/reconcile');
    print(json ? text(found) : reconciliationView(found));
    const { differences } = found as { readonly differences: readonly unknown[] };
    return differences.length === 0 ? exitCode.ok : exitCode.failed;
  }),
  export: command(payoutCommands.export, async ({ file, again }, { ask, print }) => {
    // First, since the pool gives the payouts of a file once.
    await using output = await openOutputFile(file, { replaces: true });
    const made = (await ask('/export', { again })) as { file: string; payouts: number };
    if (made.payouts === 0) {
      print('Nothing goes by file now.');
      return undefined;
    }
    await output.fill(made.file);
    const many = made.payouts === 1 ? '1 payout' : `${made.payouts} payouts`;
    print(`${many} in ${file}. Give it to the bank once, then import what it says.`);
    return undefined;
  }),
  import: command(payoutCommands.import, async ({ file, json }, { ask, print }) => {
    const taken = await ask('/import', { file: await read(file) });
    const { paid, failed, returned } = taken as Record<'paid' | 'failed' | 'returned', number>;
    print(json ? text(taken) : `${paid} paid, ${failed} refused, ${returned} returned.`);
    return undefined;
  }),
  resolve: command(payoutCommands.resolve, async ({ payout, moved }, { ask, print }) => {
    await ask('/resolve', { payout, moved });
    print(moved ? 'It counts as paid.' : 'The worker is owed it again.');
    return undefined;
  }),
  'came-back': command(payoutCommands['came-back'], async ({ payout }, { ask, print }) => {
    await ask('/came-back', { payout });
    print('The worker is owed it again.');
    return undefined;
  }),
  pause: command(payoutCommands.pause, async ({ asset }, { ask, print }) => {
    await ask('/pause', { asset });
    print(`${asset === undefined ? 'All payouts' : `Payouts in ${asset}`} wait.`);
    return undefined;
  }),
  resume: command(payoutCommands.resume, async ({ asset }, { ask, print }) => {
    await ask('/resume', { asset });
    print(`${asset === undefined ? 'Payouts' : `Payouts in ${asset}`} go on.`);
    return undefined;
  }),
  rate: command(payoutCommands.rate, async ({ from, to, paid, owed, note }, { ask, print }) => {
    await ask('/rate', { from, to, numerator: paid, denominator: owed, note });
    print('Written down.');
    return undefined;
  }),
  'add-approver': command(
    payoutCommands['add-approver'],
    async ({ name, file }, { ask, print }) => {
      // First, since the pool shows a token once.
      await using output = await openOutputFile(file, { replaces: false });
      const made = (await ask('/approvers/add', { name })) as {
        token: string;
        approver: { countsFrom: number };
      };
      await output.fill(`${made.token}\n`);
      print(`${name} may approve from ${new Date(made.approver.countsFrom).toISOString()} on.`);
      return undefined;
    },
  ),
  'remove-approver': command(
    payoutCommands['remove-approver'],
    async ({ name }, { ask, print }) => {
      await ask('/approvers/remove', { name });
      print(`${name} may not approve any more.`);
      return undefined;
    },
  ),
  choose: command(payoutCommands.choose, async (values, { ask, print }) => {
    const { worker, asset, threshold, account: fiatAccount, json } = values;
    const path = `/workers/${encodeURIComponent(worker)}/choose`;
    const chosen = await ask(path, { asset, threshold, fiatAccount });
    print(json ? text(chosen) : `${worker}: noted.`);
    return undefined;
  }),
  address: command(payoutCommands.address, async (values, { ask, print }) => {
    const { worker, to, message, validUntil, oldSignature, newSignature, stop, json } = values;
    const path = `/workers/${encodeURIComponent(worker)}`;
    if (stop) {
      await ask(`${path}/stop-address`, {});
      print('The change is stopped.');
      return undefined;
    }
    if (message) {
      const wish = (await ask(`${path}/address-text`, { to })) as { text: string };
      print(json ? text(wish) : wish.text);
      return undefined;
    }
    const signed =
      oldSignature === undefined ? {} : signedBy(validUntil, oldSignature, newSignature);
    const change = (await ask(`${path}/address`, { to, ...signed })) as {
      state: string;
      effectiveAt: number;
    };
    if (json) print(text(change));
    else if (change.state === 'effective') print(`${worker} is paid there from now on.`);
    else {
      const when = new Date(change.effectiveAt).toISOString();
      print(`${worker} is paid there from ${when} on. \`--stop\` stops it until then.`);
    }
    return undefined;
  }),
  funded: command(payoutCommands.funded, async ({ transaction, json }, { ask, print }) => {
    const booked = await ask('/funded', { transaction });
    print(json ? text(booked) : fundedView(booked));
    return undefined;
  }),
  'deploy-disperse': command(payoutCommands['deploy-disperse'], async (_, { ask, print }) => {
    const { transaction } = (await ask('/deploy-disperse', {})) as { transaction?: string };
    print(
      transaction === undefined
        ? 'It is there.'
        : `On its way as ${transaction}. Run this again to see whether it is there.`,
    );
    return undefined;
  }),
} as const;

function signedBy(validUntil = '', oldSignature: string, newSignature: string | undefined) {
  const expiresAt = Date.parse(validUntil);
  if (Number.isNaN(expiresAt)) {
    throw new TributaryError(
      'setting_invalid',
      'Write --valid-until as in the text that was signed.',
    );
  }
  return { expiresAt, oldSignature, newSignature };
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new TributaryError('input_missing', `${file} cannot be read (${messageOf(cause)}).`, {
      cause,
    });
  }
}
