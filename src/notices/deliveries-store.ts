import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { ChannelId, ChannelType } from './channel.ts';
import type { Addressed } from './channels-store.ts';
import {
  type DeliveryStep,
  intoLetters,
  LETTERS_PER_HOUR,
  NOTICES_PER_LETTER,
} from './delivery.ts';
import { time } from './events-store.ts';
import type { NoticeId, NoticeOwner } from './notice.ts';

const HOUR_MS = 3_600_000;
/** Letters that are begun at once; PostgreSQL itself looks at a table once a minute. */
const MANY = 500;

/** A letter on its way; its id is the same at every attempt. */
export interface Delivery {
  readonly id: string;
  readonly channel: ChannelId;
  readonly notices: readonly NoticeId[];
  /** With the one that runs. */
  readonly attempts: number;
}

/**
 * Puts notices on their way: into the letter that waits for the same place, if there is one that nobody
 * began to send, else into a new one. After so many letters in an hour the next one waits until the
 * hour is over.
 */
export async function enqueue(
  tx: Transaction,
  addressed: readonly Addressed[],
  now: number,
): Promise<void> {
  if (addressed.length === 0) return;
  const places = Map.groupBy(addressed, ({ target }) => target.toString('base64'));
  const targets = [...places.values()].map(([first]) => first?.target as Buffer);
  const { rows: open } = await tx.query<{ id: string; target: Buffer; held: number }>(sql`
    select id, target, cardinality(notices) as held from notice_delivery
    where target = any(${targets}::bytea[]) and state = 'waiting' and attempts = 0
      and claimed_until is null and cardinality(notices) < ${NOTICES_PER_LETTER}
    order by created_at, id for update skip locked`);
  const { rows: recent } = await tx.query<{ target: Buffer; count: bigint; nth: Instant | null }>(
    sql`select target, count(*) as count,
      (array_agg(created_at order by created_at desc))[${LETTERS_PER_HOUR}] as nth
    from notice_delivery
    where target = any(${targets}::bytea[]) and created_at > ${time(now - HOUR_MS)}
    group by target`,
  );
  const openAt = new Map(open.toReversed().map((row) => [row.target.toString('base64'), row]));
  const recentAt = new Map(recent.map((row) => [row.target.toString('base64'), row]));
  const joined: { id: string; notices: string }[] = [];
  const begun: { channel: string; target: Buffer; notices: string; nextAt: number }[] = [];
  for (const [place, notices] of places) {
    const letter = openAt.get(place);
    const ids = notices.map(({ notice }) => notice);
    const { join, letters } = intoLetters(ids, {
      room: letter ? NOTICES_PER_LETTER - letter.held : 0,
      sent: Number(recentAt.get(place)?.count ?? 0),
      fullUntil: (recentAt.get(place)?.nth ?? now) + HOUR_MS,
      now,
    });
    if (letter && join.length > 0) joined.push({ id: letter.id, notices: arrayOf(join) });
    const [{ channel, target }] = notices as [Addressed];
    for (const { notices: some, nextAt } of letters) {
      begun.push({ channel, target, notices: arrayOf(some), nextAt });
    }
  }
  await joinLetters(tx, joined);
  await beginLetters(tx, begun, now);
}

/** An array of an array, for which parameters have no form. */
const arrayOf = (ids: readonly NoticeId[]) => `{${ids.join()}}`;

async function joinLetters(
  tx: Transaction,
  joined: readonly { readonly id: string; readonly notices: string }[],
): Promise<void> {
  if (joined.length === 0) return;
  await tx.query(sql`
    update notice_delivery d set notices = d.notices || j.notices::bigint[]
    from unnest(
      ${joined.map(({ id }) => id)}::uuid[], ${joined.map(({ notices }) => notices)}::text[]
    ) as j (id, notices)
    where d.id = j.id`);
}

async function beginLetters(
  tx: Transaction,
  begun: readonly {
    readonly channel: string;
    readonly target: Buffer;
    readonly notices: string;
    readonly nextAt: number;
  }[],
  now: number,
): Promise<void> {
  if (begun.length === 0) return;
  await tx.query(sql`
    insert into notice_delivery (id, channel, target, notices, created_at, next_at)
    select gen_random_uuid(), channel, target, notices::bigint[], ${time(now)},
      'epoch'::timestamptz + next_at * interval '1 millisecond'
    from unnest(
      ${begun.map(({ channel }) => channel)}::text[], ${begun.map(({ target }) => target)}::bytea[],
      ${begun.map(({ notices }) => notices)}::text[],
      ${begun.map(({ nextAt }) => nextAt)}::double precision[]
    ) as begun (channel, target, notices, next_at)`);
  // So many at once are news to the planner, which would read them all for each that is claimed.
  if (begun.length >= MANY) await tx.query(sql`analyze notice_delivery`);
}

interface DeliveryRow {
  id: string;
  channel: string;
  notices: bigint[];
  attempts: number;
}

/**
 * Takes letters that are due for one type of channel, so that no other node does until `untilMs`; a
 * node that dies with them leaves them to the others then. One letter to a place at a time, and those
 * that were never tried first.
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
  // Each half is one way along the index, which ends when it has enough.
  const due = (tries: 0 | 1) => sql`(
    select d.id from notice_delivery d
    where d.state = 'waiting' and d.type = ${type} and least(d.attempts, 1) = ${tries}::integer
      and d.next_at <= ${time(now)}
      and (d.claimed_until is null or d.claimed_until <= ${time(now)})
      and not exists (
        select from notice_delivery other
        where other.target = d.target and other.state = 'waiting' and other.id <> d.id
          and (other.claimed_until > ${time(now)}
            or (other.next_at <= ${time(now)} and (other.created_at, other.id) < (d.created_at, d.id))))
    order by d.next_at limit ${most} for update of d skip locked)`;
  const { rows } = await from.query<DeliveryRow>(sql`
    with fresh as ${due(0)}, retried as ${due(1)}
    update notice_delivery set attempts = attempts + 1, claimed_until = ${time(until)}
    where id in (
      select id from (
        select id, 1 as turn from fresh union all select id, 2 from retried
      ) as due order by turn limit ${most})
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
