import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it; one that is there stays as it is. Throws what the system says.
 * Node's own `recursive` tries for ever where the folder above is there and this one cannot be, as
 * below /proc.
 */
export async function makeFolder(path: string, options: { readonly mode?: number } = {}) {
  try {
    await mkdir(path, options);
  } catch (error) {
    if (await isFolder(path)) return;
    if (!isMissing(error) || dirname(path) === path) throw error;
    await makeFolder(dirname(path), options);
    await mkdir(path, options).catch(async (again: unknown) => {
      if (!(await isFolder(path))) throw again;
    });
  }
}

/** The same at once. */
export function makeFolderSync(path: string, options: { readonly mode?: number } = {}): void {
  try {
    mkdirSync(path, options);
  } catch (error) {
    if (isFolderNow(path)) return;
    if (!isMissing(error) || dirname(path) === path) throw error;
    makeFolderSync(dirname(path), options);
    mkdirSync(path, options);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function isFolderNow(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // nothing that can be looked at
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
