import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { Ratio, Terms } from '../terms/terms.ts';
import { incidentsIn } from '../workers/incidents-store.ts';
import type { ChannelId } from './channel.ts';
import { channelById, channelsFor } from './channels-store.ts';
import { enqueue } from './deliveries-store.ts';
import { type EventFacts, kindOf, type StoredEvent } from './event.ts';
import { dueEvents, endEvents, holdEvent, lastTold, lockComposing } from './events-store.ts';
import { type NoticeKind, noticeKinds } from './kinds.ts';
import type { NoticeWords } from './notice.ts';
import { addNotice } from './notices-store.ts';
import { pace } from './pace.ts';
import { type IncidentWords, type TermsWords, type WordsContext, wordsOf } from './words.ts';

/** Events that are looked at in one transaction: some hundred milliseconds. */
const EVENTS_MAX = 500;

/** What composing stands on. */
export interface ComposeParts {
  readonly database: Database;
  readonly log: Log;
  /** The terms of a version; 0 is what holds where none were published. */
  terms(version: number): Promise<Terms>;
  /** The terms that hold now. */
  currentTerms(): Promise<Terms>;
}

type Event = StoredEvent & { readonly kind: NoticeKind };

/**
 * Makes notices of what happened, and puts them on their way to everybody who chose their kind. What is
 * noted as told, kept as a notice, and on its way becomes so in one transaction.
 *
 * @returns how many events were looked at; less than there may be more
 */
export async function compose(parts: ComposeParts, now: Instant): Promise<number> {
  const terms = await parts.currentTerms();
  return parts.database.transact(async (tx) => {
    if (!(await lockComposing(tx))) return 0;
    const all = await dueEvents(tx, now, EVENTS_MAX);
    const ended: bigint[] = [];
    for (const [worker, events] of Map.groupBy(all, (event) => event.worker)) {
      const kinds = events.flatMap((event): Event[] => {
        const kind = kindOf(event.facts);
        if (kind === undefined) ended.push(event.id);
        return kind === undefined ? [] : [{ ...event, kind }];
      });
      const paced = pace(kinds, await lastTold(tx, worker), now);
      for (const { event, until } of paced.hold) await holdEvent(tx, event.id, until);
      for (const group of paced.tell) await tell(parts, tx, { worker, group, terms, now });
      ended.push(...paced.drop.map(({ id }) => id));
      ended.push(...paced.tell.flatMap((group) => group.map(({ id }) => id)));
    }
    await endEvents(tx, ended, now);
    return all.length;
  });
}

async function tell(
  parts: ComposeParts,
  tx: Transaction,
  about: {
    readonly worker: WorkerId | undefined;
    readonly group: readonly [Event, ...Event[]];
    readonly terms: Terms;
    readonly now: Instant;
  },
): Promise<void> {
  const { worker, group, terms, now } = about;
  const [{ kind, facts }] = group;
  const context = await contextOf(parts, tx, { worker, facts, terms });
  let words: NoticeWords | undefined;
  try {
    words = wordsOf(kind, group, context);
  } catch (error) {
    // One that cannot be said must not keep the others from being told.
    parts.log.error('notice_not_worded', { reason: kind, error: messageOf(error) });
  }
  if (!words) return;
  const open = noticeKinds[words.kind].open && worker === undefined;
  const notice = await addNotice(tx, { ...words, worker, open, at: now });
  const channels =
    facts.source === 'test'
      ? await oneChannel(tx, facts.channel)
      : await channelsFor(tx, {
          kind: words.kind,
          to: toWhom(words.kind, worker),
          worker,
          also: facts.source === 'address' && facts.old !== undefined ? [facts.old] : [],
        });
  for (const channel of channels) await enqueue(tx, channel, notice.id, now);
}

/** A kind for everybody that names a worker is for its owner: a message to one. */
function toWhom(
  kind: NoticeKind,
  worker: WorkerId | undefined,
): 'owner' | 'everybody' | 'operators' {
  const { to } = noticeKinds[kind];
  return to === 'everybody' && worker !== undefined ? 'owner' : to;
}

async function oneChannel(tx: Transaction, id: string) {
  const channel = await channelById(tx, id as ChannelId);
  return channel ? [channel] : [];
}

async function contextOf(
  parts: ComposeParts,
  from: Queryable,
  about: {
    readonly worker: WorkerId | undefined;
    readonly facts: EventFacts;
    readonly terms: Terms;
  },
): Promise<WordsContext> {
  const { worker, facts, terms } = about;
  const assets: Readonly<Record<string, { readonly decimals: number }>> = terms.assets;
  return {
    worker: worker === undefined ? undefined : await nameOf(from, worker),
    decimals: (asset) => assets[asset]?.decimals ?? 0,
    terms: facts.source === 'terms' ? await termsIn(parts, from, facts) : undefined,
    incident: facts.source === 'incident' ? await incidentIn(from, facts.incident) : undefined,
  };
}

async function nameOf(from: Queryable, worker: WorkerId): Promise<string> {
  const { rows } = await from.query<{ name: string }>(
    sql`select name from worker where id = ${worker}`,
  );
  return rows[0]?.name ?? worker;
}

async function termsIn(
  parts: ComposeParts,
  from: Queryable,
  { version, epoch }: Extract<EventFacts, { readonly source: 'terms' }>,
): Promise<TermsWords | undefined> {
  const { rows } = await from.query<{ published_at: Instant }>(
    sql`select published_at from terms_version where version = ${version}`,
  );
  const [row] = rows;
  if (!row) return undefined;
  const before = version > 1 ? await parts.terms(version - 1) : undefined;
  return {
    version,
    epoch,
    publishedAt: row.published_at,
    commission: percentText((await parts.terms(version)).commission),
    commissionBefore: before && percentText(before.commission),
  };
}

/** A share in words, exact where it ends within four decimals: `18 %`, `12.5 %`, else `1/3`. */
export function percentText({ numerator, denominator }: Ratio): string {
  const scaled = numerator * 1_000_000n;
  if (scaled % denominator !== 0n) return `${numerator}/${denominator}`;
  const parts = scaled / denominator;
  const fraction = String(parts % 10_000n)
    .padStart(4, '0')
    .replace(/0+$/, '');
  return `${parts / 10_000n}${fraction && `.${fraction}`} %`;
}

async function incidentIn(from: Queryable, id: string): Promise<IncidentWords | undefined> {
  const [incident] = await incidentsIn(from, { id: BigInt(id), limit: 1 });
  if (!incident) return undefined;
  const { kind, title, updates, startsAt, endsAt, closedAt, automatic } = incident;
  // A maintenance that is closed early ends then.
  const until = kind === 'maintenance' ? (closedAt ?? endsAt) : endsAt;
  const endAt = until !== undefined && until < startsAt ? startsAt : until;
  return { kind, title, text: updates.at(-1)?.text, startsAt, endsAt: endAt, automatic };
}
