import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { startThread } from './threads.ts';

/** Whoever waits for so long waits in vain. */
const FOR_EVER_MS = 2 ** 30;
const module = (code: string) => new URL(`data:text/javascript,${encodeURIComponent(code)}`);

test('a module that fails is the error of its thread, which nobody waits for', async () => {
  const thread = startThread(module('throw new RangeError("as it was told")'), {
    loadLimitMs: FOR_EVER_MS,
  });
  const failed = once(thread, 'error');
  await thread.terminate();
  assert.match(`${(await failed)[0]}`, /RangeError: as it was told/);
});

test('a thread that ends before its modules are there is not waited for', async () => {
  const thread = startThread(module('process.exit(3)'), { loadLimitMs: FOR_EVER_MS });
  const ended = once(thread, 'exit');
  await thread.terminate();
  assert.deepEqual(await ended, [3]);
});

test('a module that never comes to its end is ended at the limit', async () => {
  const hangs = `import { parentPort } from 'node:worker_threads';
    parentPort.postMessage('begun');
    for (;;);`;
  const thread = startThread(module(hangs), { loadLimitMs: 20 });
  await once(thread, 'message');
  assert.equal(await thread.terminate(), 1);
});

test('what is said to a thread before its modules are there waits for them', async () => {
  const echo = `import { parentPort } from 'node:worker_threads';
    await new Promise((resolve) => setTimeout(resolve, 5));
    parentPort.on('message', (said) => parentPort.postMessage(said));`;
  const thread = startThread(module(echo));
  thread.postMessage('early');
  assert.deepEqual(await once(thread, 'message'), ['early']);
  await thread.terminate();
});
