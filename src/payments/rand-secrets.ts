import { createCipheriv, createDecipheriv } from 'node:crypto';
import sql from 'sql-template-tag';
import { TributaryError } from '../base/errors.ts';
import { type RandomBytes, secureRandom } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { RAND_SECRET_BYTES, type RandSecret } from './recipient-rand.ts';

/** Of AES-256-GCM. */
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** A version that was replaced: offers live for 40 L1 blocks of 12 s, blocks can be late. */
export const RAND_OVERLAP_MS = 60 * 60 * 1000;

/** The keys behind recipientRands: shared by all nodes, kept over restarts, sealed at rest. */
export interface RandSecrets {
  /**
   * The versions that are valid now, newest first. Makes the first version when there is none; nodes
   * that start together get the same. Throws `secret_sealed` when the key is not the one that they
   * were sealed with.
   */
  load(): Promise<readonly [RandSecret, ...RandSecret[]]>;
  /** Adds a version; those before it stay valid for RAND_OVERLAP_MS. */
  rotate(): Promise<RandSecret>;
}

/** Secrets in the table of migration 0004, sealed with `sealKey` (32 bytes, from outside of it). */
export function createRandSecrets(
  database: Database,
  sealKey: Uint8Array,
  random: RandomBytes = secureRandom,
): RandSecrets {
  if (sealKey.length !== 32) throw new RangeError('the key that seals has 32 bytes');

  async function valid(from: Queryable): Promise<readonly RandSecret[]> {
    const { rows } = await from.query<{ version: number; sealed: Buffer }>(sql`
      select version, sealed from ticket_rand_secret
      where retired_at is null or retired_at > now() order by version desc`);
    return rows.map(({ version, sealed }) => ({ version, key: open(sealKey, version, sealed) }));
  }

  async function addVersion(tx: Transaction): Promise<RandSecret> {
    const { rows } = await tx.query<{ version: number }>(sql`
      select coalesce(max(version), 0) + 1 as version from ticket_rand_secret`);
    const version = rows[0]?.version ?? 1;
    const key = Uint8Array.from(random(RAND_SECRET_BYTES));
    const sealed = seal(sealKey, version, key, random(IV_BYTES));
    await tx.query(
      sql`insert into ticket_rand_secret (version, sealed) values (${version}, ${sealed})`,
    );
    return { version, key };
  }

  return {
    async load() {
      const [newest, ...older] = await valid(database);
      if (newest) return [newest, ...older];
      return database.transact(async (tx) => {
        await lock(tx);
        const [first, ...rest] = await valid(tx);
        return first ? [first, ...rest] : [await addVersion(tx)];
      });
    },
    rotate() {
      return database.transact(async (tx) => {
        await lock(tx);
        await tx.query(sql`
          update ticket_rand_secret
          set retired_at = now() + ${RAND_OVERLAP_MS} * interval '1 millisecond'
          where retired_at is null`);
        return addVersion(tx);
      });
    },
  };
}

async function lock(tx: Transaction): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('ticket_rand_secret', 0))`);
}

/** IV, ciphertext, tag. The version is authenticated, so that rows cannot change places. */
function seal(sealKey: Uint8Array, version: number, key: Uint8Array, iv: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', sealKey, iv).setAAD(contextOf(version));
  return Buffer.concat([iv, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
}

function open(sealKey: Uint8Array, version: number, sealed: Buffer): Uint8Array {
  const end = sealed.length - TAG_BYTES;
  const iv = sealed.subarray(0, IV_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', sealKey, iv)
    .setAAD(contextOf(version))
    .setAuthTag(sealed.subarray(end));
  try {
    return Uint8Array.from(
      Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, end)), decipher.final()]),
    );
  } catch (cause) {
    const text = 'the ticket secrets in the database were sealed with another key';
    throw new TributaryError('secret_sealed', text, { cause, facts: { version } });
  }
}

function contextOf(version: number): Buffer {
  return Buffer.from(`tributary ticket rand ${version}`, 'latin1');
}
