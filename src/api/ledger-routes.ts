import { z } from 'zod';
import { assetId, isAssetId } from '../base/asset.ts';
import { TributaryError } from '../base/errors.ts';
import { accountKinds, type Balance, parseAccountName } from '../ledger/accounts.ts';
import type { Books } from '../ledger/books.ts';
import type { BalanceFilter, Line } from '../ledger/postings-store.ts';
import { LINES_MAX } from '../ledger/postings-store.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal } from './shapes.ts';

export interface LedgerRoutesParts {
  readonly books: Books;
}

const balance = z.object({
  account: z.string(),
  asset: z.string(),
  side: z.string(),
  balance: decimal,
});

const line = z.object({
  account: z.string(),
  asset: z.string(),
  amount: decimal,
  balance: decimal,
  cause: z.string(),
  kind: z.string(),
  facts: z.record(z.string(), z.string()),
  cursor: z.string(),
  at: z.string(),
  epoch: decimal.optional(),
  note: z.string().optional(),
});

const filter = {
  account: z.string().max(200).optional(),
  asset: z.string().max(40).optional(),
};

export const ledgerApi = {
  accounts: defineRoute({
    method: 'GET',
    path: '/api/v1/ledger/accounts',
    access: 'viewer',
    summary: 'What accounts hold.',
    query: z.object(filter),
    reply: z.object({ accounts: z.array(balance) }),
  }),
  lines: defineRoute({
    method: 'GET',
    path: '/api/v1/ledger/lines',
    access: 'viewer',
    summary: 'Entries in the order in which they were posted.',
    query: z.object({
      ...filter,
      epoch: z.string().optional(),
      limit: z.string().optional(),
      after: z.string().optional(),
    }),
    reply: z.object({ lines: z.array(line) }),
  }),
  check: defineRoute({
    method: 'GET',
    path: '/api/v1/ledger/check',
    access: 'viewer',
    summary: 'Adds all entries up anew: the accounts whose balance is another one.',
    reply: z.object({ wrong: z.array(balance.extend({ entriesSum: decimal })) }),
  }),
} as const;

/** `/api/v1/ledger`: accounts, their lines, and the sum of all entries anew. Nothing changes them. */
export function ledgerRoutes({ books }: LedgerRoutesParts): readonly Route[] {
  return [
    serve(ledgerApi.accounts, async ({ query }) => {
      const balances = await books.balances(filterIn(query));
      return { accounts: balances.map(balanceView) };
    }),
    serve(ledgerApi.lines, async ({ query }) => {
      const epoch = numberIn(query.epoch, 'epoch');
      const limit = Number(numberIn(query.limit, 'limit') ?? LINES_MAX);
      const after = cursorIn(query.after);
      const lines = await books.lines({
        ...filterIn(query),
        ...(epoch === undefined ? {} : { epoch }),
        ...(after ? { after } : {}),
        limit,
      });
      return { lines: lines.map(lineView) };
    }),
    serve(ledgerApi.check, async () => {
      const wrong = await books.wrong();
      return { wrong: wrong.map((one) => ({ ...balanceView(one), entriesSum: one.entriesSum })) };
    }),
  ];
}

function balanceView({ account, asset, balance }: Balance) {
  const kind = account.split(':')[0] as keyof typeof accountKinds;
  return { account, asset, side: accountKinds[kind] ?? 'has', balance };
}

function lineView(line: Line) {
  const { posting, line: place, at, epoch, note, ...rest } = line;
  return {
    ...rest,
    cursor: `${posting}.${place}`,
    at: new Date(at).toISOString(),
    ...(epoch === undefined ? {} : { epoch }),
    ...(note === undefined ? {} : { note }),
  };
}

/** An account by name, or a kind with a colon for all accounts of it. */
function filterIn({
  account,
  asset,
}: {
  readonly account?: string | undefined;
  readonly asset?: string | undefined;
}): BalanceFilter {
  if (asset !== undefined && !isAssetId(asset)) throw invalid('asset must be such as ETH');
  if (account !== undefined && !parseAccountName(account) && !isKind(account)) {
    throw invalid('There is no account of that name.');
  }
  return {
    ...(account === undefined ? {} : { account }),
    ...(asset === undefined ? {} : { asset: assetId(asset) }),
  };
}

function isKind(text: string): boolean {
  return text.endsWith(':') && Object.hasOwn(accountKinds, text.slice(0, -1));
}

function numberIn(text: string | undefined, name: string): bigint | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,18}$/.test(text)) throw invalid(`${name} must be a number`);
  return BigInt(text);
}

function cursorIn(text: string | undefined) {
  if (text === undefined) return undefined;
  const match = /^(\d{1,18})\.(\d{1,9})$/.exec(text);
  if (!match) throw invalid('after must be the cursor of a line');
  return { posting: BigInt(match[1] as string), line: Number(match[2]) };
}

function invalid(text: string): TributaryError {
  return new TributaryError('setting_invalid', text);
}
