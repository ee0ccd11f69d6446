import type { Clock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Database } from '../../database/database.ts';
import { BALANCE_IDLE_MS } from '../../payments/balance.ts';
import { forgetExpiredNonces, forgetIdleBalances } from '../../payments/store.ts';

/** Rows go minutes after they are of no use; nothing depends on when. */
const SWEEP_MS = 10 * 60_000;

/** Forgets idle balances and the nonces of expired tickets, now and then; returns how to stop. */
export function sweepPayments(parts: {
  readonly database: Database;
  readonly watch: { current(): { readonly l1Block: bigint } | undefined };
  readonly clock: Clock;
  readonly log: Log;
}): () => Promise<void> {
  const { database, watch, clock, log } = parts;
  let running: Promise<void> = Promise.resolve();
  let closed = false;

  async function sweep(): Promise<void> {
    const view = watch.current();
    try {
      await forgetIdleBalances(database, BALANCE_IDLE_MS);
      if (view) await forgetExpiredNonces(database, view.l1Block);
    } catch (error) {
      const code = error instanceof TributaryError ? error.code : 'internal';
      log.warn('payments_not_swept', { code });
    }
  }
  function schedule() {
    return clock.after(SWEEP_MS, () => {
      running = sweep();
      void running.then(() => {
        if (!closed) timer = schedule();
      });
    });
  }
  let timer = schedule();

  return async () => {
    closed = true;
    timer.cancel();
    await running;
  };
}
