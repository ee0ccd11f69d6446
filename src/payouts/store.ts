import { randomUUID } from 'node:crypto';
import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import { hex, parseHex } from '../base/bytes.ts';
import { type Instant, instant } from '../base/clock.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type {
  FailureReason,
  PayoutId,
  PayoutState,
  PayoutStateName,
  ReturnReason,
} from './payout.ts';
import type { PayoutMethod, PlanBatch, PlanLine, Recipient } from './plan-types.ts';

/** A batch by its UUID, which also names what leaves: `payout:<id>` in the journal. */
export type BatchId = string & { readonly __brand: 'BatchId' };

/** One payout as it is stored. */
export interface StoredPayout {
  readonly id: PayoutId;
  readonly batch: BatchId;
  readonly worker: string;
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly recipient: Recipient | undefined;
  readonly fiatAccount: string | undefined;
  readonly state: PayoutState;
  readonly createdAt: Instant;
  readonly endedAt: Instant | undefined;
  readonly lines: readonly PlanLine[];
}

/** What leaves at once. */
export interface StoredBatch {
  readonly id: BatchId;
  readonly digest: string;
  readonly method: PayoutMethod;
  readonly asset: AssetId;
  readonly token: Recipient | undefined;
  /** Undefined until it is reserved, and for what is not on chain. */
  readonly sent: { readonly chainId: number; readonly account: Recipient } | undefined;
  readonly exportedAt: Instant | undefined;
  /** In the order in which they were planned, which is that of a batch on chain. */
  readonly payouts: readonly StoredPayout[];
}

/** Gives every payout of a batch its id, before anything else happens. */
export async function addBatch(
  tx: Transaction,
  batch: PlanBatch,
  of: { readonly digest: string; readonly place: number; readonly at: Instant },
): Promise<BatchId> {
  const id = randomUUID() as BatchId;
  await tx.query(sql`
    insert into payout_batch (id, digest, place, method, asset, token, created_at)
    values (${id}, ${bytes(of.digest)}, ${of.place}, ${batch.method}, ${batch.asset},
      ${bytes(batch.token)}, ${time(of.at)})`);
  for (const [place, share] of batch.shares.entries()) {
    const payout = randomUUID();
    await tx.query(sql`
      insert into payout (id, batch, place, worker, asset, amount, recipient, fiat_account, created_at)
      values (${payout}, ${id}, ${place}, ${share.worker}, ${batch.asset}, ${share.amount},
        ${bytes(share.to)}, ${share.fiatAccount ?? null}, ${time(of.at)})`);
    for (const { asset, amount, quote } of share.lines) {
      await tx.query(sql`
        insert into payout_line (payout, owed_asset, owed_amount, rate_numerator, rate_denominator,
          rate_source, rate_at)
        values (${payout}, ${asset}, ${amount}, ${quote?.numerator ?? null},
          ${quote?.denominator ?? null}, ${quote?.source ?? null}, ${quote ? time(quote.at) : null})`);
    }
  }
  return id;
}

/** Writes a payout's next state. Throws `database_failed` for a way that payouts do not go. */
export async function storeState(
  tx: Transaction,
  id: PayoutId,
  state: PayoutState,
  at: Instant,
): Promise<void> {
  const ended = state.state === 'final' || state.state === 'failed' || state.state === 'returned';
  const reference = 'reference' in state ? (state.reference ?? null) : null;
  const received = state.state === 'final' ? state.received : null;
  await tx.query(sql`
    update payout set state = ${state.state}, reference = coalesce(${reference}::text, reference),
      reason = ${'reason' in state ? state.reason : null},
      received = coalesce(${received}::numeric, received),
      ended_at = ${ended ? time(at) : null}
    where id = ${id}`);
}

