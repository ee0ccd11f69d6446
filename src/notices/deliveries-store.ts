import { randomUUID } from 'node:crypto';
import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { ChannelId, ChannelType } from './channel.ts';
import { type DeliveryStep, LETTERS_PER_HOUR, NOTICES_PER_LETTER } from './delivery.ts';
import { time } from './events-store.ts';
import type { NoticeId, NoticeOwner } from './notice.ts';

const HOUR_MS = 3_600_000;

/** A letter on its way; its id is the same at every attempt. */
export interface Delivery {
  readonly id: string;
  readonly channel: ChannelId;
  readonly notices: readonly NoticeId[];
  /** With the one that runs. */
  readonly attempts: number;
}

/**
 * Puts a notice on its way to a channel: into the letter that waits for the same place, if there is
 * one that nobody began to send, else into a new one. After so many letters in an hour the next one
 * waits until the hour is over.
 */
export async function enqueue(
  tx: Transaction,
  channel: { readonly id: ChannelId; readonly target: Buffer },
  notice: NoticeId,
  now: number,
): Promise<void> {
  const { target, id } = channel;
  const { count } = await tx.query(sql`
    update notice_delivery set notices = notices || ${String(notice)}::bigint
    where id = (
      select id from notice_delivery
      where target = ${target} and state = 'waiting' and attempts = 0 and claimed_until is null
        and cardinality(notices) < ${NOTICES_PER_LETTER}
      order by created_at limit 1 for update skip locked)`);
  if (count === 1) return;
  const { rows } = await tx.query<{ at: Instant }>(sql`
    select created_at as at from notice_delivery
    where target = ${target} and created_at > ${time(now - HOUR_MS)}
    order by created_at desc limit ${LETTERS_PER_HOUR}`);
  const oldest = rows.at(-1);
  const nextAt = oldest && rows.length === LETTERS_PER_HOUR ? oldest.at + HOUR_MS : now;
  await tx.query(sql`
    insert into notice_delivery (id, channel, target, notices, created_at, next_at)
    values (${randomUUID()}, ${id}, ${target}, array[${String(notice)}::bigint], ${time(now)},
      ${time(nextAt)})`);
}

interface DeliveryRow {
  id: string;
  channel: string;
  notices: bigint[];
  attempts: number;
}

/**
 * Takes letters that are due for one type of channel, so that no other node does until `untilMs`; a
 * node that dies with them leaves them to the others then. One letter to a place at a time.
 */
export async function claimDeliveries(
  from: Queryable,
  asked: {
    readonly type: ChannelType;
    readonly most: number;
    readonly now: number;
    readonly until: number;
  },
): Promise<readonly Delivery[]> {
  const { type, most, now, until } = asked;
  const { rows } = await from.query<DeliveryRow>(sql`
    update notice_delivery set attempts = attempts + 1, claimed_until = ${time(until)}
    where id in (
      select d.id from notice_delivery d join notice_channel c on c.id = d.channel
      where d.state = 'waiting' and d.next_at <= ${time(now)} and c.type = ${type}
        and (d.claimed_until is null or d.claimed_until <= ${time(now)})
        and not exists (
          select from notice_delivery other
          where other.target = d.target and other.state = 'waiting' and other.id <> d.id
            and (other.claimed_until > ${time(now)}
              or (other.next_at <= ${time(now)} and (other.created_at, other.id) < (d.created_at, d.id))))
      order by d.next_at limit ${most} for update of d skip locked)
    returning id, channel, notices, attempts`);
  return rows.map(({ id, channel, notices, attempts }) => ({
    id,
    channel: channel as ChannelId,
    notices: notices.map((each) => BigInt(each) as NoticeId),
    attempts,
  }));
}

/** Writes down what became of an attempt. */
export async function endAttempt(
  to: Queryable,
  id: string,
  step: DeliveryStep,
  now: number,
): Promise<void> {
  const reason = step.state === 'sent' ? null : step.reason;
  const nextAt = step.state === 'waiting' ? step.nextAt : now;
  const ended = step.state === 'waiting' ? sql`null::timestamptz` : time(now);
  await to.query(sql`
    update notice_delivery set state = ${step.state}, next_at = ${time(nextAt)},
      claimed_until = null, ended_at = ${ended}, reason = ${reason}
    where id = ${id} and state = 'waiting'`);
}

