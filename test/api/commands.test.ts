import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../src/cli.ts';
import { createClient } from '../../src/client/client.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { eventually } from '../eventually.ts';
import { startTestPool } from '../start-pool.ts';
import { giveHistory } from './api-kit.ts';

const cleanups: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const one of cleanups.toReversed()) await one();
});
const scratch = await openScratch();
cleanups.push(async () => scratch[Symbol.asyncDispose]());
const pool = await startTestPool({ after: (one) => void cleanups.push(one) }, [
  `--database-url=${scratch.database.url}`,
]);

async function tributary(...words: readonly string[]) {
  const said: string[] = [];
  const complained: string[] = [];
  const into = (list: string[]) => ({ write: (text: string) => void list.push(text) });
  const io = {
    stdout: into(said),
    stderr: into(complained),
    env: {},
    isTty: false,
    columns: 80,
  };
  const code = await run([...words, `--data-dir=${pool.dataDir}`], io as Parameters<typeof run>[1]);
  return { code, out: said.join(''), err: complained.join('') };
}

test('an operator is added with a link, listed, given another one, and removed', async () => {
  const added = await tributary('operators', 'add', 'mira', '--role', 'finance');
  assert.equal(added.code, 0, added.err);
  assert.match(added.out, /may run the pool as finance/);
  const link = /http:\/\/127\.0\.0\.1:\d+\/sign-in\?link=([a-z2-7]{52})/.exec(added.out);
  assert.equal(
    new URL(link?.[0] ?? '').origin,
    pool.adminUrl,
    'operators sign in at the admin address',
  );
  const session = await fetch(`${pool.adminUrl}/api/v1/session/link`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: link?.[1] }),
  });
  assert.equal(session.status, 200);
  assert.match((await tributary('operators', 'list')).out, /mira\s+finance\s+by link/);
  const again = await tributary('operators', 'link', 'mira', '--json');
  assert.match(JSON.parse(again.out).url, /sign-in\?link=/);
  assert.equal((await tributary('operators', 'remove', 'mira')).code, 0);
  const gone = await tributary('operators', 'link', 'mira');
  assert.equal(gone.code, 1);
  assert.match(gone.err, /There is no operator of that name[\s\S]*operator_unknown/);
  assert.match((await tributary('operators', 'list')).out, /^Nobody but who has the admin token/);
});

test('a worker gets a link to the public address', async () => {
  await pool.enrol('heron');
  const { out } = await tributary('workers', 'link', 'heron', '--json');
  assert.equal(new URL(JSON.parse(out).url).origin, pool.publicUrl);
});

test('epochs are listed and shown through the typed client', async () => {
  assert.match((await tributary('epoch', 'close', '--yes')).out, /^Epoch \d+ is closed/);
  assert.match((await tributary('epoch', 'list')).out, /published/);
  const client = createClient({ url: pool.publicUrl });
  const numbers: bigint[] = [];
  for await (const { number } of client.items('/api/v1/epochs', { query: { limit: 1 } })) {
    numbers.push(BigInt(number));
  }
  assert.deepEqual(numbers, [2n, 1n]);
  const shown = await client.get('/api/v1/epochs/{epoch}', { params: { epoch: '1' } });
  assert.equal(shown.workers, undefined, 'workers are not named to everybody');
  assert.match((await tributary('epoch', 'show', '1')).out, /^Epoch 1, default terms/);
});

test('commands call workers by their names, revoked ones too, and programs get the ids', async () => {
  const { id } = await pool.enrol('otter');
  await giveHistory(scratch.database, id, 1_000n);
  assert.equal((await tributary('epoch', 'close', '--yes')).code, 0);
  assert.equal((await tributary('workers', 'revoke', 'otter')).code, 0);
  const { out: list } = await tributary('epoch', 'list', '--json');
  const epoch = (JSON.parse(list) as { number: string; state: string }[]).find(
    ({ state }) => state === 'closed',
  )?.number;
  const shown = ['epoch', 'show', epoch ?? ''];
  assert.match((await tributary(...shown)).out, /^otter {2}3,000 units/m);
  const { workers } = JSON.parse((await tributary(...shown, '--json')).out);
  assert.equal(workers[0].worker, id);

  assert.match((await tributary('payouts', 'status')).out, / {2}otter {2}0\.0{14}1 ETH {2}final/);
  await eventually('its notice is listed', async () =>
    /payout_sent +otter /.test((await tributary('notices', 'list')).out),
  );
  const lines = await tributary('ledger', 'lines', '--account', 'worker:otter');
  assert.match(lines.out, /^worker:otter, ETH$/m);
  const nobody = await tributary('ledger', 'lines', '--account', 'worker:nobody');
  assert.match(nobody.err, /There is no worker nobody\.[\s\S]*\(worker_unknown\)/);

  const again = await pool.enrol('otter');
  assert.match((await tributary(...shown)).out, new RegExp(`^otter \\(${id}\\) {2}3,000`, 'm'));
  const own = await tributary('ledger', 'accounts', '--account', `worker:${again.name}`);
  assert.equal(own.out, 'Nothing is in the books.\n', 'the one that works now is meant');
});

test('a file that cannot be written costs neither a token nor the payouts in it', async () => {
  const add = (file: string) => tributary('payouts', 'add-approver', 'mira', '--file', file);
  const nowhere = await add(join(pool.dataDir, 'not-there', 'mira.token'));
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /mira\.token cannot be written[\s\S]*\(output_unusable\)/);
  assert.match((await add(join(pool.dataDir, 'admin.token'))).err, /is there already/);
  const file = join(pool.dataDir, 'mira.token');
  assert.match((await add(file)).out, /^mira may approve from/);
  assert.match(await readFile(file, 'utf8'), /^\S+\n$/);
  assert.match((await add(`${file}-2`)).err, /There is or was one of this name/);
  assert.deepEqual(
    (await readdir(pool.dataDir)).filter((name) => name.startsWith('mira')),
    ['mira.token'],
  );
  const exported = await tributary('payouts', 'export', '--file', pool.dataDir);
  assert.match(exported.err, /is no file[\s\S]*\(output_unusable\)/);
});

test('what is wrong is said in the words of the command, and is no defect of the pool', async () => {
  const cases = [
    [/\(payout_plan_unknown\)/, 'payouts', 'run', 'abc'],
    [/Nobody of the name nobody may approve/, 'payouts', 'remove-approver', 'nobody'],
    [/--paid cannot be "x"/, 'payouts', 'rate', ...'--from A --to B --paid x'.split(' ')],
    [/--asset, --threshold or --account/, 'payouts', 'choose', 'heron'],
    [/--kind cannot be "x".*worker_offline/, 'notices', 'list', '--kind', 'x'],
    [/tributary notices channels/, 'notices', 'remove', 'abc'],
    [/tributary incidents\s+list/, 'incidents', 'close', '99'],
  ] as const;
  for (const [said, ...words] of cases) {
    const { code, err } = await tributary(...words);
    assert.notEqual(code, 0);
    assert.match(err, said);
    assert.doesNotMatch(err, /internal/);
  }
});
