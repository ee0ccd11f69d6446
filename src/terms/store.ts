import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { violatedConstraint } from '../database/failures.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';

/** A published version, without its text. */
export interface TermsVersion {
  readonly version: number;
  readonly startsAtEpoch: bigint;
  readonly publishedAt: Instant;
  /** 32 bytes. */
  readonly digest: Uint8Array;
}

interface VersionRow {
  version: number;
  starts_at_epoch: bigint;
  published_at: Instant;
  digest: Buffer;
}

function decodeVersion(row: VersionRow): TermsVersion {
  return {
    version: row.version,
    startsAtEpoch: row.starts_at_epoch,
    publishedAt: row.published_at,
    digest: new Uint8Array(row.digest),
  };
}

/** Makes whoever publishes at the same time wait, so that versions follow each other. */
export async function lockTerms(tx: Transaction): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('tributary terms', 0))`);
}

/** All versions, oldest first. */
export async function termsVersions(from: Queryable): Promise<readonly TermsVersion[]> {
  const { rows } = await from.query<VersionRow>(sql`
    select version, starts_at_epoch, published_at, digest from terms_version order by version`);
  return rows.map(decodeVersion);
}

/** Versions published after a time, oldest first: what workers have to be told of. */
export async function termsChanges(
  from: Queryable,
  since: Instant,
): Promise<readonly TermsVersion[]> {
  const after = sql`'epoch'::timestamptz + ${since}::double precision * interval '1 millisecond'`;
  const { rows } = await from.query<VersionRow>(sql`
    select version, starts_at_epoch, published_at, digest from terms_version
    where published_at > ${after} order by version`);
  return rows.map(decodeVersion);
}

/** terms/<version>.json; undefined when there is no such version. */
export async function termsFile(from: Queryable, version: number): Promise<string | undefined> {
  const { rows } = await from.query<{ file: string }>(
    sql`select file from terms_version where version = ${version}`,
  );
  return rows[0]?.file;
}

/** The version that settles an epoch: the newest that has begun by then; 0 where there is none. */
export async function versionForEpoch(from: Queryable, epoch: bigint): Promise<number> {
  const { rows } = await from.query<{ version: number }>(sql`
    select coalesce(max(version), 0) as version from terms_version
    where starts_at_epoch <= ${epoch}`);
  return rows[0]?.version ?? 0;
}

/** The number and terms of the epoch that is open; receipts join it. */
export async function epochNow(
  from: Queryable,
): Promise<{ readonly number: bigint; readonly termsVersion: number }> {
  const { rows } = await from.query<{ number: bigint; terms_version: number }>(
    sql`select number, terms_version from epoch where state = 'open'`,
  );
  const [row] = rows;
  if (!row) throw new TributaryError('internal', 'no epoch is open');
  return { number: row.number, termsVersion: row.terms_version };
}

/** Stores terms for good. Throws `terms_late` when their epoch has begun in the meantime. */
export async function addTerms(
  tx: Transaction,
  terms: TermsVersion & { readonly file: string },
): Promise<void> {
  const at = sql`'epoch'::timestamptz + ${terms.publishedAt}::double precision * interval '1 millisecond'`;
  try {
    await tx.query(sql`
      insert into terms_version (version, starts_at_epoch, published_at, digest, file)
      values (${terms.version}, ${terms.startsAtEpoch}, ${at}, ${Buffer.from(terms.digest)},
        ${terms.file})`);
  } catch (cause) {
    if (violatedConstraint(cause) !== 'terms_version_in_time') throw cause;
    const message = `Epoch ${terms.startsAtEpoch} has begun: it keeps the terms that it has.`;
    throw new TributaryError('terms_late', message, { cause });
  }
}
