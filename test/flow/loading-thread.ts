import { createRequire } from 'node:module';
import { parentPort } from 'node:worker_threads';
import { threadData } from '../../src/base/threads.ts';

// Loads the native addon of FFmpeg again and again, until it is ended and for a while after that. Ending
// four of these meanwhile took the process with it each time.
const require = createRequire(createRequire(import.meta.url).resolve('node-av'));
const addon = require.resolve(`@seydx/node-av-${process.platform}-${process.arch}/node-av.node`);
const ending = threadData<Int32Array<SharedArrayBuffer>>();

parentPort?.postMessage('loading');
for (let left = 200; left > 0; left -= Atomics.load(ending, 0)) {
  process.dlopen({ exports: {} }, addon);
}
