import { z } from 'zod';
import {
  type AdminCall,
  callerOf,
  createAdminClient,
  decode,
  findPool,
  type Whereabouts,
  workerNames,
} from '../../api/admin-client.ts';
import { parseAmount } from '../../base/amounts.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io } from '../../base/terminal.ts';
import { poolClient } from '../../client/pool-client.ts';
import {
  accountsCommand,
  balanceCommand,
  correctCommand,
  linesCommand,
  recoverCommand,
  refundCommand,
} from './settings.ts';
import {
  type AccountView,
  accountsView,
  amountText,
  csv,
  type LineView,
  linesView,
} from './views.ts';

const units = z.string().regex(/^-?\d+$/);
const account = z.object({
  account: z.string(),
  asset: z.string(),
  side: z.enum(['has', 'owes']),
  balance: units,
});
const accounts = z.object({ accounts: z.array(account) });
const lines = z.object({
  lines: z.array(
    z.object({
      cursor: z.string(),
      at: z.string(),
      epoch: z.string().optional(),
      account: z.string(),
      asset: z.string(),
      kind: z.string(),
      cause: z.string(),
      amount: units,
      balance: units,
      note: z.string().optional(),
    }),
  ),
});
const checked = z.object({ wrong: z.array(account.extend({ entriesSum: units })) });

/** `tributary ledger …`: asks the admin address of the running pool. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [word = '', ...rest] = args;
  switch (word) {
    case 'accounts':
      return showAccounts(rest, io);
    case 'lines':
      return showLines(rest, io);
    case 'balance':
      return checkBalances(rest, io);
    case 'refund':
      return refund(rest, io);
    case 'correct':
      return correct(rest, io);
    case 'recover':
      return recover(rest, io);
    default:
      throw new TributaryError('command_unknown', `"ledger ${word}" is not a command.`);
  }
}

async function refund(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(refundCommand, args, io)?.values;
  if (!values) return exitCode.ok;
  const { amount, worker, id, asset, reason } = values;
  // Of other assets only the pool's terms know how many decimals they have.
  const units = ['ETH', 'LPT'].includes(asset) ? parseAmount(amount) : unitsIn(amount);
  if (units === undefined || units === 0n) {
    throw new TributaryError('refund_amount_invalid', `${amount} is not an amount of ${asset}.`);
  }
  const booked = await poolClient(findPool(values)).post('/api/v1/ledger/refunds', {
    body: { id, worker, asset, amount: String(units), ...(reason ? { reason } : {}) },
  });
  const text = `Booked ${amountText(units, asset)} ${asset} as taken back, in epoch ${booked.epoch}.`;
  print(io, values.json ? JSON.stringify(booked) : text);
  return exitCode.ok;
}

async function correct(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(correctCommand, args, io)?.values;
  if (!values) return exitCode.ok;
  const { asset, more, less, account: name, reason } = values;
  const said = more ?? less ?? '';
  const units = ['ETH', 'LPT'].includes(asset) ? parseAmount(said) : unitsIn(said);
  if (units === undefined) {
    throw new TributaryError('correction_refused', `${said} is not an amount of ${asset}.`);
  }
  const amount = String(more === undefined ? -units : units);
  const booked = await poolClient(findPool(values)).post('/api/v1/ledger/corrections', {
    body: { account: name, asset, amount, reason },
  });
  const way = more === undefined ? 'taken out of' : 'put into';
  const text = `Booked ${amountText(units, asset)} ${asset} as ${way} the ${name}.`;
  print(io, values.json ? JSON.stringify(booked) : text);
  return exitCode.ok;
}

function unitsIn(text: string): bigint | undefined {
  return /^\d{1,78}$/.test(text) ? BigInt(text) : undefined;
}

/** A chain is big, and only this one asks it. */
async function recover(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(recoverCommand, args, io);
  if (!settings) return exitCode.ok;
  const { recoverBooks } = await import('./recover.ts');
  return recoverBooks(settings.values, (text) => print(io, text));
}

async function showAccounts(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(accountsCommand, args, io)?.values;
  if (!values) return exitCode.ok;
  const pool = findPool(values);
  const list = await readAccounts(callerOf(pool), queryOf(await withIds(values)));
  if (values.json) print(io, JSON.stringify(list));
  else if (values.csv) {
    const rows = list.map((one) => [one.account, one.asset, one.side, one.balance]);
    print(io, csv([['account', 'asset', 'side', 'balance'], ...rows]));
  } else print(io, accountsView(named(list, await workerNames(pool)), createPaint(io)));
  return exitCode.ok;
}

async function readAccounts(call: AdminCall, query: string): Promise<readonly AccountView[]> {
  return decode(accounts, await call('GET', `/api/v1/ledger/accounts${query}`)).accounts;
}

