import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TributaryError } from '../base/errors.ts';

/**
 * Claims a data directory for this process until `release` or its death, however sudden. Node has no
 * `flock`; an exclusive transaction of SQLite is a lock of the kernel, so there is no stale lock
 * file after `kill -9`, and containers that share a volume see it too. Throws
 * `data_directory_in_use`.
 */
export function lockDataDir(dataDir: string): { release(): void } {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(dataDir, 'database.lock'), { timeout: 0 });
    lock.exec('begin exclusive');
  } catch (error) {
    lock?.close();
    const busy = (error as { errcode?: number }).errcode === 5;
    throw new TributaryError(
      busy ? 'data_directory_in_use' : 'database_embedded_failed',
      busy ? `${dataDir} is in use` : `cannot write to ${dataDir}`,
      { cause: error },
    );
  }
  const held = lock;
  return { release: () => held.close() };
}
