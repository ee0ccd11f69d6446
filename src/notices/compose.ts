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
import {
  type Addressed,
  type AddressedNotice,
  channelById,
  channelsFor,
} from './channels-store.ts';
import { enqueue } from './deliveries-store.ts';
import { type EventFacts, kindOf, type StoredEvent } from './event.ts';
import { dueEvents, endEvents, holdEvents, lastTold, lockComposing } from './events-store.ts';
import { type NoticeKind, noticeKinds } from './kinds.ts';
import type { Notice, NoticeWords } from './notice.ts';
import { addNotices } from './notices-store.ts';
import { type Paced, pace } from './pace.ts';
import { type IncidentWords, type TermsWords, type WordsContext, wordsOf } from './words.ts';

/** Events that are looked at in one transaction: a tenth of a second. */
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

/** Kinds that wait after they were told of a worker, and the longest of these times. */
const pacedKinds = (Object.keys(noticeKinds) as NoticeKind[]).filter(
  (kind) => noticeKinds[kind].atMostEveryMs > 0,
);
const PACED_MS_MAX = Math.max(...pacedKinds.map((kind) => noticeKinds[kind].atMostEveryMs));

/**
 * Makes notices of what happened, and puts them on their way to everybody who chose their kind. What is
 * noted as told, kept as a notice, and on its way becomes so in one transaction. As many statements
 * for one event as for all that are looked at together.
 *
 * @returns how many events were looked at, and whether there may be more
 */
export async function compose(parts: ComposeParts, now: Instant): Promise<Composed> {
  const terms = await parts.currentTerms();
  return parts.database.transact(async (tx) => {
    if (!(await lockComposing(tx))) return NOTHING;
    const all = await dueEvents(tx, now, EVENTS_MAX);
    if (all.length === 0) return NOTHING;
    const byWorker = Map.groupBy(all, (event) => event.worker);
    const workers = [...byWorker.keys()].filter((worker) => worker !== undefined);
    const names = await namesOf(tx, workers);
    const since = now - PACED_MS_MAX;
    const told = await lastTold(tx, { workers, kinds: pacedKinds, since });
    const ended: bigint[] = [];
    const held: Paced<Event>['hold'][number][] = [];
    const drafts: Draft[] = [];
    for (const [worker, events] of byWorker) {
      const kinds = events.flatMap((event): Event[] => {
        const kind = kindOf(event.facts);
        if (kind === undefined) ended.push(event.id);
        return kind === undefined ? [] : [{ ...event, kind }];
      });
      const before = worker === undefined ? undefined : told.get(worker);
      const paced = pace(kinds, before ?? new Map(), now);
      held.push(...paced.hold);
      for (const group of paced.tell) {
        const name = worker === undefined ? undefined : (names.get(worker) ?? worker);
        const draft = await draftOf(parts, tx, { worker, name, group, terms });
        if (draft) drafts.push(draft);
      }
      ended.push(...paced.drop.map(({ id }) => id));
      ended.push(...paced.tell.flatMap((group) => group.map(({ id }) => id)));
    }
    await send(tx, drafts, now);
    await holdEvents(tx, held);
    await endEvents(tx, ended, now);
    return { looked: all.length, more: all.length >= EVENTS_MAX };
  });
}

/** What became of a look at what waits. */
export interface Composed {
  readonly looked: number;
  readonly more: boolean;
}
const NOTHING: Composed = { looked: 0, more: false };

/** What a notice says, and what it is of. */
interface Draft {
  readonly words: NoticeWords;
  readonly worker: WorkerId | undefined;
  readonly facts: EventFacts;
}

async function draftOf(
  parts: ComposeParts,
  tx: Transaction,
  about: {
    readonly worker: WorkerId | undefined;
    readonly name: string | undefined;
    readonly group: readonly [Event, ...Event[]];
    readonly terms: Terms;
  },
): Promise<Draft | undefined> {
  const { worker, group } = about;
  const [{ kind, facts }] = group;
  const context = await contextOf(parts, tx, { ...about, facts });
  try {
    const words = wordsOf(kind, group, context);
    return words && { words, worker, facts };
  } catch (error) {
    // One that cannot be said must not keep the others from being told.
    parts.log.error('notice_not_worded', { reason: kind, error: messageOf(error) });
    return undefined;
  }
}

async function send(tx: Transaction, drafts: readonly Draft[], now: Instant): Promise<void> {
  const notices = await addNotices(
    tx,
    drafts.map(({ words, worker }) => {
      const open = noticeKinds[words.kind].open && worker === undefined;
      return { ...words, worker, open, at: now };
    }),
  );
  const tests: Addressed[] = [];
  const asked: AddressedNotice[] = [];
  for (const [i, { facts, worker }] of drafts.entries()) {
    const { id: notice, kind } = notices[i] as Notice;
    if (facts.source === 'test') {
      const channel = await channelById(tx, facts.channel as ChannelId);
      if (channel) tests.push({ notice, channel: channel.id, target: channel.target });
    } else {
      const also = facts.source === 'address' && facts.old !== undefined ? [facts.old] : [];
      asked.push({ notice, kind, to: toWhom(kind, worker), worker, also });
    }
  }
  await enqueue(tx, [...tests, ...(await channelsFor(tx, asked))], now);
}

/** A kind for everybody that names a worker is for its owner: a message to one. */
function toWhom(
  kind: NoticeKind,
  worker: WorkerId | undefined,
): 'owner' | 'everybody' | 'operators' {
  const { to } = noticeKinds[kind];
  return to === 'everybody' && worker !== undefined ? 'owner' : to;
}

async function contextOf(
  parts: ComposeParts,
  from: Queryable,
  about: {
    readonly name: string | undefined;
    readonly facts: EventFacts;
    readonly terms: Terms;
  },
): Promise<WordsContext> {
  const { name, facts, terms } = about;
  const assets: Readonly<Record<string, { readonly decimals: number }>> = terms.assets;
  return {
    worker: name,
    decimals: (asset) => assets[asset]?.decimals ?? 0,
    terms: facts.source === 'terms' ? await termsIn(parts, from, facts) : undefined,
    incident: facts.source === 'incident' ? await incidentIn(from, facts.incident) : undefined,
  };
}

async function namesOf(
  from: Queryable,
  workers: readonly WorkerId[],
): Promise<ReadonlyMap<WorkerId, string>> {
  if (workers.length === 0) return new Map();
  const { rows } = await from.query<{ id: WorkerId; name: string }>(
    sql`select id, name from worker where id = any(${[...workers]}::text[])`,
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
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
