import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDataDir } from '../base/data-dir.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import type { PoolRecord } from './record.ts';

// A file for each pool, written whole and renamed over the last one: a kill loses one look at most.
// A database would keep the same in more parts, and ask for a process of its own.

const NAME = /^[a-z0-9][a-z0-9.-]{0,79}\.json$/;

/** The records of a directory on disk. */
export interface DirectoryStore {
  /** All that can be read; what another version wrote, or nobody can read, is looked at anew. */
  all(): Promise<readonly PoolRecord[]>;
  /** Throws `output_unusable`. */
  put(record: PoolRecord): Promise<void>;
  remove(id: string): Promise<void>;
}

/** @param dir made when it is not there; throws `data_directory_unusable` or `output_unusable` */
export async function openDirectoryStore(dir: string): Promise<DirectoryStore> {
  const pools = join(dir, 'pools');
  const failed = (cause: unknown) => {
    const text = `${pools} cannot be written (${messageOf(cause)}).`;
    return new TributaryError('output_unusable', text, { cause });
  };
  await makeDataDir(dir, 0o755);
  try {
    await makeFolder(pools);
    for (const name of await readdir(pools)) {
      if (name.startsWith('.new-')) await rm(join(pools, name), { force: true });
    }
  } catch (cause) {
    throw failed(cause);
  }
  const writing = new Map<string, Promise<void>>();

  async function write(record: PoolRecord): Promise<void> {
    const fresh = join(pools, `.new-${record.seed.id}.json`);
    const file = await open(fresh, 'w');
    try {
      await file.writeFile(JSON.stringify(record));
      // A rename may reach the disk before what it renames.
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, join(pools, `${record.seed.id}.json`));
  }

  return {
    async all() {
      const names = (await readdir(pools)).filter((name) => NAME.test(name));
      const read = names.map(async (name) => recordIn(await readFile(join(pools, name), 'utf8')));
      return (await Promise.all(read)).filter((record) => record !== undefined);
    },
    async put(record) {
      const { id } = record.seed;
      // One after the other, so that the newest is what stays.
      const before = writing.get(id) ?? Promise.resolve();
      const own = before.catch(() => undefined).then(() => write(record));
      writing.set(id, own);
      try {
        await own;
      } catch (cause) {
        throw failed(cause);
      } finally {
        if (writing.get(id) === own) writing.delete(id);
      }
    },
    async remove(id) {
      await rm(join(pools, `${id}.json`), { force: true });
    },
  };
}

function recordIn(text: string): PoolRecord | undefined {
  try {
    const record = JSON.parse(text) as PoolRecord;
    return record.format === 'tributary-directory-1' ? record : undefined;
  } catch {
    return undefined;
  }
}
