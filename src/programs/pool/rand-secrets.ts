import { TributaryError } from '../../base/errors.ts';
import type { Database } from '../../database/database.ts';
import { createRandSecrets } from '../../payments/rand-secrets.ts';
import type { RandSecret } from '../../payments/recipient-rand.ts';
import type { PoolBase } from './pool.ts';

/** Far below the hour for which a replaced version stays valid. */
const LOOK_EVERY_MS = 60_000;

/** The secrets behind tickets, from memory. */
export interface FollowedRandSecrets {
  /** Newest first. */
  current(): readonly [RandSecret, ...RandSecret[]];
  close(): void;
}

/**
 * Loads the secrets behind tickets, makes them at the first start, and takes over what another node
 * rotates. Throws `secret_sealed` when the node's key is not the one that they were sealed with.
 */
export async function followRandSecrets(
  database: Database,
  sealKey: Uint8Array,
  { clock, log }: PoolBase,
): Promise<FollowedRandSecrets> {
  const secrets = createRandSecrets(database, sealKey);
  let current = await secrets.load();
  let closed = false;

  async function look(): Promise<void> {
    try {
      current = await secrets.load();
    } catch (error) {
      // The versions at hand go on; a database that is away says so elsewhere, too.
      const code = error instanceof TributaryError ? error.code : 'internal';
      log.warn('rand_secrets_not_read', { code });
    }
    if (!closed) timer = clock.after(LOOK_EVERY_MS, () => void look());
  }
  let timer = clock.after(LOOK_EVERY_MS, () => void look());

  return {
    current: () => current,
    close() {
      closed = true;
      timer.cancel();
    },
  };
}
