import sql from 'sql-template-tag';
import { type Instant, instant } from '../base/clock.ts';
import { type RandomBytes, secureRandom } from '../base/ids.ts';
import type { Database } from './database.ts';
import type { Transaction } from './transaction.ts';

/** Keys are for HMAC-SHA-256, 256-bit ciphers or seeds of Ed25519. */
const KEY_BYTES = 32;

/**
 * What a key is for; a key of one purpose is never used for another. The one of notices lies in a file
 * since it seals what lies in this database.
 */
export type SecretPurpose = 'auth_token' | 'source_url' | 'receipt_key' | 'api';

/** One version of a key. */
export interface Secret {
  readonly purpose: SecretPurpose;
  readonly version: number;
  readonly key: Uint8Array;
  readonly createdAt: Instant;
  /** From then on it is refused; undefined: for as long as it is the newest. */
  readonly retiredAt: Instant | undefined;
}

/** Keys that all nodes of a pool share and that survive restarts. */
export interface Secrets {
  /**
   * The versions that are valid now, newest first: sign with the first, accept any. Makes the first
   * version when there is none; nodes that start together get the same.
   */
  load(purpose: SecretPurpose): Promise<readonly [Secret, ...Secret[]]>;
  /**
   * Adds a version. Those before it stay valid for `overlapMs` more, so that nothing breaks, or for as
   * long as an earlier rotation left them where that is less.
   */
  rotate(purpose: SecretPurpose, overlapMs: number): Promise<Secret>;
  /** Calls back when any node has rotated, or may have; load again then. */
  onChange(
    changed: (purpose: SecretPurpose | undefined) => void,
  ): Promise<{ stop(): Promise<void> }>;
}

/** Secrets in the tables of migration 0002. */
export function createSecrets(database: Database, random: RandomBytes = secureRandom): Secrets {
  return {
    async load(purpose) {
      const [first, ...rest] = await validSecrets(database, purpose);
      if (first) return [first, ...rest];
      return database.transact(async (tx) => {
        await lockPurpose(tx, purpose);
        const [newest, ...older] = await validSecrets(tx, purpose);
        if (newest) return [newest, ...older];
        return [await addSecret(tx, purpose, random(KEY_BYTES))];
      });
    },
    rotate(purpose, overlapMs) {
      return database.transact(async (tx) => {
        await lockPurpose(tx, purpose);
        await tx.query(sql`
          update secret set retired_at = now() + ${overlapMs} * interval '1 millisecond'
          where purpose = ${purpose} and (retired_at is null
            or retired_at > now() + ${overlapMs} * interval '1 millisecond')`);
        return addSecret(tx, purpose, random(KEY_BYTES));
      });
    },
    onChange(changed) {
      return database.listen('secret_changed', {
        message: (payload) => changed(payload as SecretPurpose),
        reconnected: () => changed(undefined),
      });
    },
  };
}

interface SecretRow {
  purpose: SecretPurpose;
  version: number;
  key: Buffer;
  created_at: Instant;
  retired_at: Instant | null;
}

async function lockPurpose(tx: Transaction, purpose: SecretPurpose): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended(${`secret ${purpose}`}, 0))`);
}

async function validSecrets(
  from: Pick<Database, 'query'>,
  purpose: SecretPurpose,
): Promise<readonly Secret[]> {
  const { rows } = await from.query<SecretRow>(sql`
    select purpose, version, key, created_at, retired_at from secret
    where purpose = ${purpose} and (retired_at is null or retired_at > now())
    order by version desc`);
  return rows.map(decodeSecret);
}

async function addSecret(
  tx: Transaction,
  purpose: SecretPurpose,
  key: Uint8Array,
): Promise<Secret> {
  const { rows } = await tx.query<SecretRow>(sql`
    insert into secret (purpose, version, key)
    select ${purpose}, coalesce(max(version), 0) + 1, ${Buffer.from(key)}
    from secret where purpose = ${purpose}
    returning purpose, version, key, created_at, retired_at`);
  return decodeSecret(rows[0] as SecretRow);
}

function decodeSecret(row: SecretRow): Secret {
  if (row.key.length !== KEY_BYTES) throw new RangeError('a secret has the wrong length');
  return {
    purpose: row.purpose,
    version: row.version,
    key: new Uint8Array(row.key),
    createdAt: instant(row.created_at),
    retiredAt: row.retired_at === null ? undefined : instant(row.retired_at),
  };
}
