import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import sql from 'sql-template-tag';
import { systemClock } from '../../src/base/clock.ts';
import {
  newConnectionId,
  newJobId,
  newSessionId,
  newTaskId,
  newWorkerId,
} from '../../src/base/ids.ts';
import { quiet } from '../../src/base/log.ts';
import { pixels } from '../../src/base/money.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { startEmbedded } from '../../src/database/embedded.ts';
import { createLedger } from '../../src/ledger/ledger.ts';

const PROGRAM = fileURLToPath(new URL('./database-program.ts', import.meta.url));

const scratch = await mkdtemp(join(tmpdir(), 'tributary-crash-'));
const dataDir = join(scratch, 'pool');
const worker = newWorkerId();
const children = new Set<ChildProcess>();
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(scratch, { recursive: true, force: true });
});

{
  const database = await openDatabase({ dataDir });
  await database.migrate();
  await database.transact((tx) =>
    tx.query(sql`insert into worker (id, name) values (${worker}, 'crashed')`),
  );
  await database.close();
}

const taskNow = () => ({
  job: newJobId(systemClock.now()),
  attempt: 1,
  task: newTaskId(),
  worker,
  connection: newConnectionId(),
  session: newSessionId(),
  sourceDurationMs: 2_000,
  sourceBytes: 1,
  sourceHash: new Uint8Array(32),
  timings: {},
  at: systemClock.now(),
  verdict: 'credited' as const,
  profiles: [],
  pixels: pixels(0n),
});

/** Starts the appending program; `acknowledged` grows while it runs. */
function startAppending(until: number) {
  const child = spawn(process.execPath, [PROGRAM, dataDir, worker], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const acknowledged: string[] = [];
  const enough = Promise.withResolvers<void>();
  const exited = once(child, 'close');
  void exited.then(() => enough.resolve());
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const [outcome, task] = line.split(' ');
    if (outcome === 'stored' && task) acknowledged.push(task);
    if (acknowledged.length >= until) enough.resolve();
  });
  return { child, acknowledged, enough: enough.promise, exited };
}

async function storedTasks(database: Database): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await database.query<{ task: bigint; count: bigint }>(sql`
    select task, count(*) from contribution group by task`);
  return new Map(rows.map(({ task, count }) => [task.toString(), count]));
}

function assertStoredOnce(tasks: readonly string[], stored: ReadonlyMap<string, bigint>): void {
  assert.deepEqual(
    tasks.filter((task) => stored.get(task) !== 1n),
    [],
  );
}

const postmasterPid = async () =>
  Number((await readFile(join(dataDir, 'database', 'postmaster.pid'), 'utf8')).split('\n')[0]);

test('what a killed pool acknowledged is stored, and the next one starts at once', async () => {
  for (let round = 0; round < 3; round++) {
    const program = startAppending(500);
    await program.enough;
    program.child.kill('SIGKILL');
    await program.exited;
    const database = await openDatabase({ dataDir });
    assert.ok(program.acknowledged.length >= 500);
    assertStoredOnce(program.acknowledged, await storedTasks(database));
    await database.close();
  }
});

test('pool and PostgreSQL killed together lose nothing that was acknowledged', async () => {
  const program = startAppending(500);
  await program.enough;
  const pid = await postmasterPid();
  program.child.kill('SIGKILL');
  process.kill(pid, 'SIGKILL');
  await program.exited;
  const database = await openDatabase({ dataDir });
  assertStoredOnce(program.acknowledged, await storedTasks(database));
  await database.close();
});

test('a PostgreSQL that is killed under load comes back, and no append is lost or doubled', async () => {
  const database = await openDatabase({ dataDir });
  const ledger = createLedger({ database });
  const acknowledged: string[] = [];
  let stored = Promise.withResolvers<void>();
  /** Resolves when that many more are acknowledged. */
  const more = async (count: number) => {
    const until = acknowledged.length + count;
    while (acknowledged.length < until) await stored.promise;
  };
  let refused = 0;
  let running = true;
  const load = Array.from({ length: 20 }, async () => {
    while (running) {
      const entry = taskNow();
      try {
        assert.equal((await ledger.append(entry)).result, 'stored');
        acknowledged.push(entry.task.toString());
        stored.resolve();
        stored = Promise.withResolvers();
      } catch (error) {
        assert.match((error as { code: string }).code, /^database_/);
        refused++;
      }
    }
  });
  for (let round = 0; round < 2; round++) {
    await more(200);
    process.kill(await postmasterPid(), 'SIGKILL');
    await more(200);
  }
  running = false;
  await Promise.all(load);
  assertStoredOnce(acknowledged, await storedTasks(database));
  assert.equal(refused, 0, 'a restart is waited for');
  await ledger.close();
  await database.close();
});

test('while PostgreSQL is stopped appends fail cleanly, and after its start they go on', async () => {
  let server = await startEmbedded({ dataDir, log: quiet });
  const database = await openDatabase({ url: server.url }, { waitMs: 100 });
  const ledger = createLedger({ database });
  const before = taskNow();
  assert.equal((await ledger.append(before)).result, 'stored');
  await server.stop();
  const during = taskNow();
  await assert.rejects(ledger.append(during), { code: 'database_unreachable' });
  assert.equal(await database.healthy(), false);
  server = await startEmbedded({ dataDir, log: quiet });
  const later = taskNow();
  assert.equal((await ledger.append(later)).result, 'stored');
  assert.equal(await database.healthy(), true);
  const stored = await storedTasks(database);
  assertStoredOnce([`${before.task}`, `${later.task}`], stored);
  assert.equal(stored.get(`${during.task}`), undefined);
  await ledger.close();
  await database.close();
  await server.stop();
});

test('a second pool is refused while the first runs', async () => {
  const program = startAppending(1);
  await program.enough;
  await assert.rejects(openDatabase({ dataDir }), { code: 'data_directory_in_use' });
  program.child.kill('SIGKILL');
  await program.exited;
  // Takes over the server that the killed one left, so that nothing writes while all is removed.
  await (await openDatabase({ dataDir })).close();
});
