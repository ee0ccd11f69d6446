import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { eventually } from '../eventually.ts';
import { startTributary } from '../tributary-process.ts';

const skip = process.platform !== 'linux';

/** A folder for the temporary files of a program, by which all that it starts is found. */
async function markedFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-parents-'));
  t.after(async () => {
    for (const { pid } of await processesIn(folder)) process.kill(pid, 'SIGKILL');
    // PostgreSQL is given a moment to notice and end.
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  });
  return folder;
}

interface Found {
  readonly pid: number;
  /** Its command line. */
  readonly line: string;
}

/** The processes whose temporary files are there; PostgreSQL has a guard of its own. */
async function processesIn(folder: string): Promise<readonly Found[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = pids.map(async (pid) => {
    // Ended in this moment, or another user's: not one of ours.
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    if (!(await read('environ')).split('\0').includes(`TMPDIR=${folder}`)) return undefined;
    return { pid: Number(pid), line: (await read('cmdline')).replaceAll('\0', ' ') };
  });
  return (await Promise.all(found)).filter((one) => one !== undefined);
}

test('a demo that is killed takes everything with it that it started', { skip }, async (t) => {
  const folder = await markedFolder(t);
  const output = join(folder, 'hls');
  const demo = startTributary(t, ['demo', '--output', output, '--json'], { TMPDIR: folder });
  const runs = async (words: string) =>
    (await processesIn(folder)).some(({ line }) => line.includes(words));
  await eventually(
    'chain, pool, signer, workers and gateway run',
    async () => {
      assert.equal(demo.child.exitCode, null, demo.printed.err);
      return runs(' gateway push ');
    },
    120_000,
  );
  for (const words of [' devnet ', 'anvil', ' pool ', ' signer ', ' worker join ']) {
    assert.ok(await runs(words), words);
  }
  demo.child.kill('SIGKILL');
  await eventually('all of it is gone', async () => (await processesIn(folder)).length === 0);
});

test('the local worker of a pool that is killed ends with it', { skip }, async (t) => {
  const folder = await markedFolder(t);
  const own = '127.0.0.1:0';
  const pool = startTributary(
    t,
    [
      ...['pool', `--data-dir=${join(folder, 'pool')}`, '--local-worker'],
      ...[`--service-addr=${own}`, `--listen=${own}`, `--admin-addr=${own}`, '--http-addr=off'],
    ],
    { TMPDIR: folder },
  );
  await pool.line(/^READY /);
  const works = async () =>
    (await processesIn(folder)).some(({ line }) => line.includes(' worker join '));
  assert.ok(await works());
  pool.child.kill('SIGKILL');
  await eventually('it is gone', async () => !(await works()));
});
