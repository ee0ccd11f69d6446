import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a thread from a module of this project. `module` is written
 * `new URL('./name-thread.ts', import.meta.url)`, by which the build of a package knows it.
 */
export function startThread(module: URL, options: WorkerOptions = {}): Worker {
  return new Worker(module, options);
}
