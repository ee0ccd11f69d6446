import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { Channel, ChannelId, ChannelType } from './channel.ts';
import { time } from './events-store.ts';
import type { NoticeKind } from './kinds.ts';
import type { NoticeId, NoticeOwner } from './notice.ts';

/** A channel with what only the sender reads. */
export type StoredChannel = Channel & { readonly sealed: Buffer; readonly target: Buffer };

interface ChannelRow {
  id: string;
  owner_kind: NoticeOwner['kind'];
  owner: string;
  type: ChannelType;
  sealed: Buffer;
  target: Buffer;
  shown: string;
  kinds: string[];
  created_at: Instant;
  confirmed_at: Instant | null;
  stopped_at: Instant | null;
  stopped_because: string | null;
}

function decode(row: ChannelRow): StoredChannel {
  const { stopped_at: stoppedAt, stopped_because: because } = row;
  return {
    id: row.id as ChannelId,
    owner: { kind: row.owner_kind, id: row.owner } as NoticeOwner,
    type: row.type,
    sealed: row.sealed,
    target: row.target,
    shown: row.shown,
    kinds: row.kinds as NoticeKind[],
    createdAt: row.created_at,
    confirmedAt: row.confirmed_at ?? undefined,
    stopped: stoppedAt === null ? undefined : { at: stoppedAt, because: because ?? '' },
  };
}

const columns = sql`c.id, c.owner_kind, c.owner, c.type, c.sealed, c.target, c.shown, c.kinds,
  c.created_at, c.confirmed_at, c.stopped_at, c.stopped_because`;

/** Channels of an owner, oldest first. */
export async function channelsOf(
  from: Queryable,
  owner: NoticeOwner,
): Promise<readonly StoredChannel[]> {
  const { rows } = await from.query<ChannelRow>(sql`
    select ${columns} from notice_channel c
    where owner_kind = ${owner.kind} and owner = ${owner.id} order by created_at, id`);
  return rows.map(decode);
}

/** One channel, locked until the transaction ends; undefined: this owner has none such. */
export async function lockChannel(
  tx: Transaction,
  owner: NoticeOwner,
  id: ChannelId,
): Promise<StoredChannel | undefined> {
  const { rows } = await tx.query<ChannelRow>(sql`
    select ${columns} from notice_channel c
    where id = ${id} and owner_kind = ${owner.kind} and owner = ${owner.id} for update`);
  return rows[0] && decode(rows[0]);
}

/** One channel, whosever it is: for the sender. */
export async function channelById(
  from: Queryable,
  id: ChannelId,
): Promise<StoredChannel | undefined> {
  const { rows } = await from.query<ChannelRow>(
    sql`select ${columns} from notice_channel c where id = ${id}`,
  );
  return rows[0] && decode(rows[0]);
}

/** Channels by id, whosever they are: for the sender. */
export async function channelsById(
  from: Queryable,
  ids: readonly ChannelId[],
): Promise<ReadonlyMap<ChannelId, StoredChannel>> {
  const { rows } = await from.query<ChannelRow>(
    sql`select ${columns} from notice_channel c where id = any(${[...ids]}::text[])`,
  );
  return new Map(rows.map((row) => [row.id as ChannelId, decode(row)]));
}

/** Two requests of one owner add one after the other, so that a limit holds. */
export async function lockOwner(tx: Transaction, owner: NoticeOwner): Promise<void> {
  const name = `notices ${owner.kind} ${owner.id}`;
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
}

/** Adds a channel; false: this owner has that place already. */
export async function addChannel(tx: Transaction, channel: StoredChannel): Promise<boolean> {
  const { owner } = channel;
  const { count } = await tx.query(sql`
    insert into notice_channel (id, owner_kind, owner, type, sealed, target, shown, kinds,
      created_at, confirmed_at)
    values (${channel.id}, ${owner.kind}, ${owner.id}, ${channel.type}, ${channel.sealed},
      ${channel.target}, ${channel.shown}, ${[...channel.kinds]}::text[],
      ${time(channel.createdAt)},
      ${channel.confirmedAt === undefined ? null : new Date(channel.confirmedAt).toISOString()}::timestamptz)
    on conflict (owner_kind, owner, target) do nothing`);
  return count === 1;
}

/** Sets what its owner chooses of a channel. */
export async function chooseKinds(
  tx: Transaction,
  id: ChannelId,
  kinds: readonly NoticeKind[],
): Promise<void> {
  await tx.query(sql`update notice_channel set kinds = ${[...kinds]}::text[] where id = ${id}`);
}

export async function removeChannel(tx: Transaction, id: ChannelId): Promise<void> {
  await tx.query(sql`delete from notice_channel where id = ${id}`);
}

/** Writes down a code that is on its way. */
export async function storeCode(
  tx: Transaction,
  id: ChannelId,
  code: { readonly hash: Buffer; readonly expiresAt: number },
): Promise<void> {
  await tx.query(sql`
    update notice_channel set code_hash = ${code.hash}, code_expires_at = ${time(code.expiresAt)},
      code_tries = 0
    where id = ${id}`);
}

