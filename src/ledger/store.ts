import sql, { type Sql } from 'sql-template-tag';
import { hex, parseHex } from '../base/bytes.ts';
import { type Instant, instant } from '../base/clock.ts';
import type { ConnectionId, JobId, SessionId, TaskId, WorkerId } from '../base/ids.ts';
import { pixels } from '../base/money.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type {
  ContributedRendition,
  Contribution,
  ContributionId,
  FailedVerdict,
  StoredContribution,
  Timings,
  WorkerTotals,
} from './contribution.ts';

/** A contribution with the id under which it will be found. */
export interface Entry {
  readonly id: ContributionId;
  readonly contribution: Contribution;
}

/**
 * Appends what is not there yet, in one statement whatever their number, and returns the ids that are
 * in the table now because of it. Missing from the answer: the task was appended before, or the
 * job is credited already.
 */
export async function appendContributions(
  tx: Transaction,
  entries: readonly Entry[],
): Promise<ReadonlySet<string>> {
  const column = (value: (entry: Contribution) => string | number | bigint | undefined) =>
    plainArray(entries.map(({ contribution }) => value(contribution)));
  const timing = (name: keyof Timings) =>
    column(({ timings }) => {
      const ms = timings[name];
      return ms === undefined ? undefined : Math.round(ms);
    });
  const { rows } = await tx.query<{ id: string }>(
    sql`
    insert into contribution (id, job, attempt, task, worker, connection, session, manifest_hash,
      verdict, reason, pixels, renditions, source_duration_ms, source_bytes, source_hash,
      queued_ms, fetched_ms, transcoded_ms, uploaded_ms, verified_ms, at)
    select id, job, attempt, task, worker, connection, session, manifest_hash,
      verdict, reason, pixels, renditions, source_duration_ms, source_bytes, source_hash,
      queued_ms, fetched_ms, transcoded_ms, uploaded_ms, verified_ms,
      'epoch'::timestamptz + at_ms * interval '1 millisecond'
    from unnest(
      ${plainArray(entries.map(({ id }) => id))}::uuid[],
      ${column(({ job }) => job)}::uuid[],
      ${column(({ attempt }) => attempt)}::smallint[],
      ${column(({ task }) => task)}::bigint[],
      ${column(({ worker }) => worker)}::text[],
      ${textArray(entries.map(({ contribution }) => contribution.connection))}::text[],
      ${textArray(entries.map(({ contribution }) => contribution.session))}::text[],
      ${column(({ manifestHash }) => bytea(manifestHash))}::bytea[],
      ${column(({ verdict }) => verdict)}::text[],
      ${column((entry) => (entry.verdict === 'credited' ? undefined : entry.reason))}::text[],
      ${column((entry) => (entry.verdict === 'credited' ? entry.pixels : 0))}::bigint[],
      ${textArray(entries.map(({ contribution }) => renditionsJson(contribution)))}::jsonb[],
      ${column(({ sourceDurationMs }) => Math.round(sourceDurationMs))}::integer[],
      ${column(({ sourceBytes }) => sourceBytes)}::bigint[],
      ${column(({ sourceHash }) => bytea(sourceHash))}::bytea[],
      ${timing('queuedMs')}::integer[],
      ${timing('fetchedMs')}::integer[],
      ${timing('transcodedMs')}::integer[],
      ${timing('uploadedMs')}::integer[],
      ${timing('verifiedMs')}::integer[],
      ${column(({ at }) => at)}::double precision[]
    ) as entry (id, job, attempt, task, worker, connection, session, manifest_hash,
      verdict, reason, pixels, renditions, source_duration_ms, source_bytes, source_hash,
      queued_ms, fetched_ms, transcoded_ms, uploaded_ms, verified_ms, at_ms)
    on conflict do nothing
    returning id`,
    'append_contributions',
  );
  return new Set(rows.map(({ id }) => id));
}

/** Which of these ids are stored? Asked after a commit whose answer was lost. */
export async function storedIds(
  from: Queryable,
  ids: readonly ContributionId[],
): Promise<ReadonlySet<string>> {
  const { rows } = await from.query<{ id: string }>(sql`
    select id from contribution where id = any(${plainArray(ids)}::uuid[])`);
  return new Set(rows.map(({ id }) => id));
}

/** Every attempt of a job, in order. */
export async function contributionsOfJob(
  from: Queryable,
  job: JobId,
): Promise<readonly StoredContribution[]> {
  // Two arms, each of which has its own partial index.
  const arm = (condition: Sql) => sql`
    select id, job, attempt, task, worker, connection, session, manifest_hash, verdict, reason,
      pixels, renditions, source_duration_ms, source_bytes, source_hash, queued_ms, fetched_ms,
      transcoded_ms, uploaded_ms, verified_ms, at
    from contribution where job = ${job} and ${condition}`;
  const { rows } = await from.query<ContributionRow>(sql`
    ${arm(sql`verdict = 'credited'`)} union all ${arm(sql`verdict <> 'credited'`)}
    order by attempt, at, id`);
  return rows.map(decodeContribution);
}

