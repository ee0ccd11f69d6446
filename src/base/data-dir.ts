import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, TributaryError } from './errors.ts';
import { makeFolder } from './folder.ts';

/** Files that a running pool keeps in its data directory for the commands beside it. */
export interface AdminFiles {
  /** JSON `{"url":"http://127.0.0.1:7935"}`, mode 0644: where the admin address really listens. */
  readonly address: string;
  /** The admin token as text, mode 0600: who can read it may command the pool. */
  readonly token: string;
}

/** Paths of the admin files under a data directory. */
export function adminFiles(dataDir: string): AdminFiles {
  return { address: join(dataDir, 'admin.json'), token: join(dataDir, 'admin.token') };
}

/** Makes the data directory where it is not there. Throws `data_directory_unusable`. */
export async function makeDataDir(path: string, mode: number): Promise<void> {
  try {
    await makeFolder(path, { mode });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const text = `The data directory cannot be used: ${messageOf(cause)}.`;
    throw new TributaryError('data_directory_unusable', text, { cause });
  }
}
