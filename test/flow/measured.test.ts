import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readInput } from '../../src/epochs/input-json.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startOwnWorker } from '../own-worker.ts';
import { type PoolProcess, startPoolProcess } from '../pool-process.ts';
import type { Cleanup, Enrolment } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';
import { startTributary } from '../tributary-process.ts';

// A pool as it is run, whose terms pay for being there, and a worker that stays with it.
const cleanups: (() => void | Promise<void>)[] = [];
const whole: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});
let folder: string;
let pool: PoolProcess;
let heron: Enrolment;

const TERMS = `
name = "Retainer"
commission = "0%"

[model]
kind = "retainer"
rate = "0.001 ETH per hour"
uptime-min = "1%"

[[multipliers]]
name = "cards"
hardware-class = "RTX 4090"
factor = "1.5"

[refunds]
borne-by = "worker"
`;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-measured-'));
  whole.after(() => rm(folder, { recursive: true, force: true }));
  pool = await startPoolProcess(whole);
  heron = await pool.enrol('heron');
  const file = join(folder, 'terms.toml');
  await writeFile(file, TERMS);
  await command('terms', 'publish', file, '--starts-at-epoch', 'next');
});

async function command(...args: readonly string[]): Promise<string> {
  const run = startTributary(whole, [...args, '--data-dir', pool.dataDir]);
  assert.equal(await run.exited, 0, run.printed.err);
  return run.printed.out;
}

/** Closes the open epoch, and reads how its worker was settled out of what was published. */
async function close() {
  const out = await command('epoch', 'close', '--yes');
  const number = /^Epoch (\d+) is closed/.exec(out)?.[1];
  const path = join(pool.dataDir, 'proofs', `epoch-${number}`);
  const input = readInput(await readFile(join(path, 'input.json'), 'utf8'));
  const worker = input.workers.find((one) => one.worker === heron.id);
  return { worker, windowMs: BigInt(input.closesAt - input.opensAt) };
}

test('an operator says of a worker what the terms ask for', async () => {
  const out = await command(
    ...['workers', 'set', 'heron', '--hardware-class', 'RTX 4090', '--promise', '100%'],
  );
  assert.match(out, /hardware class: RTX 4090\n {2}promise: 100%/);
  const refused = startTributary(whole, [
    ...['workers', 'set', 'heron', '--promise', 'always', '--data-dir', pool.dataDir],
  ]);
  assert.equal(await refused.exited, 1);
  assert.match(refused.printed.err, /share of the\s+time such as 95%/);
});

test('a worker is paid for the time that it was there, and can check that', async () => {
  await close();
  const { transcoder } = await joinStock(whole, pool, { enrolment: heron });
  const gateway = startStockGateway(pool.port);
  whole.after(() => gateway.close());
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done', reply.text);
  await command('ledger', 'refund', '0.0000000000001', '--worker', 'heron', '--id', 'gw-1');

  const { worker, windowMs } = await close();
  assert.ok(worker);
  assert.ok(worker.onlineMs > 0n && worker.onlineMs <= windowMs, String(worker.onlineMs));
  assert.ok(worker.promisedMs >= worker.onlineMs && worker.promisedMs <= windowMs);
  assert.equal(worker.facts.hardwareClass, 'RTX 4090');
  assert.deepEqual(
    worker.refunds?.map(({ id, amount }) => [id, amount]),
    [['gw-1', 100_000n]],
  );
  const why = await pool.admin<{ jobs: number; text: string }>(
    'GET',
    '/api/v1/workers/heron/why?hours=1',
  );
  assert.match(why.text, /^In the last /);
  transcoder.kill();

  const check = startTributary(whole, ['verify', '--pool', pool.publicUrl, '--worker', 'heron']);
  assert.equal(await check.exited, 0, check.printed.out + check.printed.err);
  assert.match(check.printed.out, /\nOK: owed 0\.\d+ ETH/);
});

