import type { Clock } from '../base/clock.ts';

/** Looks that never overlap. */
export interface Looks {
  /** Resolves after a look that began no earlier than this call; throws what it throws. */
  run(): Promise<void>;
  /** The same for nobody in particular: what it throws only `failed` is told. */
  trigger(): void;
  /** Waits for the one that runs. */
  close(): Promise<void>;
}

/** Calls `run` after each `ms`, until it is taken back. */
export function every(clock: Clock, ms: number, run: () => void): () => void {
  let timer = clock.after(ms, again);
  function again(): void {
    run();
    timer = clock.after(ms, again);
  }
  return () => timer.cancel();
}

/** Runs one at a time; who asks while one runs gets another one after it. */
export function oneAtATime(work: () => Promise<void>, failed: (error: unknown) => void): Looks {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let closed = false;

  async function once(): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!closed) failed(error);
      throw error;
    }
  }

  function run(): Promise<void> {
    if (closed) return Promise.resolve();
    if (next) return next;
    if (running) {
      next = running.then(start, start);
      return next;
    }
    return start();
  }

  function start(): Promise<void> {
    next = undefined;
    if (closed) return Promise.resolve();
    const current = once().finally(() => {
      if (running === current) running = undefined;
    });
    running = current;
    return current;
  }

  return {
    run,
    trigger: () => void run().catch(() => {}),
    async close() {
      closed = true;
      await Promise.allSettled([running, next]);
    },
  };
}
