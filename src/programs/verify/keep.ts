import { access, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openPublished, type PublishedFiles } from '../../api/published-files.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { makeFolder } from '../../base/folder.ts';

/** Under this name stays what was kept first of a file that never changes, when another one came. */
const FIRST = '.first';
/** Files of an epoch that a pool publishes once. */
const ONCE = /^epoch-\d+\/(?:epoch|leaves|input|history|paths\/\w+)\.json$/;

/** A copy of what a pool published, that is kept up to date with what it publishes now. */
export interface Kept {
  /** The pool's files, each also written to the copy as it is read. */
  readonly files: PublishedFiles;
  /** What the copy held first of a file. */
  readonly first: PublishedFiles;
}

/**
 * The same files, each also written below `dir` as it was read: a copy that shows later what the pool
 * published today. What it published once and replaced stays beside it. `read` throws
 * `output_unusable` when that cannot be.
 */
export function keepIn(files: PublishedFiles, dir: string): Kept {
  const here = openPublished(dir);
  return {
    files: {
      async read(path) {
        const text = await files.read(path);
        if (text !== undefined) await keep(join(dir, path), text, ONCE.test(path));
        return text;
      },
    },
    first: {
      read: async (path) => (await here.read(`${path}${FIRST}`)) ?? here.read(path),
    },
  };
}

async function keep(path: string, text: string, once: boolean): Promise<void> {
  try {
    await makeFolder(dirname(path));
    if (once) await setAside(path, text);
    await writeFile(path, text);
  } catch (cause) {
    const message = `${path} cannot be written (${messageOf(cause)}).`;
    throw new TributaryError('output_unusable', message, { cause });
  }
}

async function setAside(path: string, text: string): Promise<void> {
  const before = await readFile(path, 'utf8').catch(() => undefined);
  if (before === undefined || before === text) return;
  const isAside = await access(`${path}${FIRST}`).then(
    () => true,
    () => false,
  );
  if (!isAside) await rename(path, `${path}${FIRST}`);
}