test('a pool that is killed counts what it saw once, and nothing that it did not see', async () => {
  await joinStock(whole, pool, { enrolment: heron });
  // Written down with the end of this epoch; the next one begins with the worker there.
  await close();
  await pool.restart();
  await joinStock(whole, pool, { enrolment: heron });
  const { worker, windowMs } = await close();
  assert.ok(worker);
  assert.ok(worker.onlineMs > 0n && worker.onlineMs < windowMs, String(worker.onlineMs));
  assert.ok(worker.promisedMs < windowMs);
  const machines = await pool.admin<{ leftBecause: string | null; software: string }[]>(
    'GET',
    '/api/v1/workers/heron/machines',
  );
  assert.equal(machines.length, 3);
  assert.ok(machines.every(({ software }) => software === 'stock'));
  // Less than a minute away is a restart, and no incident.
  const { items } = await pool.admin<{ items: unknown[] }>('GET', '/api/v1/incidents');
  assert.deepEqual(items, []);
});

test('a worker asks why, what its machine is, and what a line of its statement rests on', async () => {
  const otter = await pool.enrol('otter');
  const own = await startOwnWorker(whole, otter.join);
  await own.ready;
  const ask = async <T>(path: string, who: Enrolment = otter) => {
    const response = await fetch(`${pool.publicUrl}/api/v1/me/${path}`, {
      headers: { authorization: `Bearer ${who.credential}` },
    });
    return { status: response.status, body: (await response.json()) as T };
  };
  const machines = () => ask<{ devices: unknown; software: string }[]>('machines');
  await eventually('the machine is shown', async () => (await machines()).body.length > 0);
  const [machine] = (await machines()).body;
  assert.deepEqual(machine?.devices, [{ name: 'cpu', sessions: 4 }]);
  assert.equal(machine?.software, 'tributary');
  assert.match((await ask<{ text: string }>('why')).body.text, /^In the last /);
  assert.deepEqual((await ask('work')).body, []);

  const evidence = (id: string, who: Enrolment = heron) =>
    ask<Evidence>(`evidence?id=${encodeURIComponent(id)}`, who);
  const fact = await evidence('fact-1');
  assert.deepEqual([fact.body.kind, fact.body.value], ['fact', 'RTX 4090']);
  assert.equal((await evidence('fact-1', otter)).status, 404);
  const { body: offline } = await evidence(`epoch-2/${heron.id}/offline`);
  const sum = offline.online.reduce(
    (total, { since, until }) => total + Date.parse(until) - Date.parse(since),
    0,
  );
  assert.equal(String(sum), offline.onlineMs);
  assert.equal((await evidence('gw-1')).body.amount, '100000');
  assert.equal((await evidence('nothing')).status, 404);
});

interface Evidence {
  readonly kind: string;
  readonly value: string;
  readonly amount: string;
  readonly onlineMs: string;
  readonly online: readonly { readonly since: string; readonly until: string }[];
}

test('everybody reads what the operator says of an incident', async () => {
  const made = await pool.admin<{ id: string }>('POST', '/api/v1/incidents', {
    title: 'Slow disks',
  });
  await pool.admin('POST', `/api/v1/incidents/${made.id}/update`, { text: 'They are replaced.' });
  await pool.admin('POST', `/api/v1/incidents/${made.id}/close`, {});
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  const plan = { title: 'New rack', startsAt: at(3_600_000), endsAt: at(7_200_000) };
  await pool.admin('POST', '/api/v1/maintenance', plan);
  const read = async (query: string) => {
    const response = await fetch(`${pool.publicUrl}/api/v1/incidents${query}`);
    return (await response.json()) as {
      items: { title: string; closedAt: string }[];
      next: string;
    };
  };
  const first = await read('?limit=1');
  assert.equal(first.items[0]?.title, 'New rack');
  const second = await read(`?limit=1&cursor=${first.next}`);
  assert.equal(second.items[0]?.title, 'Slow disks');
  assert.ok(second.items[0]?.closedAt);
  await assert.rejects(
    pool.admin('POST', '/api/v1/maintenance', { ...plan, endsAt: at(0) }),
    /incident_invalid/,
  );
});

test('everybody reads how the pool was, and when nothing can be said of earnings', async () => {
  const history = await fetch(`${pool.publicUrl}/api/v1/pool/history?by=hour&days=1`);
  assert.equal(history.status, 200);
  const rows = (await history.json()) as { upMs: number | null; downMs: number | null }[];
  const measured = rows.filter(({ upMs }) => upMs !== null);
  assert.ok(measured.length >= 1);
  assert.ok(measured.some(({ upMs }) => (upMs ?? 0) > 0));
  const estimate = await fetch(`${pool.publicUrl}/api/v1/calculator/RTX%204090`);
  const { reason } = (await estimate.json()) as { reason: string };
  assert.equal(reason, 'no_such_class');
});
