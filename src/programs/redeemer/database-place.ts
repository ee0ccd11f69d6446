import { mkdtemp, realpath, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TributaryError } from '../../base/errors.ts';

/** `sun_path` holds 104 bytes on macOS, 108 on Linux, with the name of the socket and a final NUL. */
const SOCKET = '.s.PGSQL.5432';
const SOCKET_DIR_CHARS_MAX = 104 - SOCKET.length - 2;

/** Where the database of a running pool listens, and what to take away when it is not needed. */
export interface PoolDatabase {
  readonly url: string;
  release(): Promise<void>;
}

/**
 * The embedded PostgreSQL of a pool that runs on this machine: it listens at a socket in the pool's
 * data directory, and the file system says who may use it.
 *
 * @throws TributaryError `database_unreachable` when there is no such socket
 */
export async function poolDatabase(poolDataDir: string): Promise<PoolDatabase> {
  const dir = join(await realpath(poolDataDir).catch(() => poolDataDir), 'database');
  const socket = await stat(join(dir, SOCKET)).catch(() => undefined);
  if (!socket?.isSocket()) {
    throw new TributaryError(
      'database_unreachable',
      'No embedded PostgreSQL runs in --pool-data-dir: start the pool there first, as a user whose files we may read. A pool with --database-url, or on another machine, needs --database-url here, too.',
    );
  }
  if (Buffer.byteLength(dir) <= SOCKET_DIR_CHARS_MAX)
    return { url: urlAt(dir), async release() {} };
  const alias = await mkdtemp(join(tmpdir(), 'tributary-'));
  await symlink(dir, join(alias, 'db'));
  return {
    url: urlAt(join(alias, 'db')),
    release: () => rm(alias, { recursive: true, force: true }),
  };
}

function urlAt(dir: string): string {
  return `postgres://tributary@localhost/tributary?host=${encodeURIComponent(dir)}`;
}
