import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';

// Loaded into the process of each test file ahead of it, so that no result of it is lost. Node ends
// such a process as soon as the tests that it knows are done, whatever else is under way.
if (isMainThread) {
  // What still waits to be written to a pipe goes down with the process: the last reports, when the
  // runner was too busy to read them. A write that waits for its reader leaves nothing behind.
  const { _handle } = process.stdout as { _handle?: { setBlocking?(on: boolean): void } };
  _handle?.setBlocking?.(true);
  const { after } = await import('node:test'); // which its threads have no use for
  // A file that awaits between its tests has not named them all when the first ones are done.
  after(() => import(pathToFileURL(process.argv[1] as string).href));
}
