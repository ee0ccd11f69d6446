import { workerData } from 'node:worker_threads';
import { progress, type ThreadStart } from './threads.ts';

// Every thread of `threads.ts` begins here. A module that fails to load is the error of the thread.
const { module, at } = workerData as ThreadStart;
import(module).then(
  () => say(progress.loaded),
  (error) => {
    say(progress.failed);
    throw error;
  },
);

function say(how: number): void {
  Atomics.store(at, 0, how);
  Atomics.notify(at, 0);
}