/** The code that a channel waits for; undefined: there is none that counts. */
export async function codeOf(
  tx: Transaction,
  id: ChannelId,
  now: number,
): Promise<{ readonly hash: Buffer; readonly tries: number } | undefined> {
  const { rows } = await tx.query<{ code_hash: Buffer; code_tries: number }>(sql`
    select code_hash, code_tries from notice_channel
    where id = ${id} and code_hash is not null and code_expires_at > ${time(now)}`);
  return rows[0] && { hash: rows[0].code_hash, tries: rows[0].code_tries };
}

export async function countTry(tx: Transaction, id: ChannelId): Promise<void> {
  await tx.query(sql`update notice_channel set code_tries = code_tries + 1 where id = ${id}`);
}

/** The channel is its owner's; from now on notices go there. */
export async function confirmChannel(tx: Transaction, id: ChannelId, now: number): Promise<void> {
  await tx.query(sql`
    update notice_channel set confirmed_at = ${time(now)}, code_hash = null,
      code_expires_at = null, stopped_at = null, stopped_because = null
    where id = ${id}`);
}

/** Nothing is sent there any more, until its owner starts it again. */
export async function stopChannel(
  to: Queryable,
  id: ChannelId,
  stopped: { readonly at: number; readonly because: string },
): Promise<void> {
  await to.query(sql`
    update notice_channel set stopped_at = ${time(stopped.at)}, stopped_because = ${stopped.because}
    where id = ${id} and stopped_at is null`);
}

export async function startChannel(tx: Transaction, id: ChannelId): Promise<void> {
  await tx.query(sql`
    update notice_channel set stopped_at = null, stopped_because = null where id = ${id}`);
}

/** A notice as it looks for channels. */
export interface AddressedNotice {
  readonly notice: NoticeId;
  readonly kind: NoticeKind;
  /**
   * `owner`: channels of this worker, by itself or by the address that it is paid at, and `also`;
   * `everybody`: of all workers that are not revoked. Operators and the pool get all that they chose.
   */
  readonly to: 'owner' | 'everybody' | 'operators';
  readonly worker: WorkerId | undefined;
  /** Further addresses, in lower case: the one that a worker was paid at before. */
  readonly also: readonly string[];
}

/** A notice on its way to one place. */
export interface Addressed {
  readonly notice: NoticeId;
  readonly channel: ChannelId;
  readonly target: Buffer;
}

/**
 * The channels that notices go to: of those whom they are for, and who chose their kinds. Of channels
 * that lead to the same place a notice takes one.
 */
export async function channelsFor(
  from: Queryable,
  notices: readonly AddressedNotice[],
): Promise<readonly Addressed[]> {
  if (notices.length === 0) return [];
  const also = notices.flatMap(({ notice, also }) => also.map((address) => ({ notice, address })));
  const chose = sql`a.kind = any(c.kinds) and c.confirmed_at is not null and c.stopped_at is null`;
  const found = sql`select a.notice, c.id, c.target, c.created_at from asked a`;
  // A way for each sort of owner: each of them is one look into an index, or one pass over a table.
  const { rows } = await from.query<{ notice: bigint; id: string; target: Buffer }>(sql`
    with asked as (
      select * from unnest(
        ${notices.map(({ notice }) => String(notice))}::bigint[],
        ${notices.map(({ kind }) => kind)}::text[],
        ${notices.map(({ to }) => to)}::text[],
        ${notices.map(({ worker }) => worker ?? null)}::text[]
      ) as asked (notice, kind, reach, worker)
    ), found as (
      ${found} join notice_channel c on ${chose}
      where c.owner_kind = 'pool' or (c.owner_kind = 'operator'
        and c.owner in (select id from operator where removed_at is null))
      union all
      ${found} join notice_channel c on c.owner_kind = 'worker' and c.owner = a.worker and ${chose}
      where a.reach = 'owner'
      union all
      ${found} join worker w on w.id = a.worker
      join notice_channel c on c.owner_kind = 'address'
        and c.owner = '0x' || encode(w.payout_address, 'hex') and ${chose}
      where a.reach = 'owner'
      union all
      ${found} join unnest(
        ${also.map(({ notice }) => String(notice))}::bigint[],
        ${also.map(({ address }) => address)}::text[]
      ) as further (notice, address) on further.notice = a.notice
      join notice_channel c on c.owner_kind = 'address' and c.owner = further.address and ${chose}
      where a.reach = 'owner'
      union all
      ${found} join notice_channel c on ${chose}
      where a.reach = 'everybody' and (
        c.owner_kind = 'worker'
          and c.owner in (select id from worker where state <> 'revoked')
        or c.owner_kind = 'address' and c.owner in (
          select '0x' || encode(payout_address, 'hex') from worker
          where state <> 'revoked' and payout_address is not null))
    )
    select distinct on (notice, target) notice, id, target from found
    order by notice, target, created_at, id`);
  return rows.map(({ notice, id, target }) => ({
    notice: notice as NoticeId,
    channel: id as ChannelId,
    target,
  }));
}
