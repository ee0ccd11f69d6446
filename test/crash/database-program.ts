import { writeSync } from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import {
  newConnectionId,
  newJobId,
  newSessionId,
  newTaskId,
  parseWorkerId,
  type WorkerId,
} from '../../src/base/ids.ts';
import { pixels } from '../../src/base/money.ts';
import { openDatabase } from '../../src/database/database.ts';
import { createLedger } from '../../src/ledger/ledger.ts';

// Run by database.test.ts: appends without end, and writes each task once it is acknowledged.
// Arguments: the data directory, the worker's id.

const [dataDir = '', id = ''] = process.argv.slice(2);
const worker = parseWorkerId(id) as WorkerId;
const database = await openDatabase({ dataDir });
const ledger = createLedger({ database });
writeSync(1, 'ready\n');

async function appendForever(): Promise<void> {
  for (;;) {
    const task = newTaskId();
    const outcome = await ledger.append({
      job: newJobId(systemClock.now()),
      attempt: 1,
      task,
      worker,
      connection: newConnectionId(),
      session: newSessionId(),
      sourceDurationMs: 2_000,
      sourceBytes: 1,
      sourceHash: new Uint8Array(32),
      timings: {},
      at: systemClock.now(),
      verdict: 'credited',
      profiles: [],
      pixels: pixels(0n),
    });
    // Synchronous: what was written has left the process before it can be killed.
    writeSync(1, `${outcome.result} ${task}\n`);
  }
}

await Promise.all(Array.from({ length: 50 }, appendForever));
