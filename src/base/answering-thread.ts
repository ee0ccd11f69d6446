import type { Worker } from 'node:worker_threads';
import { messageOf, TributaryError } from './errors.ts';
import { startThread } from './threads.ts';

/** One thing that is asked of a thread, in as many messages as it takes. */
export interface Question<Request, Reply> {
  /** By this the thread says which question it answers. */
  readonly id: number;
  /** Rejects with `internal` when the thread dies, and as said when it is closed. */
  readonly answer: Promise<Reply>;
  post(request: Request): void;
}

/** A thread that answers many questions at once, in any order. */
export interface AnsweringThread<Request, Reply> {
  /** Questions without an answer. */
  readonly load: number;
  ask(): Question<Request, Reply>;
  /** Ends the thread; what it has not answered rejects. */
  close(): Promise<unknown>;
}

/**
 * Starts a thread from a module, and starts it again when it is asked after it died: what it worked
 * on fails, what comes next does not. It keeps the process alive only while it has questions.
 */
export function createAnsweringThread<Request, Reply extends { readonly id: number }>(options: {
  readonly module: URL;
  readonly workerData?: unknown;
  /** What it is called in an error, as in `a hashing thread`. */
  readonly name: string;
  /** What questions reject with that {@link AnsweringThread.close} left without an answer. */
  readonly closed: () => TributaryError;
}): AnsweringThread<Request, Reply> {
  const { module, workerData, name } = options;
  const waiting = new Map<number, PromiseWithResolvers<Reply>>();
  let lastId = 0;
  let closed = false;
  let thread: Worker | undefined;

  const running = (): Worker => {
    if (thread) return thread;
    const started = startThread(module, { workerData });
    const fail = (error: TributaryError) => {
      // The error of a thread is followed by its end, when another may be at work already.
      if (thread !== started) return;
      thread = undefined;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    };
    started.on('message', (reply: Reply) => {
      if (closed) return; // what it may answer until it has ended comes too late
      waiting.get(reply.id)?.resolve(reply);
      waiting.delete(reply.id);
      if (waiting.size === 0) started.unref();
    });
    started.on('error', (cause) =>
      fail(new TributaryError('internal', `${name} died: ${messageOf(cause)}`, { cause })),
    );
    started.on('exit', () =>
      fail(closed ? options.closed() : new TributaryError('internal', `${name} ended`)),
    );
    started.unref();
    thread = started;
    return started;
  };
  running();

  return {
    get load() {
      return waiting.size;
    },
    ask() {
      const worker = running();
      const id = ++lastId;
      const asked = Promise.withResolvers<Reply>();
      // It may reject while nobody waits for it yet.
      asked.promise.catch(() => {});
      waiting.set(id, asked);
      worker.ref();
      return { id, answer: asked.promise, post: (request) => worker.postMessage(request) };
    },
    async close() {
      closed = true;
      await thread?.terminate();
    },
  };
}
