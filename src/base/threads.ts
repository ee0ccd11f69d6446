import { Worker, type WorkerOptions } from 'node:worker_threads';

/** `.ts` where Node runs the source, `.js` where it runs what was compiled for a release. */
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/**
 * Starts a thread from a module of this project. `module` is written
 * `new URL('./name-thread.ts', import.meta.url)`; the extension follows the running code.
 */
export function startThread(module: URL, options: WorkerOptions = {}): Worker {
  const url = new URL(module.href.replace(/\.ts$/, EXTENSION));
  return new Worker(url, options);
}
