import { hex } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Wei, wei } from '../base/money.ts';
import type { Database } from '../database/database.ts';
import { pendingFaceValues } from '../payments/winners-store.ts';
import { every, oneAtATime } from './redeem-looks.ts';

/** Without a block. */
const LOOK_MS = 15_000;

/** What other nodes redeem just now. */
export interface PendingView {
  /** As {@link Redeeming.pendingOf} of redeem.ts says it: what is left of a sender's float. */
  pendingOf(sender: Uint8Array): Wei;
  close(): Promise<void>;
}

/** For a pool that leaves redeeming to another program: what is under way, read with each block. */
export function followPending(parts: {
  readonly database: Database;
  readonly watch: { onBlock(fn: () => void): () => void };
  readonly clock: Clock;
  readonly log: Log;
}): PendingView {
  const { database, watch, clock, log } = parts;
  let pending: ReadonlyMap<string, Wei> = new Map();
  const looks = oneAtATime(
    async () => {
      pending = await pendingFaceValues(database);
    },
    (error) => log.debug('pending_look_failed', { error: messageOf(error) }),
  );
  const unsubscribe = [every(clock, LOOK_MS, looks.trigger), watch.onBlock(looks.trigger)];
  looks.trigger();
  return {
    pendingOf: (sender) => pending.get(hex(sender)) ?? wei(0n),
    async close() {
      for (const stop of unsubscribe) stop();
      await looks.close();
    },
  };
}
