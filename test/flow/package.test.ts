import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { buildPackage, DIST } from '../../scripts/build-package.ts';
import { makeTestVideo } from '../../src/media/test-video.ts';
import { type PoolProcess, startPoolProcess } from '../pool-process.ts';
import type { Cleanup } from '../start-pool.ts';
import { startTributary } from '../tributary-process.ts';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** A program of somebody else. */
const PROGRAM = `import { createClient, PoolRefusal } from 'tributary/client';

const pool = createClient({ url: process.env.POOL ?? '' });
const { now } = await pool.get('/api/v1/pool');
const streams: number = now.streams;
// @ts-expect-error there is no such route
await pool.get('/api/v1/nothing').catch((error: unknown) => {
  if (error instanceof PoolRefusal) console.log(error.problem.code, typeof streams);
});
// @ts-expect-error a name is a text
const wrong: number = (await pool.get('/api/v1/pool')).name;
const payouts: string[] = [];
for await (const { amount } of pool.items('/api/v1/payouts')) payouts.push(amount.amount);
console.log(payouts.length, typeof wrong);
`;

const cleanups: (() => void | Promise<void>)[] = [];
const whole: Cleanup = { after: (clean) => void cleanups.push(clean) };
after(async () => {
  for (const clean of cleanups.toReversed()) await clean();
});
/** Where the package is installed. */
let folder: string;
let pool: PoolProcess;

/** `tributary ARGS` as the package has it. */
const installed: typeof startTributary = (t, args, env) =>
  startTributary(t, args, env, join(folder, 'node_modules/.bin/tributary'));

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-package-'));
  whole.after(() => rm(folder, { recursive: true, force: true }));
  await install();
  pool = await startPoolProcess(whole, [], undefined, {}, installed);
});

/** As `npm install tributary.tgz` does it, without asking a registry. */
async function install(): Promise<void> {
  buildPackage();
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const { stdout } = await run('npm', pack, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  await rm(DIST, { recursive: true });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  const modules = join(folder, 'node_modules');
  const home = join(modules, 'tributary');
  await mkdir(home, { recursive: true });
  const tarball = join(folder, packed?.filename ?? '');
  await run('tar', ['xzf', tarball, '-C', home, '--strip-components=1']);
  // All that it depends on, and nothing of what only developers have.
  const lock = await readFile(join(ROOT, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Record<string, { dev?: boolean }> };
  for (const [path, { dev = false }] of Object.entries(packages)) {
    if (dev || !/^node_modules\/(?!.*\/node_modules\/)/.test(path)) continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await symlink(join(ROOT, path), join(folder, path));
  }
  await mkdir(join(modules, '.bin'));
  await symlink('../tributary/bin/tributary', join(modules, '.bin/tributary'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
}

test('the installed command says its version and its help', async (t) => {
  const [version, help] = [installed(t, ['version']), installed(t, ['help', 'worker'])];
  assert.equal(await version.exited, 0, version.printed.err);
  const ours = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  assert.equal(version.printed.out, `tributary ${ours.version}\n`);
  // No lockfile reaches who installs a package.
  for (const exact of Object.values(ours.dependencies)) assert.match(String(exact), /^\d/);
  assert.equal(await help.exited, 0, help.printed.err);
  assert.match(help.printed.out, /worker join/);
});

test('an installed pool has pages, and carries video to an installed worker', async (t) => {
  const page = await fetch(new URL('/join', pool.publicUrl));
  assert.equal(page.status, 200);
  assert.match(await page.text(), /Join with a GPU/);

  const { join: joinString } = await pool.enrol();
  const worker = installed(t, ['worker', 'join', '--device', 'cpu', '--max-sessions', '1'], {
    TRIBUTARY_JOIN: joinString,
  });
  await worker.line(/^Working\./);
  const size = { seconds: 2, width: 320, height: 180 };
  const video = await makeTestVideo({ ...size, path: join(folder, 'video.ts') });
  const gateway = installed(t, [
    ...['gateway', 'push', '--json', '--orchestrator', pool.serviceUri],
    ...['--input', video, '--output', join(folder, 'hls'), '--profiles', 'P144p30fps16x9'],
  ]);
  assert.equal(await gateway.exited, 0, gateway.printed.err);
  const summary = JSON.parse(gateway.printed.out.trim().split('\n').at(-1) ?? '');
  assert.deepEqual([summary.segments, summary.failed], [1, 0]);
});

test('the package brings the typed client, to run and to check against', async () => {
  await writeFile(join(folder, 'program.ts'), PROGRAM);
  const types = join(ROOT, 'node_modules/@types');
  const options = '--noEmit --strict --skipLibCheck --target es2024 --module nodenext --types node';
  await run(
    join(ROOT, 'node_modules/.bin/tsc'),
    [...options.split(' '), '--typeRoots', types, 'program.ts'],
    { cwd: folder },
  ).catch((error: { stdout?: string }) => assert.fail(error.stdout));
  const said = await run(process.execPath, ['program.ts'], {
    cwd: folder,
    env: { ...process.env, POOL: pool.publicUrl },
  });
  assert.equal(said.stdout, 'not_found number\n0 string\n');
});
