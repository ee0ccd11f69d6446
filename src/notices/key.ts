import { timingSafeEqual } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { type RandomBytes, secureRandom } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { hmacSha256 } from '../base/mac.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import { noteEvent } from './events-store.ts';
import {
  fingerprintIn,
  forgetKeyInDatabase,
  forgetSealed,
  keyInDatabase,
  lockKey,
  noteFingerprint,
} from './key-store.ts';

const KEY_BYTES = 32;

/**
 * The key of notices, or why there is none: `missing`, the file is not there although the pool has a
 * key; `wrong`, it holds another one.
 */
export type NoticesKey =
  | { readonly ok: true; readonly key: Uint8Array }
  | { readonly ok: false; readonly reason: 'missing' | 'wrong' };

/** What the key stands on. */
export interface NoticesKeyParts {
  readonly database: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** 64 hex digits, for its owner alone. */
  readonly file: string;
  /**
   * Whether every node reads this file: then the key leaves the database where it lay before. Else
   * other nodes that were not started since may need to take it from there.
   */
  readonly forAllNodes: boolean;
  /** What the lost key has sealed is removed, and another key made. */
  readonly lost: boolean;
  readonly random?: RandomBytes;
}

/**
 * Reads the key by which channels of notices are sealed; makes it at the first start, and takes it out
 * of the database, where it lay in versions before this one. The file is on disk before the database
 * forgets anything. Throws `notices_key_unusable` for a file that holds no key or cannot be read or
 * written.
 */
export function openNoticesKey(parts: NoticesKeyParts): Promise<NoticesKey> {
  const { database, file, random = secureRandom } = parts;
  return database.transact(async (tx) => {
    await lockKey(tx);
    const held = await readKey(file, parts.log);
    const fingerprint = await fingerprintIn(tx);
    const before = await keyInDatabase(tx);
    const inDatabase = before && isOf(before, fingerprint) ? before : undefined;
    if (held) {
      const known = fingerprint ?? (inDatabase && fingerprintOf(inDatabase));
      if (!isOf(held, known)) return unusable(tx, 'wrong', held);
      return use(tx, held, inDatabase !== undefined);
    }
    if (!inDatabase && fingerprint) return unusable(tx, 'missing', undefined);
    const key = inDatabase ?? new Uint8Array(random(KEY_BYTES));
    await writeKey(file, key);
    return use(tx, key, inDatabase !== undefined);
  });

  async function use(tx: Transaction, key: Uint8Array, inDatabase: boolean): Promise<NoticesKey> {
    await noteFingerprint(tx, fingerprintOf(key), parts.clock.now());
    if (inDatabase && parts.forAllNodes) {
      await forgetKeyInDatabase(tx);
      parts.log.info('notices_key_moved');
    } else if (inDatabase) parts.log.warn('notices_key_in_database');
    return { ok: true, key };
  }

  async function unusable(
    tx: Transaction,
    reason: 'missing' | 'wrong',
    held: Uint8Array | undefined,
  ): Promise<NoticesKey> {
    if (!parts.lost) {
      parts.log.error('notices_key_unusable', { reason });
      return { ok: false, reason };
    }
    const key = held ?? new Uint8Array(random(KEY_BYTES));
    if (!held) await writeKey(file, key);
    const count = await forgetSealed(tx);
    const now = parts.clock.now();
    if (count > 0) {
      await noteEvent(tx, { key: `message:key-lost:${now}`, at: now, facts: LOST });
    }
    parts.log.warn('notices_key_replaced', { count });
    await forgetKeyInDatabase(tx);
    return use(tx, key, false);
  }
}

const LOST = {
  source: 'message',
  title: 'Say again where you want to be told',
  text: 'The pool lost the key by which it kept where each of you is told, so nobody can read that any more, the pool included. What there is to tell stands on the pages of the pool meanwhile.',
  todo: 'Add your channels again.',
} as const;

function fingerprintOf(key: Uint8Array): Buffer {
  return hmacSha256(key).update('notices fingerprint').digest();
}

/** Whether this is the key that a pool is known by; any is, where it has none yet. */
function isOf(key: Uint8Array, fingerprint: Buffer | undefined): boolean {
  return fingerprint === undefined || timingSafeEqual(fingerprintOf(key), fingerprint);
}

/** Undefined: there is no such file. */
async function readKey(file: string, log: Log): Promise<Uint8Array | undefined> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
    const { mode } = await stat(file);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) log.warn('notices_key_readable');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusableFile('the file with the key of notices cannot be read', cause);
  }
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw unusableFile('the file with the key of notices does not hold 64 hex digits');
  }
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** The key is on disk when this resolves, also after a power cut. */
async function writeKey(file: string, key: Uint8Array): Promise<void> {
  try {
    await using handle = await open(file, 'wx', 0o600);
    await handle.writeFile(`${Buffer.from(key).toString('hex')}\n`);
    await handle.sync();
    await using folder = await open(dirname(file), 'r');
    // Some file systems have no such thing for folders.
    await folder.sync().catch(() => undefined);
  } catch (cause) {
    throw unusableFile('the key of notices cannot be written', cause);
  }
}

const unusableFile = (text: string, cause?: unknown) =>
  new TributaryError('notices_key_unusable', text, { cause });
