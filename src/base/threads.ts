import { setTimeout } from 'node:timers/promises';
import { Worker, type WorkerOptions, workerData } from 'node:worker_threads';

/** Modules load in half a second, in a few on a busy machine; one that hangs must not hold an end up. */
const LOAD_LIMIT_MS_DEFAULT = 10_000;
/** So often an end looks how far they are. */
const LOOK_MS = 5;

export interface ThreadOptions extends Pick<WorkerOptions, 'resourceLimits' | 'workerData'> {
  /** Milliseconds that an end waits for modules that load. Default: 10,000. */
  readonly loadLimitMs?: number;
}

/** How far a thread is: one number that both sides share. */
export type ThreadProgress = Int32Array<SharedArrayBuffer>;
/** One that failed tells its error next and ends by itself. */
export const progress = { loading: 0, loaded: 1, failed: 2 } as const;

/** What `thread-start.ts` is told. */
export interface ThreadStart {
  readonly module: string;
  readonly at: ThreadProgress;
  readonly data: unknown;
}

/**
 * Starts a thread from a module of this project. `module` is written
 * `new URL('./name-thread.ts', import.meta.url)`, by which the build of a package knows it; it reads
 * `options.workerData` by {@link threadData}.
 *
 * A thread that is ended while it loads a native addon, or while a module waits at top level, takes the
 * whole process with it (seen with node-av 6.1 on Node 24; nodejs/node#43182). So `terminate` and the end
 * of the process wait until its modules are there or have failed.
 */
export function startThread(module: URL, options: ThreadOptions = {}): Worker {
  return new Thread(module, options);
}

/** In a thread of {@link startThread}: the `workerData` that it was started with. */
export function threadData<Data>(): Data {
  return (workerData as ThreadStart).data as Data;
}

/** From their start to their end. */
const threads = new Set<Thread>();

class Thread extends Worker {
  readonly #at: ThreadProgress;
  readonly #loadLimitMs: number;

  constructor(module: URL, options: ThreadOptions) {
    const { loadLimitMs = LOAD_LIMIT_MS_DEFAULT, workerData: data, ...rest } = options;
    const at: ThreadProgress = new Int32Array(new SharedArrayBuffer(4));
    const start: ThreadStart = { module: module.href, at, data };
    super(new URL('./thread-start.ts', import.meta.url), { ...rest, workerData: start });
    this.#at = at;
    this.#loadLimitMs = loadLimitMs;
    if (threads.size === 0) process.once('exit', waitForThreads);
    threads.add(this);
    this.once('exit', () => {
      threads.delete(this);
      if (threads.size === 0) process.off('exit', waitForThreads);
    });
  }

  override async terminate(): Promise<number> {
    const until = performance.now() + this.#loadLimitMs;
    const isThere = () => Atomics.load(this.#at, 0) === progress.loaded || !threads.has(this);
    while (!isThere() && performance.now() < until) await setTimeout(LOOK_MS);
    return super.terminate();
  }

  /** Blocks while its modules load. */
  waitWhileLoading(): void {
    Atomics.wait(this.#at, 0, progress.loading, this.#loadLimitMs);
  }
}

/** Node ends them right after this, in the middle of whatever they do. */
function waitForThreads(): void {
  for (const thread of threads) thread.waitWhileLoading();
}
