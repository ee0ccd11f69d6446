import { randomUUID } from 'node:crypto';
import { chmod, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../base/folder.ts';
import type { EpochFile } from './epoch-files.ts';

/** A folder or file that is being written: whatever is left of one is removed at the next start. */
const UNFINISHED = /^\.new-/;
/** Who may read what is written: everybody, or only who runs the pool. */
const MODES = {
  everybody: { folder: 0o755, file: 0o644 },
  pool: { folder: 0o700, file: 0o600 },
} as const;

/** A folder below which files are written whole or not at all. */
export interface WrittenFolder {
  readonly dir: string;
  readonly for: keyof typeof MODES;
}

/** Makes it ready: closed to others where it has to be, and without what was left unfinished. */
export async function openFolder(folder: WrittenFolder): Promise<void> {
  const mode = MODES[folder.for].folder;
  await makeFolder(folder.dir, { mode });
  // A copy that was put back may have come without its modes.
  if (folder.for === 'pool') await chmod(folder.dir, mode);
  for (const name of await readdir(folder.dir)) {
    if (UNFINISHED.test(name)) await rm(join(folder.dir, name), { recursive: true, force: true });
  }
}

/** Writes a file below the folder whole or not at all; one that is there with the same text stays. */
export async function putFile(folder: WrittenFolder, path: string, text: string): Promise<void> {
  const target = join(folder.dir, path);
  if ((await textOf(target)) === text) return;
  await makeFolder(dirname(target), { mode: MODES[folder.for].folder });
  const fresh = join(folder.dir, `.new-${randomUUID()}`);
  await writeWhole(folder, fresh, text);
  await rename(fresh, target);
}

/** Puts a folder of files in the place of one that may be there; it appears whole. */
export async function putAll(
  folder: WrittenFolder,
  path: string,
  files: AsyncIterable<EpochFile>,
): Promise<void> {
  const fresh = join(folder.dir, `.new-${randomUUID()}`);
  await makeFolder(fresh, { mode: MODES[folder.for].folder });
  for await (const file of files) await writeWhole(folder, join(fresh, file.path), file.text);
  const target = join(folder.dir, path);
  await rm(target, { recursive: true, force: true });
  await rename(fresh, target);
}

async function writeWhole(folder: WrittenFolder, path: string, text: string): Promise<void> {
  const modes = MODES[folder.for];
  await makeFolder(dirname(path), { mode: modes.folder });
  const file = await open(path, 'w', modes.file);
  try {
    await file.writeFile(text);
    // A rename may reach the disk before what it renames.
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The text of a file; undefined when it is not there. */
export async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
