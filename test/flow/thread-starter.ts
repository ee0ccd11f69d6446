import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { startThread } from '../../src/base/threads.ts';

// A program that starts threads of a module and ends them, one time after the other: MODULE COUNT
// WAY:MOMENT … `terminate:MS` ends them after so long, `exit:MS` with the program, `exit:loading` when
// they say so. It ends by itself after the last time, as soon as no thread is left.

const [module = '', count, ...times] = process.argv.slice(2);

for (const [way, moment] of times.map((time) => time.split(':'))) {
  const ending = new Int32Array(new SharedArrayBuffer(8)); // two numbers, as a hashing thread needs
  process.once('exit', () => Atomics.store(ending, 0, 1));
  const start = () => startThread(new URL(module), { workerData: ending });
  const threads = Array.from({ length: Number(count) }, start);
  if (moment !== 'loading') await setTimeout(Number(moment));
  else await Promise.all(threads.map((thread) => once(thread, 'message')));
  if (way === 'exit') process.exit(0);
  const ended = Promise.all(threads.map((thread) => thread.terminate()));
  Atomics.store(ending, 0, 1);
  await ended;
}