/** Which account pays a batch: from now on the journal knows it. */
export async function storeSending(
  tx: Transaction,
  id: BatchId,
  sent: { readonly chainId: number; readonly account: Recipient },
): Promise<void> {
  await tx.query(sql`
    update payout_batch set chain_id = ${sent.chainId}, account = ${bytes(sent.account)},
      intent = ${intentOf(id)} where id = ${id}`);
}

/** What a batch is called in the journal. */
export function intentOf(id: BatchId): string {
  return `payout:${id}`;
}

/** Nothing more will happen to a batch by itself. */
export async function storeSettled(tx: Transaction, id: BatchId, at: Instant): Promise<void> {
  await tx.query(sql`
    update payout_batch set settled_at = ${time(at)} where id = ${id} and settled_at is null`);
}

/** A file with these batches was handed out. */
export async function storeExported(tx: Transaction, id: BatchId, at: Instant): Promise<void> {
  await tx.query(sql`
    update payout_batch set exported_at = coalesce(exported_at, ${time(at)}) where id = ${id}`);
}

/** Batches that are not settled, or those with these ids, oldest first. */
export async function batches(
  from: Queryable,
  which: { readonly ids: readonly string[] } | 'open',
): Promise<readonly StoredBatch[]> {
  const ids = which === 'open' ? null : which.ids;
  const { rows } = await from.query<BatchRow>(sql`
    select id, encode(digest, 'hex') as digest, method, asset, token, chain_id, account, exported_at
    from payout_batch
    where case when ${ids}::uuid[] is null then settled_at is null else id = any(${ids}::uuid[]) end
    order by created_at, digest, place`);
  const payouts = await payoutsWhere(from, { batches: rows.map(({ id }) => id) });
  return rows.map((row) => ({
    id: row.id as BatchId,
    digest: row.digest,
    method: row.method as PayoutMethod,
    asset: row.asset as AssetId,
    token: addressIn(row.token),
    sent: row.account
      ? { chainId: Number(row.chain_id), account: addressIn(row.account) as Recipient }
      : undefined,
    exportedAt: row.exported_at === null ? undefined : instant(row.exported_at),
    payouts: payouts.filter(({ batch }) => batch === row.id),
  }));
}

/** Takes a batch for this transaction alone; undefined when it is settled. */
export async function lockBatch(tx: Transaction, id: BatchId): Promise<StoredBatch | undefined> {
  const { rows } = await tx.query<{ settled_at: Instant | null }>(sql`
    select settled_at from payout_batch where id = ${id} for update`);
  if (!rows[0] || rows[0].settled_at !== null) return undefined;
  return (await batches(tx, { ids: [id] }))[0];
}

/** Payouts of batches, by their ids, of a worker, or those that did not end. */
export async function payoutsWhere(
  from: Queryable,
  filter: {
    readonly batches?: readonly string[];
    readonly ids?: readonly string[];
    readonly worker?: string;
    readonly newest?: number;
  },
): Promise<readonly StoredPayout[]> {
  const { batches: of, ids, worker, newest } = filter;
  const { rows } = await from.query<PayoutRow>(sql`
    with chosen as (
      select * from payout
      where (${of ?? null}::uuid[] is null or batch = any(${of ?? null}::uuid[]))
        and (${ids ?? null}::uuid[] is null or id = any(${ids ?? null}::uuid[]))
        and (${worker ?? null}::text is null or worker = ${worker ?? null})
      order by created_at desc, batch, place limit ${newest ?? null}::bigint)
    select p.id, p.batch, p.worker, p.asset, p.amount, p.recipient, p.fiat_account, p.state, p.reason,
      p.reference, p.received, p.created_at, p.ended_at, l.owed_asset, l.owed_amount,
      l.rate_numerator, l.rate_denominator, l.rate_source, l.rate_at
    from chosen p join payout_line l on l.payout = p.id
    order by p.created_at, p.batch, p.place, l.owed_asset`);
  const byId = new Map<string, { row: PayoutRow; lines: PlanLine[] }>();
  for (const row of rows) {
    const known = byId.get(row.id) ?? { row, lines: [] };
    known.lines.push(lineOf(row));
    byId.set(row.id, known);
  }
  return [...byId.values()].map(({ row, lines }) => payoutOf(row, lines));
}

