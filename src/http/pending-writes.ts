import type { Clock, Instant } from '../base/clock.ts';

/**
 * The writes of one response that its peer has not taken yet, so that none of them is left
 * unresolved when the peer goes, and one that stalls for ever is noticed.
 */
export class PendingWrites {
  #open: Set<() => void> | undefined;
  /** When the oldest wait began: since then not a single write was taken. */
  waitingSince: Instant | undefined;

  /** Registers a write. `start` gets the callback to call once the bytes were taken. */
  add(clock: Clock, start: (taken: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#open ??= new Set();
      const open = this.#open;
      const taken = () => {
        open.delete(taken);
        this.waitingSince = open.size > 0 ? clock.now() : undefined;
        resolve();
      };
      open.add(taken);
      this.waitingSince ??= clock.now();
      start(taken);
    });
  }

  /** Resolves everything: the bytes will not be sent any more. */
  abandon(): void {
    for (const taken of [...(this.#open ?? [])]) taken();
    this.waitingSince = undefined;
  }
}
