import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import { parseWorkerId } from '../base/ids.ts';
import type { Queryable } from '../database/transaction.ts';
import { epochOf } from '../ledger/epoch-store.ts';
import { factOf } from '../workers/facts.ts';
import { onlineOf, poolOnline } from '../workers/presence-store.ts';
import { merged, type Stretch } from '../workers/stretches.ts';
import { readInput } from './input-json.ts';
import { resultOf } from './store.ts';

/** Attempts and checks that are shown of one epoch. */
const EVENTS_MAX = 1_000;

/** What a line of a statement rests on. */
export type EvidenceRows =
  /** The operator's word. */
  | {
      readonly kind: 'fact';
      readonly fact: string;
      readonly value: string;
      readonly since: Instant;
    }
  /** What a gateway took back. */
  | {
      readonly kind: 'refund';
      readonly asset: string;
      readonly amount: bigint;
      readonly reason: string | undefined;
      readonly at: Instant;
    }
  /** Attempts that came to nothing, or results that were refused. */
  | {
      readonly kind: 'failed_attempts' | 'failed_checks';
      readonly events: readonly {
        readonly at: Instant;
        readonly job: string | undefined;
        readonly reason: string;
      }[];
    }
  /** When the worker was there, and when the pool was. */
  | {
      readonly kind: 'offline';
      readonly onlineMs: bigint;
      readonly promisedMs: bigint;
      readonly online: readonly Stretch[];
      readonly poolUp: readonly Stretch[];
    }
  /** A figure of the published input. */
  | { readonly kind: 'speed_percentile' | 'member_epochs'; readonly value: string };

/** An id of a statement line with whose it is. */
export type Evidence = EvidenceRows & { readonly worker: WorkerId };

const NAMED = /^epoch-(\d{1,18})\/([a-z2-7]{10})\/([a-z_]{1,32})$/;

/**
 * What the evidence of a statement line is: `fact-12`, `epoch-3/abcdefghij/offline`, or the id of a
 * refund. Undefined where there is nothing of that id.
 */
export async function evidenceOf(from: Queryable, id: string): Promise<Evidence | undefined> {
  const fact = /^fact-(\d{1,18})$/.exec(id)?.[1];
  if (fact !== undefined) return factEvidence(from, BigInt(fact));
  const [, epoch, name = '', kind = ''] = NAMED.exec(id) ?? [];
  const worker = parseWorkerId(name);
  if (epoch !== undefined && worker) return measuredEvidence(from, BigInt(epoch), worker, kind);
  return refundEvidence(from, id);
}

async function factEvidence(from: Queryable, id: bigint): Promise<Evidence | undefined> {
  const fact = await factOf(from, id);
  const worker = fact && parseWorkerId(fact.worker);
  if (!fact || !worker) return undefined;
  return { kind: 'fact', worker, fact: fact.kind, value: fact.value ?? '', since: fact.at };
}

async function refundEvidence(from: Queryable, id: string): Promise<Evidence | undefined> {
  const { rows } = await from.query<{
    worker: string;
    asset: string;
    amount: bigint;
    reason: string | null;
    at: Instant;
  }>(sql`select worker, asset, amount, reason, at from refund where id = ${id}`);
  const [row] = rows;
  const worker = row && parseWorkerId(row.worker);
  if (!row || !worker) return undefined;
  return { ...row, kind: 'refund', worker, reason: row.reason ?? undefined };
}

async function measuredEvidence(
  from: Queryable,
  number: bigint,
  worker: WorkerId,
  kind: string,
): Promise<Evidence | undefined> {
  const epoch = await epochOf(from, number);
  const result = await resultOf(from, number);
  const own = result && readInput(result.input).workers.find((one) => one.worker === worker);
  if (!epoch || epoch.endedAt === undefined || !own) return undefined;
  const within = { since: epoch.openedAt, until: epoch.endedAt };
  switch (kind) {
    case 'failed_attempts':
      return { kind, worker, events: await failedAttempts(from, worker, within) };
    case 'failed_checks':
      return { kind, worker, events: await failedChecks(from, worker, number) };
    case 'offline':
      return {
        kind,
        worker,
        onlineMs: own.onlineMs,
        promisedMs: own.promisedMs,
        online: merged(await onlineOf(from, worker, within), within),
        poolUp: merged(await poolOnline(from, within), within),
      };
    case 'speed_percentile':
      return { kind, worker, value: String(own.facts.speedPercentile ?? '') };
    case 'member_epochs':
      return { kind, worker, value: String(own.facts.memberSinceEpoch ?? '') };
    default:
      return undefined;
  }
}

interface EventRow {
  at: Instant;
  job: string | null;
  reason: string;
}

const decode = ({ job, ...row }: EventRow) => ({ ...row, job: job ?? undefined });

async function failedAttempts(from: Queryable, worker: WorkerId, { since, until }: Stretch) {
  const { rows } = await from.query<EventRow>(sql`
    select at, job, verdict || ':' || reason as reason from contribution
    where worker = ${worker} and verdict not in ('credited', 'superseded')
      and at >= 'epoch'::timestamptz + ${since}::double precision * interval '1 millisecond'
      and at < 'epoch'::timestamptz + ${until}::double precision * interval '1 millisecond'
    order by at limit ${EVENTS_MAX}`);
  return rows.map(decode);
}

async function failedChecks(from: Queryable, worker: WorkerId, epoch: bigint) {
  const { rows } = await from.query<EventRow>(sql`
    select f.at, c.job, f.reason from failed_check f
      left join contribution c on c.id = f.contribution
    where f.worker = ${worker} and f.epoch = ${epoch} order by f.id limit ${EVENTS_MAX}`);
  return rows.map(decode);
}
