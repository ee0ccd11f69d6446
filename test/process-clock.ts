import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Cleanup } from './start-pool.ts';

/** A URL: it has no spaces, at which the options of Node would end. */
const ARM = new URL('./leaping-clock-arm.ts', import.meta.url).href;

/** The clock of processes that a test starts. */
export interface ProcessClock {
  /** The environment of the processes that go by it. */
  readonly env: Readonly<Record<string, string>>;
  /** Moves all of them forward; every timer on the way has run when it resolves. */
  leap(ms: number): Promise<void>;
}

/** A clock for the processes of a test and for those that these start. */
export async function createProcessClock(t: Cleanup): Promise<ProcessClock> {
  const dir = await mkdtemp(join(tmpdir(), 'tributary-clock-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return {
    env: { NODE_OPTIONS: `--import=${ARM}`, TRIBUTARY_TEST_CLOCK: dir },
    async leap(ms) {
      const sockets = await readdir(dir);
      await Promise.all(sockets.map((name) => tell(join(dir, name), ms)));
    },
  };
}

/** One that was killed left its socket behind, and needs no telling. */
async function tell(place: string, ms: number): Promise<void> {
  const socket = connect(place);
  socket.write(String(ms));
  await text(socket).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNREFUSED') throw error;
  });
}