async function showLines(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(linesCommand, args, io)?.values;
  if (!values) return exitCode.ok;
  const pool = findPool(values);
  const call = callerOf(pool);
  const wanted = await withIds(values);
  const list: LineView[] = [];
  for (let after: string | undefined; ; ) {
    const path = `/api/v1/ledger/lines${queryOf({ ...wanted, after })}`;
    const page: readonly LineView[] = decode(lines, await call('GET', path)).lines;
    list.push(...page);
    after = page.at(-1)?.cursor;
    if (after === undefined) break;
  }
  if (values.json) print(io, JSON.stringify(list));
  else if (values.csv) {
    const rows = list.map((one) => COLUMNS.map((name) => one[name] ?? ''));
    print(io, csv([COLUMNS, ...rows]));
  } else print(io, linesView(named(list, await workerNames(pool)), createPaint(io)));
  return exitCode.ok;
}

const COLUMNS = [
  'cursor',
  'at',
  'epoch',
  'account',
  'asset',
  'kind',
  'cause',
  'amount',
  'balance',
  'note',
] as const satisfies readonly (keyof LineView)[];

/** Fails, with the accounts, when a running balance is not the sum of its entries. */
async function checkBalances(args: readonly string[], io: Io): Promise<number> {
  const values = readSettings(balanceCommand, args, io)?.values;
  if (!values) return exitCode.ok;
  const pool = findPool(values);
  const call = callerOf(pool);
  const { wrong } = decode(checked, await call('GET', '/api/v1/ledger/check'));
  const list = await readAccounts(call, '');
  const sums = new Map<string, bigint>();
  for (const { asset, balance } of list) {
    sums.set(asset, (sums.get(asset) ?? 0n) + BigInt(balance));
  }
  const uneven = [...sums].filter(([, sum]) => sum !== 0n);
  const balanced = wrong.length === 0 && uneven.length === 0;
  if (values.json) {
    const by = uneven.map(([asset, sum]) => ({ asset, sum: String(sum) }));
    print(io, JSON.stringify({ balanced, wrong, uneven: by }));
  } else if (values.csv) {
    const rows = wrong.map((one) => [one.account, one.asset, one.balance, one.entriesSum]);
    print(io, csv([['account', 'asset', 'balance', 'entries'], ...rows]));
  } else if (balanced) {
    print(
      io,
      `OK: ${list.length} balances are the sums of their entries, and together they are 0.`,
    );
  } else {
    const nameOf = await workerNames(pool);
    for (const { account: name, asset, balance, entriesSum } of named(wrong, nameOf)) {
      const [held, sum] = [balance, entriesSum].map((one) => amountText(BigInt(one), asset));
      print(io, `${name} holds ${held} ${asset}, and its entries sum to ${sum}.`);
    }
    for (const [asset, sum] of uneven) {
      print(io, `All accounts together hold ${amountText(sum, asset)} ${asset} instead of 0.`);
    }
  }
  return balanced ? exitCode.ok : exitCode.failed;
}

/** Accounts of workers as people call them: `worker:heron`. */
function named<T extends { readonly account: string }>(
  list: readonly T[],
  nameOf: (worker: string) => string,
): readonly T[] {
  return list.map((one) => {
    const [kind = '', ...owner] = one.account.split(':');
    return { ...one, account: [kind, ...owner.map(nameOf)].join(':') };
  });
}

/** The account that is meant, also where its worker stands there by name. */
async function withIds<T extends Whereabouts & { readonly account: string | undefined }>(
  values: T,
): Promise<T> {
  const [kind = '', owner = ''] = values.account?.split(':') ?? [];
  if (owner === '') return values;
  if (!OF_WORKERS.has(kind)) return values;
  const workers = await createAdminClient(findPool(values)).list();
  const known = workers.filter(({ id, name }) => id === owner || name === owner);
  const meant = known.find(({ state }) => state !== 'revoked') ?? known[0];
  if (!meant) throw new TributaryError('worker_unknown', `There is no worker ${owner}.`);
  return { ...values, account: `${kind}:${meant.id}` };
}

const OF_WORKERS: ReadonlySet<string> = new Set(['worker', 'holdback', 'award']);

function queryOf(values: {
  readonly account?: string | undefined;
  readonly asset?: string | undefined;
  readonly epoch?: number | undefined;
  readonly after?: string | undefined;
}): string {
  const { account: name, asset, epoch, after } = values;
  const given = Object.entries({ account: name, asset, epoch, after });
  const query = new URLSearchParams();
  for (const [key, value] of given) if (value !== undefined) query.set(key, String(value));
  return query.size === 0 ? '' : `?${query}`;
}

function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}
