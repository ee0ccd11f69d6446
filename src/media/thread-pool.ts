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
}

/**
 * A fixed number of threads of one module, started when first needed. A thread that exceeds the
 * limit of its item is ended and another one takes its place.
 */
export function createThreadPool<Input, Output>(options: {
  readonly module: URL;
  readonly threads: number;
}): ThreadPool<Input, Output> {
  const seats = new Set<Seat<Input, Output>>();
  const waiting: Item<Input, Output>[] = [];
  let closed = false;

  const open = (): Seat<Input, Output> => {
    const seat: Seat<Input, Output> = {
      worker: startThread(options.module),
      item: undefined,
      timer: undefined,
    };
    seats.add(seat);
    seat.worker.on('message', (answer: ThreadAnswer<Output>) => {
      finish(seat, answer.ok ? answer : { ok: false, reason: 'failed', text: answer.text });
    });
    seat.worker.on('error', (error) => remove(seat, 'failed', error.message));
    seat.worker.on('exit', () => remove(seat, 'failed', 'thread ended'));
    return seat;
  };

  const finish = (seat: Seat<Input, Output>, outcome: PoolOutcome<Output>): void => {
    const { item } = seat;
    if (!item) return;
    clearTimeout(seat.timer);
    seat.item = undefined;
    seat.worker.unref();
    item.settle(outcome);
    next();
  };

  const remove = (
    seat: Seat<Input, Output>,
    reason: 'timeout' | 'failed' | 'closed',
    text: string,
  ): void => {
    if (!seats.delete(seat)) return;
    finish(seat, { ok: false, reason, text });
    next();
  };

  const next = (): void => {
    while (!closed && waiting.length > 0) {
      let seat = [...seats].find((candidate) => !candidate.item);
      if (!seat && seats.size < options.threads) seat = open();
      if (!seat) return;
      begin(seat, waiting.shift() as Item<Input, Output>);
    }
  };

  const begin = (seat: Seat<Input, Output>, item: Item<Input, Output>): void => {
    seat.item = item;
    seat.worker.ref();
    const { limitMs, transfer } = item.options;
    if (limitMs !== undefined) {
      seat.timer = setTimeout(() => {
        void seat.worker.terminate();
        remove(seat, 'timeout', `no answer within ${limitMs} ms`);
      }, limitMs);
    }
    seat.worker.postMessage(item.input, [...(transfer ?? [])]);
  };

  return {
    run(input, runOptions = {}) {
      if (closed) return Promise.resolve({ ok: false, reason: 'closed', text: 'closed' });
      return new Promise((settle) => {
        waiting.push({ input, options: runOptions, settle });
        next();
      });
    },
    get load() {
      return waiting.length + [...seats].filter((seat) => seat.item).length;
    },
    async close() {
      closed = true;
      for (const item of waiting.splice(0)) {
        item.settle({ ok: false, reason: 'closed', text: 'closed' });
      }
      const ended = [...seats].map((seat) => seat.worker.terminate());
      for (const seat of [...seats]) remove(seat, 'closed', 'closed');
      await Promise.all(ended);
    },
  };
}