/** When the next letter is due, as far as that is known now; undefined: none waits. */
export async function nextDue(from: Queryable): Promise<Instant | undefined> {
  const { rows } = await from.query<{ at: Instant | null }>(sql`
    select min(greatest(next_at, coalesce(claimed_until, next_at))) as at
    from notice_delivery where state = 'waiting'`);
  return rows[0]?.at ?? undefined;
}

/** A letter as its owner, or the operator, sees it. */
export interface DeliveryView {
  readonly id: string;
  readonly channel: ChannelId;
  readonly owner: NoticeOwner;
  readonly type: ChannelType;
  readonly shown: string;
  readonly notices: readonly NoticeId[];
  readonly state: 'waiting' | 'sent' | 'dead';
  readonly attempts: number;
  readonly createdAt: Instant;
  readonly nextAt: Instant;
  readonly endedAt: Instant | undefined;
  readonly reason: string | undefined;
}

/** Letters of a state, or to the channels of an owner; the newest first. */
export async function deliveries(
  from: Queryable,
  filter: {
    readonly state?: DeliveryView['state'];
    readonly owner?: NoticeOwner;
    readonly before?: { readonly createdAt: number; readonly id: string } | undefined;
    readonly limit: number;
  },
): Promise<readonly DeliveryView[]> {
  const { state, owner, before, limit } = filter;
  interface Row {
    id: string;
    channel: string;
    owner_kind: NoticeOwner['kind'];
    owner: string;
    type: ChannelType;
    shown: string;
    notices: bigint[];
    state: DeliveryView['state'];
    attempts: number;
    created_at: Instant;
    next_at: Instant;
    ended_at: Instant | null;
    reason: string | null;
  }
  const { rows } = await from.query<Row>(sql`
    select d.id, d.channel, c.owner_kind, c.owner, c.type, c.shown, d.notices, d.state, d.attempts,
      d.created_at, d.next_at, d.ended_at, d.reason
    from notice_delivery d join notice_channel c on c.id = d.channel
    where (${state ?? null}::text is null or d.state = ${state ?? null})
      and (${owner?.kind ?? null}::text is null
        or (c.owner_kind = ${owner?.kind ?? null} and c.owner = ${owner?.id ?? null}))
      and (${before?.id ?? null}::uuid is null
        or (d.created_at, d.id) < (${time(before?.createdAt ?? 0)}, ${before?.id ?? null}::uuid))
    order by d.created_at desc, d.id desc limit ${limit}`);
  return rows.map((row) => ({
    id: row.id,
    channel: row.channel as ChannelId,
    owner: { kind: row.owner_kind, id: row.owner } as NoticeOwner,
    type: row.type,
    shown: row.shown,
    notices: row.notices.map((each) => BigInt(each) as NoticeId),
    state: row.state,
    attempts: row.attempts,
    createdAt: row.created_at,
    nextAt: row.next_at,
    endedAt: row.ended_at ?? undefined,
    reason: row.reason ?? undefined,
  }));
}

/**
 * Sends a letter that was given up, or was sent already, once more, under its old id; false: there is
 * none such. All attempts begin anew.
 */
export async function replayDelivery(to: Queryable, id: string, now: number): Promise<boolean> {
  const { count } = await to.query(sql`
    update notice_delivery set state = 'waiting', attempts = 0, next_at = ${time(now)},
      claimed_until = null, ended_at = null, reason = null
    where id = ${id}::uuid and state <> 'waiting'`);
  return count === 1;
}

/** All that were given up since then: how many. */
export async function replayDead(to: Queryable, now: number): Promise<number> {
  const { count } = await to.query(sql`
    update notice_delivery set state = 'waiting', attempts = 0, next_at = ${time(now)},
      claimed_until = null, ended_at = null, reason = null
    where state = 'dead'`);
  return count;
}

/** How many letters wait, and how many were given up. */
export async function countDeliveries(
  from: Queryable,
): Promise<{ readonly waiting: number; readonly dead: number }> {
  const { rows } = await from.query<{ waiting: bigint; dead: bigint }>(sql`
    select (select count(*) from notice_delivery where state = 'waiting') as waiting,
      (select count(*) from notice_delivery where state = 'dead') as dead`);
  return { waiting: Number(rows[0]?.waiting ?? 0), dead: Number(rows[0]?.dead ?? 0) };
}

/** Forgets letters that were sent, or given up, so long ago. */
export async function forgetDeliveries(to: Queryable, before: number): Promise<void> {
  await to.query(sql`delete from notice_delivery where ended_at < ${time(before)}`);
}
