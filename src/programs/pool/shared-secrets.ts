import type { Clock } from '../../base/clock.ts';
import type { Database } from '../../database/database.ts';
import { createSecrets, type Secret, type SecretPurpose } from '../../database/secrets.ts';

const PURPOSES = ['auth_token', 'source_url'] as const satisfies readonly SecretPurpose[];

/** When a database that was away is asked again. */
const AGAIN_MS = 5_000;

/** The keys that all nodes of the pool share, from memory. */
export interface SharedSecrets {
  /** The valid versions, newest first; never empty. */
  current(purpose: (typeof PURPOSES)[number]): readonly Secret[];
  close(): Promise<void>;
}

/** Reads the keys, makes them at the first start, and takes over what another node rotates. */
export async function followSecrets(database: Database, clock: Clock): Promise<SharedSecrets> {
  const secrets = createSecrets(database);
  const known = new Map<SecretPurpose, readonly Secret[]>();
  let closed = false;
  const load = async () => {
    for (const purpose of PURPOSES) known.set(purpose, await secrets.load(purpose));
  };
  const take = () => {
    load().catch(() => {
      // The keys at hand go on; a database that is away says so elsewhere, too.
      if (!closed) clock.after(AGAIN_MS, take);
    });
  };
  // First of all, so that no change falls between what is read and what is heard.
  const following = await secrets.onChange(take);
  try {
    await load();
  } catch (error) {
    await following.stop();
    throw error;
  }
  return {
    current(purpose) {
      const versions = known.get(purpose) ?? [];
      const valid = ({ retiredAt }: Secret) => retiredAt === undefined || clock.now() < retiredAt;
      return versions.every(valid) ? versions : versions.filter(valid);
    },
    async close() {
      closed = true;
      await following.stop();
    },
  };
}
