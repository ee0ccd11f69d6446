import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, type DatabaseOptions, openDatabase } from './database.ts';

/** A migrated database of its own, gone when disposed of: for tests, benches and generators. */
export interface Scratch extends AsyncDisposable {
  readonly database: Database;
  readonly dataDir: string;
}

/** Takes about a second, so tests of one file share one. It does not wait for the disk unless told to. */
export async function openScratch(options: DatabaseOptions = {}): Promise<Scratch> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-'));
  const remove = () => rm(dataDir, { recursive: true, force: true });
  try {
    const database = await openDatabase({ dataDir }, { durable: false, ...options });
    await database.migrate();
    return {
      database,
      dataDir,
      async [Symbol.asyncDispose]() {
        await database.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
