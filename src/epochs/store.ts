import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import { hex } from '../base/bytes.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { Amounts, HeldBack } from '../terms/settle-types.ts';

/** Only one node works at an epoch's end at a time; ends with the transaction. */
export async function lockClosing(tx: Transaction): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('tributary closing', 0))`);
}

/** The round in which an epoch was first seen open; undefined while none was. */
export async function roundOf(from: Queryable, epoch: bigint): Promise<bigint | undefined> {
  const { rows } = await from.query<{ round: bigint }>(
    sql`select round from epoch_round where epoch = ${epoch}`,
  );
  return rows[0]?.round;
}

/** Notes the round of an epoch, once. */
export async function noteRound(from: Queryable, epoch: bigint, round: bigint): Promise<void> {
  await from.query(
    sql`insert into epoch_round (epoch, round) values (${epoch}, ${round}) on conflict do nothing`,
  );
}

/**
 * Draws the line under the income of an epoch that has ended: what is posted from now on is the next
 * one's. Drawn once; returns the number of the last posting above it.
 */
export async function noteEnd(tx: Transaction, epoch: bigint): Promise<bigint> {
  // Who posts holds this lock until it commits, so that no lower number is still on its way.
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('tributary ledger', 0))`);
  await tx.query(sql`
    insert into epoch_end (epoch, posting)
    select ${epoch}, coalesce(max(number), 0) from posting
    on conflict do nothing`);
  const { rows } = await tx.query<{ posting: bigint }>(
    sql`select posting from epoch_end where epoch = ${epoch}`,
  );
  return (rows[0] as { posting: bigint }).posting;
}

/** What one kind of event added to income, or took from it, within an epoch. */
export interface IncomeRow {
  readonly kind: string;
  readonly asset: AssetId;
  /** Signed base units: more than 0 is income. */
  readonly amount: bigint;
  /** Hashes of the transactions that it shows in, by text. */
  readonly transactions: readonly string[];
}

/** The income of an epoch by kind, or what its transactions cost in gas. */
export async function incomeOf(
  from: Queryable,
  epoch: bigint,
  account: 'income' | 'gas',
): Promise<readonly IncomeRow[]> {
  const sign = account === 'income' ? -1 : 1;
  const { rows } = await from.query<{
    kind: string;
    asset: string;
    amount: bigint;
    transactions: string[];
  }>(sql`
    select p.kind, e.asset, sum(${sign} * e.amount) as amount,
      coalesce(array_agg(distinct p.facts ->> 'transaction' order by p.facts ->> 'transaction')
        filter (where p.facts ? 'transaction'), '{}') as transactions
    from posting p join entry e on e.posting = p.number and e.account = ${account}
    where p.kind <> 'epoch'
      and p.number > coalesce((select posting from epoch_end where epoch = ${epoch - 1n}), 0)
      and p.number <= (select posting from epoch_end where epoch = ${epoch})
    group by p.kind, e.asset order by p.kind, e.asset`);
  return rows.map((row) => ({ ...row, asset: row.asset as AssetId }));
}

/**
 * What the account of income holds unsettled up to the end of an epoch, by asset: less than 0 where a
 * loss was more than the income of earlier epochs. One statement, so that nothing is posted within.
 */
export async function unsettledIncome(from: Queryable, epoch: bigint): Promise<Amounts> {
  const { rows } = await from.query<{ asset: string; amount: bigint }>(sql`
    select held.asset, coalesce((
        select sum(e.amount) from entry e join posting p on p.number = e.posting
        where e.account = held.account and e.asset = held.asset and p.kind <> 'epoch'
          and e.posting > (select posting from epoch_end where epoch = ${epoch})), 0)
      - held.balance as amount
    from account_balance held where held.account = 'income' order by held.asset`);
  return Object.fromEntries(rows.map(({ asset, amount }) => [asset, amount]));
}

/** One worker in the result of an epoch. */
export interface EpochWorker {
  readonly worker: string;
  readonly units: bigint;
  /** Of this epoch. */
  readonly owed: Amounts;
  /** Of all epochs up to this one. */
  readonly cumulative: Amounts;
  readonly lastSequence: bigint;
  /** 32 bytes. */
  readonly lastReceiptHash: Uint8Array;
  /** 32 bytes, in a private pool. */
  readonly salt: Uint8Array | undefined;
}

interface EpochWorkerRow {
  worker: string;
  units: bigint;
  owed: Record<string, string>;
  cumulative: Record<string, string>;
  last_sequence: bigint;
  last_receipt_hash: Buffer;
  salt: Buffer | null;
}

/** All workers of a closed epoch by id, as they are in its tree; or one of them. */
export async function epochWorkers(
  from: Queryable,
  epoch: bigint,
  worker?: string,
): Promise<readonly EpochWorker[]> {
  const { rows } = await from.query<EpochWorkerRow>(sql`
    select worker, units, owed, cumulative, last_sequence, last_receipt_hash, salt
    from epoch_worker where epoch = ${epoch}
      and (${worker ?? null}::text is null or worker = ${worker ?? null})
    order by worker collate "C"`);
  return rows.map((row) => ({
    worker: row.worker,
    units: row.units,
    owed: amountsOf(row.owed),
    cumulative: amountsOf(row.cumulative),
    lastSequence: row.last_sequence,
    lastReceiptHash: new Uint8Array(row.last_receipt_hash),
    salt: row.salt ? new Uint8Array(row.salt) : undefined,
  }));
}

function amountsOf(stored: Record<string, string>): Amounts {
  return Object.fromEntries(
    Object.entries(stored).map(([asset, amount]) => [asset, BigInt(amount)]),
  );
}

