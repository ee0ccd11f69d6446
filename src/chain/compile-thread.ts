import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

/** Compiles in a thread of its own: the compiler is one synchronous call of several seconds. */
const port = parentPort;
if (!port) throw new Error('compile-thread.ts runs as a worker thread only');

const solc = createRequire(import.meta.url)('solc') as { compile(input: string): string };
port.postMessage(solc.compile(workerData as string));
