import { assetId, isAssetId } from '../base/asset.ts';
import { TributaryError } from '../base/errors.ts';
import { accountKinds, type Balance, parseAccountName } from '../ledger/accounts.ts';
import type { Books } from '../ledger/books.ts';
import type { BalanceFilter, Line } from '../ledger/postings-store.ts';
import { LINES_MAX } from '../ledger/postings-store.ts';
import type { Route } from './admin.ts';

export interface LedgerRoutesParts {
  readonly books: Books;
}

/** `/api/v1/ledger`: accounts, their lines, and the sum of all entries anew. Nothing changes them. */
export function ledgerRoutes({ books }: LedgerRoutesParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/ledger/accounts',
      async handle({ query }) {
        const balances = await books.balances(filterIn(query));
        return { status: 200, value: { accounts: balances.map(balanceView) } };
      },
    },
    {
      method: 'GET',
      path: '/api/v1/ledger/lines',
      async handle({ query }) {
        const epoch = numberIn(query, 'epoch');
        const limit = Number(numberIn(query, 'limit') ?? LINES_MAX);
        const after = cursorIn(query.get('after'));
        const lines = await books.lines({
          ...filterIn(query),
          ...(epoch === undefined ? {} : { epoch }),
          ...(after ? { after } : {}),
          limit,
        });
        return { status: 200, value: { lines: lines.map(lineView) } };
      },
    },
    {
      method: 'GET',
      path: '/api/v1/ledger/check',
      async handle() {
        const wrong = await books.wrong();
        const value = {
          wrong: wrong.map((one) => ({ ...balanceView(one), entriesSum: one.entriesSum })),
        };
        return { status: 200, value };
      },
    },
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
function filterIn(query: URLSearchParams): BalanceFilter {
  const account = query.get('account') ?? undefined;
  const asset = query.get('asset') ?? undefined;
  if (asset !== undefined && !isAssetId(asset)) throw invalid('asset must be such as ETH');
  if (account !== undefined && !parseAccountName(account) && !isKind(account)) {
    throw invalid('there is no account of that name');
  }
  return {
    ...(account === undefined ? {} : { account }),
    ...(asset === undefined ? {} : { asset: assetId(asset) }),
  };
}

function isKind(text: string): boolean {
  return text.endsWith(':') && Object.hasOwn(accountKinds, text.slice(0, -1));
}

function numberIn(query: URLSearchParams, name: string): bigint | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,18}$/.test(text)) throw invalid(`${name} must be a number`);
  return BigInt(text);
}

function cursorIn(text: string | null) {
  if (text === null) return undefined;
  const match = /^(\d{1,18})\.(\d{1,9})$/.exec(text);
  if (!match) throw invalid('after must be the cursor of a line');
  return { posting: BigInt(match[1] as string), line: Number(match[2]) };
}

function invalid(text: string): TributaryError {
  return new TributaryError('setting_invalid', text);
}
