import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { serveAdmin } from '../../api/admin.ts';
import { apiOf, workersListed } from '../../api/api.test-kit.ts';
import { disputesRoutes } from '../../api/disputes-routes.ts';
import { epochsRoutes } from '../../api/epochs-routes.ts';
import { createIdentify } from '../../api/identify.ts';
import { keptIo } from '../../base/kept-io.test-kit.ts';
import { quiet } from '../../base/log.ts';
import { createMetrics } from '../../base/metrics.ts';
import { closeNow } from '../../epochs/close.ts';
import { openBooks } from '../../epochs/epochs.test-kit.ts';
import { workerLines } from '../../epochs/read-epochs.ts';
import { createDisputes } from '../../ledger/disputes.ts';
import { checkDisputeLog } from '../../proofs/dispute-log.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { createWorkers } from '../../workers/workers.ts';
import { run } from './main.ts';

const books = await openBooks();
const { database, clock, parts } = books;
const dir = await mkdtemp(join(tmpdir(), 'tributary-disputes-'));
const metrics = createMetrics();
const workers = await createWorkers({ database, log: quiet, metrics });
const { terms } = parts;
const statement = workerLines;
const disputes = createDisputes({ database, clock, hashing: nodeHashing, terms, statement });
const routes = [
  ...disputesRoutes({ disputes, terms, database }),
  workersListed(() => [
    { id: heron.id, name: 'heron' },
    { id: otter.id, name: 'otter' },
  ]),
  ...epochsRoutes({
    database,
    epochs: { closeNow: () => closeNow(parts) },
  }),
];
const identify = createIdentify({ token: 'token', workers });
const admin = await serveAdmin(
  { api: apiOf(routes, { identify }), metrics, ready: async () => undefined, log: quiet },
  { host: '127.0.0.1', port: 0, tokenChosen: false },
);
const url = `http://127.0.0.1:${admin.port}`;
after(async () => {
  await admin.close();
  await workers.close();
  await books[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

/** A worker with a file that holds its credential. */
async function enrolled(name: string) {
  const added = await workers.add({ name });
  assert.ok(added.ok);
  const { worker, credential } = added;
  const file = join(dir, `${name}.credential`);
  await writeFile(file, `${credential}\n`);
  return { id: worker.id, as: ['--pool', url, '--credential', file] };
}
const heron = await enrolled('heron');
const otter = await enrolled('otter');
const operator = ['--admin-url', url, '--admin-token', 'token'];
await books.publish('[[penalties.rules]]\nfor = "failed-attempts"\neach = "10%"\nat-most = "50%"');
await closeNow(parts);
await books.work(heron.id, 100n, 1n);
await books.fail(heron.id);
await books.earn(1_000n);
const { number: epoch } = await closeNow(parts);

/** Runs `tributary disputes …`: what it prints. */
async function said(...args: readonly string[]): Promise<string> {
  const { io, out } = keptIo();
  assert.equal(await run(args, io), 0);
  return out();
}

test('a worker disputes a penalty with its credential, and the operator upholds it', async () => {
  const line = `epoch-${epoch}/${heron.id}/failed_attempts`;
  const text = ['--text', 'It was not my fault.'];
  const opened = JSON.parse(
    await said('open', line, ...text, '--evidence', line, '--json', ...heron.as),
  );
  assert.deepEqual(
    [opened.state, opened.about, opened.claimed, opened.setAside?.amount],
    ['open', `epoch-${epoch}/${heron.id}/3`, { asset: 'ETH', amount: '90', decimals: 18 }, '90'],
  );
  assert.match(await said('list', ...operator), new RegExp(`${opened.id} +heron .*to answer by`));
  assert.match(await said('show', opened.id, ...operator), /^ {2}worker +heron$/m);
  assert.match(await said('list', ...otter.as), /No dispute waits/);
  await assert.rejects(said('show', opened.id, ...otter.as), { code: 'dispute_unknown' });
  await assert.rejects(said('open', line, ...text, ...heron.as), { code: 'dispute_refused' });
  await assert.rejects(said('open', line, ...text, ...otter.as), /another worker/);
  await assert.rejects(said('open', line, '--text', '<i>x</i>', ...heron.as), {
    code: 'dispute_invalid',
  });
  await said('answer', opened.id, '--text', 'We look at it.', ...operator);
  await said('answer', opened.id, '--text', 'Please do.', ...heron.as);
  await assert.rejects(said('withdraw', opened.id, ...text, ...operator), {
    code: 'setting_missing',
  });
  const upheld = ['--outcome', 'upheld', '--text', 'Our switch failed.'];
  assert.match(await said('decide', opened.id, ...upheld, ...operator), /awarded +0\.0{16}9 ETH/);
  assert.match(
    await said('show', opened.id, ...heron.as),
    /stands +upheld[\s\S]*answered by the operator[\s\S]*Please do\./,
  );
  assert.match(await said('list', '--all', ...heron.as), /upheld/);
  const log = await said('export', ...heron.as);
  const checked = checkDisputeLog(log, nodeHashing);
  assert.ok(checked.ok && checked.records.length === 4);
  const file = join(dir, 'disputes.jsonl');
  await said('export', '--output', file, ...operator);
  assert.equal(await readFile(file, 'utf8'), log);
  await assert.rejects(said('export', '--output', file, ...operator), { code: 'output_unusable' });
});

test('a worker reads its statement with the ids that it can dispute, and withdraws', async () => {
  const credential = (await readFile(join(dir, 'heron.credential'), 'utf8')).trim();
  const answer = await fetch(`${url}/api/v1/me/epochs/${epoch}`, {
    headers: { authorization: `Bearer ${credential}` },
  });
  const own = (await answer.json()) as { lines: { id: string; kind: string; amount: string }[] };
  assert.deepEqual(
    own.lines.map(({ id, kind, amount }) => [id, kind, amount]),
    [
      [`epoch-${epoch}/${heron.id}/1`, 'work', '1000'],
      [`epoch-${epoch}/${heron.id}/2`, 'commission', '-100'],
      [`epoch-${epoch}/${heron.id}/3`, 'penalty', '-90'],
    ],
  );
  const listed = await said('lines', String(epoch), ...heron.as);
  assert.match(listed, new RegExp(`epoch-${epoch}/${heron.id}/3 +penalty +-90 ETH`));
  await assert.rejects(said('lines', String(epoch + 1n), ...heron.as), { code: 'epoch_open' });
  await assert.rejects(said('lines', String(epoch), ...operator), /tributary epoch show/);
  const work = own.lines[0]?.id as string;
  const text = ['--text', 'I did more.'];
  const claim = ['--amount', '50', '--asset', 'ETH'];
  const opened = JSON.parse(await said('open', work, ...text, ...claim, '--json', ...heron.as));
  assert.match(
    await said('withdraw', opened.id, '--text', 'I was wrong.', ...heron.as),
    /withdrawn/,
  );
});

test('a credential reaches nothing of an operator, and no credential nothing at all', async () => {
  const credential = (await readFile(join(dir, 'heron.credential'), 'utf8')).trim();
  const as = (authorization: string, path: string, method = 'GET') =>
    fetch(`${url}${path}`, { method, headers: { authorization } }).then(({ status }) => status);
  assert.equal(await as(`Bearer ${credential}`, '/api/v1/disputes'), 403);
  assert.equal(await as(`Bearer ${credential}`, '/api/v1/disputes/x/decide', 'POST'), 403);
  assert.equal(await as('Bearer nobody', '/api/v1/me/disputes'), 401);
  assert.equal(await as('Bearer nobody', '/api/v1/me/disputes', 'POST'), 401);
  await assert.rejects(said('list', '--pool', url), { code: 'setting_missing' });
});
