import { createRequire } from 'node:module';
import { parentPort } from 'node:worker_threads';

/** Compiles in a thread of its own: the compiler is one synchronous call of several seconds. */
const port = parentPort;
if (!port) throw new Error('compile-thread.ts runs as a worker thread only');

const solc = createRequire(import.meta.url)('solc') as { compile(input: string): string };
port.once('message', (input: string) => port.postMessage(solc.compile(input)));
