import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { AccountName, Balance } from './accounts.ts';
import type { Posting, PostingKind } from './postings.ts';

/** Lines that are read at once. */
export const LINES_MAX = 1_000;

/**
 * Writes an event into the books, with the rest of the transaction: `known` when it was written
 * before. Until the transaction ends no other one posts, so it should end soon. Throws `internal`
 * when another event was posted under the same cause, `database_failed` for entries that do not sum
 * to zero. A posting without entries is none: `known`.
 */
export async function post(tx: Transaction, posting: Posting): Promise<'posted' | 'known'> {
  const { cause, kind, at, epoch, entries, facts = {} } = posting;
  if (entries.length === 0) return 'known';
  const { count } = await tx.query(
    sql`
    with made as (
      insert into posting (cause, kind, at, epoch, facts)
      values (${cause}, ${kind},
        'epoch'::timestamptz + ${at}::double precision * interval '1 millisecond',
        ${epoch ?? null}::bigint, ${JSON.stringify(facts)}::jsonb)
      on conflict (cause) do nothing
      returning number)
    insert into entry (posting, line, account, asset, amount, note)
    select made.number, e.line, e.account, e.asset, e.amount, e.note
    from made, unnest(
      ${entries.map((entry) => entry.account)}::text[],
      ${entries.map((entry) => entry.asset)}::text[],
      ${entries.map((entry) => String(entry.amount))}::numeric[],
      ${entries.map((entry) => entry.note ?? null)}::text[]
    ) with ordinality as e (account, asset, amount, note, line)
    order by e.line`,
    'post',
  );
  if (count > 0) return 'posted';
  await checkKnown(tx, posting);
  return 'known';
}

/** Under one cause there is one event; another one would be lost without a word. */
async function checkKnown(tx: Transaction, { cause, entries }: Posting): Promise<void> {
  const { rows } = await tx.query<{ account: string; asset: string; amount: bigint }>(sql`
    select account, asset, amount from entry join posting on posting.number = entry.posting
    where cause = ${cause} order by line`);
  const same =
    rows.length === entries.length &&
    entries.every(({ account, asset, amount }, index) => {
      const row = rows[index];
      return row?.account === account && row.asset === asset && row.amount === amount;
    });
  if (same) return;
  throw new TributaryError('internal', 'another event is posted under this cause', {
    facts: { cause },
  });
}

/** Which balances are asked for. */
export interface BalanceFilter {
  /** One account, or with a colon at its end (`worker:`) all of that kind. */
  readonly account?: string;
  readonly asset?: AssetId;
}

/** What accounts hold; those that hold nothing any more are among them. By account, then asset. */
export async function balancesOf(
  from: Queryable,
  { account, asset }: BalanceFilter = {},
): Promise<readonly Balance[]> {
  const { rows } = await from.query<{ account: string; asset: string; balance: bigint }>(sql`
    select account, asset, balance from account_balance
    where (${account ?? null}::text is null or account = ${account ?? null}
        or (${account?.endsWith(':') ?? false}::boolean and starts_with(account, ${account ?? null})))
      and (${asset ?? null}::text is null or asset = ${asset ?? null})
    order by account, asset`);
  return rows.map((row) => ({
    account: row.account as AccountName,
    asset: row.asset as AssetId,
    balance: row.balance,
  }));
}

/** What one account holds of one asset; 0 where nothing was ever posted. */
export async function balanceOf(
  from: Queryable,
  account: AccountName,
  asset: AssetId,
): Promise<bigint> {
  const [held] = await balancesOf(from, { account, asset });
  return held?.balance ?? 0n;
}

/** One entry with the event that it is of. */
export interface Line extends Balance {
  /** Of its posting: a cursor for the lines after it. */
  readonly posting: bigint;
  readonly line: number;
  readonly cause: string;
  readonly kind: PostingKind;
  readonly at: Instant;
  readonly epoch: bigint | undefined;
  readonly amount: bigint;
  readonly note: string | undefined;
  readonly facts: Readonly<Record<string, string>>;
}

/** Which lines are asked for. */
export interface LineFilter extends BalanceFilter {
  /** Only lines of an epoch, or of one kind of event. */
  readonly epoch?: bigint;
  readonly kind?: PostingKind;
  /** Only lines after this one. */
  readonly after?: { readonly posting: bigint; readonly line: number };
  /** At most {@link LINES_MAX}. */
  readonly limit?: number;
}

interface LineRow {
  posting: bigint;
  line: number;
  cause: string;
  kind: PostingKind;
  at: Instant;
  epoch: bigint | null;
  facts: Record<string, string>;
  account: string;
  asset: string;
  amount: bigint;
  note: string | null;
  balance: bigint;
}

/** Entries in the order in which they were posted. */
export async function linesOf(from: Queryable, filter: LineFilter = {}): Promise<readonly Line[]> {
  const { account, asset, epoch, kind, after, limit = LINES_MAX } = filter;
  const { rows } = await from.query<LineRow>(sql`
    select e.posting, e.line, p.cause, p.kind, p.at, p.epoch, p.facts, e.account, e.asset, e.amount,
      e.note, e.balance
    from entry e join posting p on p.number = e.posting
    where (${account ?? null}::text is null or e.account = ${account ?? null}
        or (${account?.endsWith(':') ?? false}::boolean
          and starts_with(e.account, ${account ?? null})))
      and (${asset ?? null}::text is null or e.asset = ${asset ?? null})
      and (${epoch ?? null}::bigint is null or p.epoch = ${epoch ?? null})
      and (${kind ?? null}::text is null or p.kind = ${kind ?? null})
      and (e.posting, e.line) > (${after?.posting ?? 0n}::bigint, ${after?.line ?? 0}::integer)
    order by e.posting, e.line limit ${Math.min(limit, LINES_MAX)}`);
  return rows.map((row) => ({
    posting: row.posting,
    line: row.line,
    cause: row.cause,
    kind: row.kind,
    at: row.at,
    epoch: row.epoch ?? undefined,
    facts: row.facts,
    account: row.account as AccountName,
    asset: row.asset as AssetId,
    amount: row.amount,
    note: row.note ?? undefined,
    balance: row.balance,
  }));
}

/** An account whose running balance is not the sum of its entries: there is none, ever. */
export interface WrongBalance extends Balance {
  readonly entriesSum: bigint;
}

/** Adds all entries up again. Reads the whole ledger. */
export async function wrongBalances(from: Queryable): Promise<readonly WrongBalance[]> {
  const { rows } = await from.query<{
    account: string;
    asset: string;
    balance: bigint;
    entries_sum: bigint;
  }>(sql`select account, asset, balance, entries_sum from wrong_balances()`);
  return rows.map((row) => ({
    account: row.account as AccountName,
    asset: row.asset as AssetId,
    balance: row.balance,
    entriesSum: row.entries_sum,
  }));
}
