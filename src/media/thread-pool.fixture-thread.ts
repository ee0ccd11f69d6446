import { serveThread } from './thread-serve.ts';

/** Does what a test asks of it: answers, throws, dies or never comes back. */
serveThread<string, string>((wish) => {
  if (wish === 'throw') throw new Error('as asked');
  if (wish === 'die') process.exit(1);
  if (wish === 'hang') for (;;);
  if (wish === 'work') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  return `${wish}!`;
});
