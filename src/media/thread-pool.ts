import type { Worker } from 'node:worker_threads';
import { startThread } from '../base/threads.ts';

/** What became of one item; a thread that died or hung costs only its own item. */
export type PoolOutcome<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly reason: 'timeout' | 'failed' | 'closed'; readonly text: string };

export interface ThreadPool<Input, Output> {
  /** Runs one item on a free thread, waiting for one if need be. Never rejects. */
  run(input: Input, options?: RunOptions): Promise<PoolOutcome<Output>>;
  /** Items running or waiting. */
  readonly load: number;
  /** Settles all items at once, then waits for threads at work to come back and ends them. */
  close(): Promise<void>;
}

export interface RunOptions {
  /** Milliseconds from the start of the item, not counting the wait for a thread. */
  readonly limitMs?: number;
  readonly transfer?: readonly ArrayBuffer[];
}

/** What a thread answers: a value, or the text of what was thrown. */
export type ThreadAnswer<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly text: string };

interface Item<Input, Output> {
  readonly input: Input;
  readonly options: RunOptions;
  readonly settle: (outcome: PoolOutcome<Output>) => void;
}

interface Seat<Input, Output> {
  readonly worker: Worker;
  item: Item<Input, Output> | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Its item was given up while it worked; it ends when it is done. */
  givenUp: boolean;
  readonly ended: Promise<void>;
}

/** Threads that were given up and still work; more of them and the pool takes no new items. */
const GIVEN_UP_MAX = 4;
/** How long closing waits for threads at work: a live segment takes a second or two. */
const CLOSE_LIMIT_MS_DEFAULT = 30_000;

/**
 * A fixed number of threads of one module, started when first needed. An item that exceeds its
 * limit is given up and another thread takes the place of its own, which ends when it comes back.
 * It is never ended at work: Node aborts the whole process when a thread ends inside FFmpeg
 * (seen with node-av 6.1 on Node 24), so work that may hang must watch the clock itself.
 */
export function createThreadPool<Input, Output>(options: {
  readonly module: URL;
  readonly threads: number;
  /** Milliseconds that `close` waits for threads at work. Default: 30,000. */
  readonly closeLimitMs?: number;
}): ThreadPool<Input, Output> {
  const seats = new Set<Seat<Input, Output>>();
  const leaving = new Set<Seat<Input, Output>>();
  const waiting: Item<Input, Output>[] = [];
  let closed = false;

  const open = (): Seat<Input, Output> => {
    const worker = startThread(options.module);
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const seat: Seat<Input, Output> = {
      worker,
      item: undefined,
      timer: undefined,
      givenUp: false,
      ended,
    };
    seats.add(seat);
    worker.on('message', (answer: ThreadAnswer<Output>) => {
      if (seat.givenUp) void worker.terminate();
      else settle(seat, answer.ok ? answer : failure('failed', answer.text));
    });
    worker.on('error', (error) => lost(seat, error.message));
    worker.on('exit', () => {
      lost(seat, 'thread ended');
      leaving.delete(seat);
      resolve();
    });
    return seat;
  };

  const settle = (seat: Seat<Input, Output>, outcome: PoolOutcome<Output>): void => {
    const { item } = seat;
    clearTimeout(seat.timer);
    seat.item = undefined;
    if (!closed) seat.worker.unref();
    item?.settle(outcome);
    next();
  };

  const lost = (seat: Seat<Input, Output>, text: string): void => {
    if (seats.delete(seat)) settle(seat, failure('failed', text));
  };

  const giveUp = (seat: Seat<Input, Output>, reason: 'timeout' | 'closed', text: string): void => {
    seat.givenUp = true;
    seats.delete(seat);
    leaving.add(seat);
    settle(seat, failure(reason, text));
  };

  const next = (): void => {
    while (!closed && waiting.length > 0) {
      let seat = [...seats].find((candidate) => !candidate.item);
      if (!seat && seats.size < options.threads) {
        if (leaving.size >= GIVEN_UP_MAX && seats.size === 0) {
          waiting.shift()?.settle(failure('timeout', 'every thread hangs'));
          continue;
        }
        if (leaving.size < GIVEN_UP_MAX) seat = open();
      }
      if (!seat) return;
      begin(seat, waiting.shift() as Item<Input, Output>);
    }
  };

  const begin = (seat: Seat<Input, Output>, item: Item<Input, Output>): void => {
    seat.item = item;
    seat.worker.ref();
    const { limitMs, transfer } = item.options;
    if (limitMs !== undefined) {
      seat.timer = setTimeout(
        () => giveUp(seat, 'timeout', `no answer within ${limitMs} ms`),
        limitMs,
      );
    }
    seat.worker.postMessage(item.input, [...(transfer ?? [])]);
  };

  return {
    run(input, runOptions = {}) {
      if (closed) return Promise.resolve(failure('closed', 'closed'));
      return new Promise((resolve) => {
        waiting.push({ input, options: runOptions, settle: resolve });
        next();
      });
    },
    get load() {
      return waiting.length + [...seats].filter((seat) => seat.item).length;
    },
    async close() {
      closed = true;
      for (const item of waiting.splice(0)) item.settle(failure('closed', 'closed'));
      const all = [...seats, ...leaving];
      // Counted again by the event loop, which would otherwise end before they have.
      for (const seat of all) seat.worker.ref();
      for (const seat of [...seats]) {
        if (seat.item) giveUp(seat, 'closed', 'closed');
        else void seat.worker.terminate();
      }
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, options.closeLimitMs ?? CLOSE_LIMIT_MS_DEFAULT);
      await Promise.race([Promise.all(all.map((seat) => seat.ended)), late]);
      clearTimeout(timer);
      for (const seat of all) seat.worker.unref();
    },
  };
}

function failure(
  reason: 'timeout' | 'failed' | 'closed',
  text: string,
): { readonly ok: false; readonly reason: 'timeout' | 'failed' | 'closed'; readonly text: string } {
  return { ok: false, reason, text };
}