/**
 * What each worker did, or what one did; workers without an attempt that counts are left out. Out of
 * the running totals of epochs, a row for each: contributions are millions.
 */
export async function totalsByWorker(
  from: Queryable,
  worker?: WorkerId,
): Promise<readonly WorkerTotals[]> {
  const { rows } = await from.query<TotalsRow>(sql`
    select worker, segments, pixels, duration_ms, failed,
      (select max(c.at) from contribution c where c.worker = done.worker) as last_at
    from (
      select worker, sum(jobs) as segments, sum(units) as pixels, sum(source_ms) as duration_ms,
        sum(failed_attempts) as failed
      from worker_epoch
      where ${worker ?? null}::text is null or worker = ${worker ?? null}::text
      group by worker having sum(jobs + failed_attempts) > 0
    ) as done order by worker`);
  return rows.map((row) => ({
    worker: row.worker as WorkerId,
    segments: Number(row.segments),
    pixels: pixels(row.pixels),
    sourceDurationMs: Number(row.duration_ms),
    failedAttempts: Number(row.failed),
    lastAt: row.last_at === null ? null : instant(row.last_at),
  }));
}

interface TotalsRow {
  worker: string;
  segments: bigint;
  pixels: bigint;
  duration_ms: bigint;
  failed: bigint;
  last_at: Instant | null;
}

interface ContributionRow {
  id: string;
  job: string;
  attempt: number;
  task: bigint;
  worker: string;
  connection: string;
  session: string;
  manifest_hash: Buffer | null;
  verdict: string;
  reason: string | null;
  pixels: bigint;
  renditions: readonly RenditionJson[];
  source_duration_ms: number;
  source_bytes: bigint;
  source_hash: Buffer | null;
  queued_ms: number | null;
  fetched_ms: number | null;
  transcoded_ms: number | null;
  uploaded_ms: number | null;
  verified_ms: number | null;
  at: Instant;
}

interface RenditionJson {
  name: string;
  width: number;
  height: number;
  frames: number;
  pixels: number;
  bytes: number;
  hash: string;
}

function decodeContribution(row: ContributionRow): StoredContribution {
  const attempt = {
    id: row.id as ContributionId,
    job: row.job as JobId,
    attempt: row.attempt,
    task: row.task as TaskId,
    worker: row.worker as WorkerId,
    connection: row.connection as ConnectionId,
    session: row.session as SessionId,
    sourceDurationMs: row.source_duration_ms,
    sourceBytes: Number(row.source_bytes),
    timings: decodeTimings(row),
    at: instant(row.at),
    ...(row.manifest_hash && { manifestHash: new Uint8Array(row.manifest_hash) }),
  };
  if (row.verdict !== 'credited') {
    return {
      ...attempt,
      ...(row.source_hash && { sourceHash: new Uint8Array(row.source_hash) }),
      verdict: row.verdict as FailedVerdict,
      reason: row.reason as string,
    };
  }
  return {
    ...attempt,
    sourceHash: new Uint8Array(row.source_hash as Buffer),
    verdict: 'credited',
    pixels: pixels(row.pixels),
    profiles: row.renditions.map(
      (rendition): ContributedRendition => ({
        ...rendition,
        pixels: pixels(BigInt(rendition.pixels)),
        hash: new Uint8Array(parseHex(rendition.hash) as Uint8Array),
      }),
    ),
  };
}

function decodeTimings(row: ContributionRow): Timings {
  return {
    ...(row.queued_ms !== null && { queuedMs: row.queued_ms }),
    ...(row.fetched_ms !== null && { fetchedMs: row.fetched_ms }),
    ...(row.transcoded_ms !== null && { transcodedMs: row.transcoded_ms }),
    ...(row.uploaded_ms !== null && { uploadedMs: row.uploaded_ms }),
    ...(row.verified_ms !== null && { verifiedMs: row.verified_ms }),
  };
}

function renditionsJson(entry: Contribution): string {
  if (entry.verdict !== 'credited') return '[]';
  const parts = entry.profiles.map(
    ({ name, width, height, frames, pixels: count, bytes, hash }) =>
      `{"name":${JSON.stringify(name)},"width":${width},"height":${height},"frames":${frames},` +
      `"pixels":${count},"bytes":${bytes},"hash":"${hex(hash)}"}`,
  );
  return `[${parts.join()}]`;
}

/** `\x` is written twice, since a backslash escapes in an array's text. */
const bytea = (bytes: Uint8Array | undefined) => bytes && `\\\\x${hex(bytes)}`;

/**
 * The text of an array of values without any character that would need quotes: numbers, ids, hex.
 * Written here because `pg` quotes and escapes every element (4 times the CPU, measured).
 */
function plainArray(values: readonly (string | number | bigint | undefined)[]): string {
  return `{${values.map((value) => value ?? 'null').join()}}`;
}

/** The text of an array of any strings. */
function textArray(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join()}}`;
}