/** Payouts that are on chain without a proof of whether they moved. */
export interface InDoubt {
  /** All of them. */
  readonly count: number;
  /** The oldest of them, oldest first. */
  readonly oldest: readonly StoredPayout[];
}

/** What a person has to look at, however long ago it went out. */
export async function payoutsInDoubt(from: Queryable, most: number): Promise<InDoubt> {
  const { rows } = await from.query<{ id: string; count: bigint }>(sql`
    select id, count(*) over () as count from payout where state = 'unproven'
    order by created_at, batch, place limit ${most}`);
  if (rows.length === 0) return { count: 0, oldest: [] };
  const oldest = await payoutsWhere(from, { ids: rows.map(({ id }) => id) });
  return { count: Number(rows[0]?.count), oldest };
}

interface BatchRow {
  id: string;
  digest: string;
  method: string;
  asset: string;
  token: Buffer | null;
  chain_id: bigint | null;
  account: Buffer | null;
  exported_at: Instant | null;
}

interface PayoutRow {
  id: string;
  batch: string;
  worker: string;
  asset: string;
  amount: bigint;
  recipient: Buffer | null;
  fiat_account: string | null;
  state: PayoutStateName;
  reason: string | null;
  reference: string | null;
  received: bigint | null;
  created_at: Instant;
  ended_at: Instant | null;
  owed_asset: string;
  owed_amount: bigint;
  rate_numerator: bigint | null;
  rate_denominator: bigint | null;
  rate_source: string | null;
  rate_at: Instant | null;
}

function lineOf(row: PayoutRow): PlanLine {
  const { rate_numerator: numerator, rate_denominator: denominator, rate_source: source } = row;
  const quote =
    numerator !== null && denominator !== null && source !== null && row.rate_at !== null
      ? { numerator, denominator, source, at: instant(row.rate_at) }
      : undefined;
  return { asset: row.owed_asset as AssetId, amount: row.owed_amount, quote };
}

function payoutOf(row: PayoutRow, lines: readonly PlanLine[]): StoredPayout {
  return {
    id: row.id as PayoutId,
    batch: row.batch as BatchId,
    worker: row.worker,
    asset: row.asset as AssetId,
    amount: row.amount,
    recipient: addressIn(row.recipient),
    fiatAccount: row.fiat_account ?? undefined,
    state: stateOf(row),
    createdAt: instant(row.created_at),
    endedAt: row.ended_at === null ? undefined : instant(row.ended_at),
    lines,
  };
}

function stateOf({ state, reason, reference, received }: PayoutRow): PayoutState {
  switch (state) {
    case 'owed':
    case 'reserved':
      return { state };
    case 'signed':
    case 'broadcast':
    case 'included':
    case 'unproven':
      return { state, reference: reference ?? '' };
    case 'final':
      return { state, reference: reference ?? '', received: received ?? 0n };
    case 'failed':
      return { state, reason: reason as FailureReason, ...(reference && { reference }) };
    case 'returned':
      return { state, reason: reason as ReturnReason, reference: reference ?? '' };
  }
}

/** An instant as the database takes it. */
export function time(at: Instant): Date {
  return new Date(at);
}

/** Hex, with or without `0x`, as bytes. */
export function bytes(text: string | undefined): Buffer | null {
  if (text === undefined) return null;
  const parsed = parseHex(text.startsWith('0x') ? text : `0x${text}`);
  if (!parsed) throw new RangeError('not hex');
  return Buffer.from(parsed);
}

/** Bytes of an address as text in lower case. */
export function addressIn(value: Buffer | null): Recipient | undefined {
  return value === null ? undefined : `0x${hex(value)}`;
}
