import { join } from 'node:path';

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
