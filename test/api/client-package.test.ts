import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { buildClient } from '../../scripts/build-client.ts';
import { startTestPool } from '../start-pool.ts';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** A program of somebody else. */
const PROGRAM = `import { createClient, PoolRefusal } from 'tributary/client';

const pool = createClient({ url: process.env.POOL ?? '' });
const { now } = await pool.get('/api/v1/pool');
const streams: number = now.streams;
// @ts-expect-error there is no such route
await pool.get('/api/v1/nothing').catch((error: unknown) => {
  if (error instanceof PoolRefusal) console.log(error.problem.code, streams);
});
// @ts-expect-error a name is a text
const wrong: number = (await pool.get('/api/v1/pool')).name;
const payouts: string[] = [];
for await (const { amount } of pool.items('/api/v1/payouts')) payouts.push(amount.amount);
console.log(payouts.length, typeof wrong);
`;

test('the packed package brings the typed client, to run and to check against', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'tributary-package-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  buildClient();
  const { stdout } = await run(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', dir],
    { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 },
  );
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  const home = join(dir, 'node_modules/tributary');
  await mkdir(home, { recursive: true });
  await run('tar', ['xzf', join(dir, packed?.filename ?? ''), '-C', home, '--strip-components=1']);
  // What npm would install beside it: the types of the client are made of it.
  await symlink(join(ROOT, 'node_modules/zod'), join(dir, 'node_modules/zod'));
  await writeFile(join(dir, 'package.json'), '{ "type": "module" }');
  await writeFile(join(dir, 'program.ts'), PROGRAM);

  const types = join(ROOT, 'node_modules/@types');
  const options = '--noEmit --strict --skipLibCheck --target es2024 --module nodenext --types node';
  await run(
    join(ROOT, 'node_modules/.bin/tsc'),
    [...options.split(' '), '--typeRoots', types, 'program.ts'],
    { cwd: dir },
  ).catch((error: { stdout?: string }) => assert.fail(error.stdout));

  const pool = await startTestPool(t);
  const said = await run(process.execPath, ['program.ts'], {
    cwd: dir,
    env: { ...process.env, POOL: pool.publicUrl },
  });
  assert.equal(said.stdout, 'not_found 0\n0 string\n');
});
