import type { Database } from '../../database/database.ts';
import { createSecrets, type Secret, type SecretPurpose } from '../../database/secrets.ts';

const PURPOSES = ['auth_token', 'source_url'] as const satisfies readonly SecretPurpose[];

/** The keys that all nodes of the pool share, from memory. */
export interface SharedSecrets {
  /** The valid versions, newest first; never empty. */
  current(purpose: (typeof PURPOSES)[number]): readonly Secret[];
  close(): Promise<void>;
}

/** Reads the keys, makes them at the first start, and takes over what another node rotates. */
export async function followSecrets(database: Database): Promise<SharedSecrets> {
  const secrets = createSecrets(database);
  const known = new Map<SecretPurpose, readonly Secret[]>();
  const load = async () => {
    for (const purpose of PURPOSES) known.set(purpose, await secrets.load(purpose));
  };
  await load();
  const following = await secrets.onChange(() => {
    load().catch(() => {
      // The database is away: the keys at hand go on, and it calls again when it is back.
    });
  });
  return {
    current: (purpose) => known.get(purpose) ?? [],
    close: () => following.stop(),
  };
}
