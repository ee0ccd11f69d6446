import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { createTravellingClock } from './travelling-clock.ts';

export { FakeClock, instant } from '../src/base/clock.ts';

// What `test/process-clock.ts` puts into a program in the place of its clock.
const clock = createTravellingClock();

/** The machine's clock, which leaps when the test says so. */
export const systemClock = clock;

// Not a setting of the program, which must not know it.
const dir = process.env.TRIBUTARY_TEST_CLOCK;
if (dir && isMainThread) {
  const place = join(dir, `${process.pid}.sock`);
  const server = createServer((socket) => {
    socket.once('data', (said) => {
      clock.leap(Number(said.toString()));
      socket.end('done');
    });
    socket.on('error', () => {});
  });
  server.listen(place).unref();
  process.once('exit', () => rmSync(place, { force: true }));
}