/** What an epoch came to. */
export interface EpochResult {
  readonly epoch: bigint;
  /** Canonical texts: see input-json.ts. */
  readonly input: string;
  readonly settlement: string;
  readonly root: Uint8Array;
}

/** Writes the result with its workers; throws `database_failed` when there is one already. */
export async function addResult(
  tx: Transaction,
  result: EpochResult,
  workers: readonly EpochWorker[],
  heldBack: readonly HeldBack[],
): Promise<void> {
  const { epoch, input, settlement, root } = result;
  await tx.query(sql`
    insert into epoch_result (epoch, input, settlement, root)
    values (${epoch}, ${input}, ${settlement}, ${Buffer.from(root)})`);
  await tx.query(sql`
    insert into epoch_worker (epoch, worker, units, owed, cumulative, last_sequence,
      last_receipt_hash, salt)
    select ${epoch}, w.worker, w.units, w.owed, w.cumulative, w.last_sequence,
      decode(w.last_receipt_hash, 'hex'), decode(w.salt, 'hex')
    from unnest(
      ${workers.map(({ worker }) => worker)}::text[],
      ${workers.map(({ units }) => String(units))}::numeric[],
      ${workers.map(({ owed }) => amountsJson(owed))}::jsonb[],
      ${workers.map(({ cumulative }) => amountsJson(cumulative))}::jsonb[],
      ${workers.map(({ lastSequence }) => String(lastSequence))}::bigint[],
      ${workers.map(({ lastReceiptHash }) => hex(lastReceiptHash))}::text[],
      ${workers.map(({ salt }) => (salt ? hex(salt) : null))}::text[]
    ) as w (worker, units, owed, cumulative, last_sequence, last_receipt_hash, salt)`);
  await tx.query(sql`
    insert into epoch_holdback (epoch, worker, asset, amount, release_epoch)
    select ${epoch}, h.* from unnest(
      ${heldBack.map(({ worker }) => worker)}::text[],
      ${heldBack.map(({ asset }) => asset)}::text[],
      ${heldBack.map(({ amount }) => String(amount))}::numeric[],
      ${heldBack.map(({ releaseEpoch }) => String(releaseEpoch))}::bigint[]) as h`);
}

function amountsJson(amounts: Amounts): string {
  return JSON.stringify(amounts, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}

/** The stored result of a closed epoch. */
export async function resultOf(from: Queryable, epoch: bigint): Promise<EpochResult | undefined> {
  const { rows } = await from.query<{ input: string; settlement: string; root: Buffer }>(
    sql`select input, settlement, root from epoch_result where epoch = ${epoch}`,
  );
  const [row] = rows;
  return row && { epoch, ...row, root: new Uint8Array(row.root) };
}

/** What was held back in earlier epochs and is due in this one. */
export interface Release {
  readonly worker: string;
  readonly epoch: bigint;
  readonly asset: AssetId;
  readonly amount: bigint;
}

export async function releasesDue(from: Queryable, epoch: bigint): Promise<readonly Release[]> {
  const { rows } = await from.query<{
    worker: string;
    epoch: bigint;
    asset: string;
    amount: bigint;
  }>(sql`
    select worker, epoch, asset, amount from epoch_holdback where release_epoch = ${epoch}
    order by worker, epoch, asset`);
  return rows.map((row) => ({ ...row, asset: row.asset as AssetId }));
}

/** What disputes gave workers while an epoch went on: part of what it owes them. */
export async function awardsOf(
  from: Queryable,
  epoch: bigint,
): Promise<
  readonly {
    readonly worker: string;
    readonly dispute: string;
    readonly asset: AssetId;
    readonly amount: bigint;
  }[]
> {
  const { rows } = await from.query<{
    worker: string;
    dispute: string;
    asset: string;
    amount: bigint;
  }>(sql`
    select split_part(e.account, ':', 2) as worker, p.facts ->> 'dispute' as dispute, e.asset,
      -sum(e.amount) as amount
    from posting p join entry e on e.posting = p.number and starts_with(e.account, 'award:')
    where p.kind = 'dispute'
      and p.number > coalesce((select posting from epoch_end where epoch = ${epoch - 1n}), 0)
      and p.number <= (select posting from epoch_end where epoch = ${epoch})
    group by 1, 2, 3 order by 1, 2, 3`);
  return rows.map((row) => ({ ...row, asset: row.asset as AssetId }));
}

/** Units per worker in the epochs from `first` to just before `epoch`, oldest first. */
export async function windowUnits(
  from: Queryable,
  first: bigint,
  epoch: bigint,
): Promise<ReadonlyMap<string, readonly { readonly epoch: bigint; readonly units: bigint }[]>> {
  const { rows } = await from.query<{ worker: string; epoch: bigint; units: bigint }>(sql`
    select worker, epoch, units from worker_epoch
    where epoch >= ${first} and epoch < ${epoch} and units > 0 order by worker, epoch`);
  const groups = Map.groupBy(rows, ({ worker }) => worker);
  return new Map(
    [...groups].map(([worker, own]) => [worker, own.map(({ epoch, units }) => ({ epoch, units }))]),
  );
}

/** The first epoch in which each worker was credited anything. */
export async function memberSince(
  from: Queryable,
  workers: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await from.query<{ worker: string; epoch: bigint }>(sql`
    select wanted as worker, first.epoch
    from unnest(${[...workers]}::text[]) as wanted
    cross join lateral (
      select w.epoch from worker_epoch w where w.worker = wanted and w.jobs > 0
      order by w.epoch limit 1) as first`);
  return new Map(rows.map(({ worker, epoch }) => [worker, epoch]));
}
