import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { openScratch } from '../../src/database/scratch.ts';
import { eventually } from '../eventually.ts';
import { startTestPool } from '../start-pool.ts';
import {
  type Address,
  type Asker,
  adminToken,
  ask,
  byCredential,
  byLink,
  giveHistory,
  stranger,
} from './api-kit.ts';
import { type AnyDefinition, allRoutes, filled } from './routes.ts';

const cleanups: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});
const scratch = await openScratch();
const { database } = scratch;
cleanups.push(async () => scratch[Symbol.asyncDispose]());
const pool = await startTestPool({ after: (run) => void cleanups.push(run) }, [
  `--database-url=${database.url}`,
]);

const heron = await pool.enrol('heron-rig');
const otter = await pool.enrol('otter-rig');
const roles = ['viewer', 'support', 'finance', 'owner'] as const;
for (const role of roles) await pool.admin('POST', '/api/v1/operators', { name: role, role });

/** Everybody that there is, and what each may do. Said here once more, in other words than in the code. */
const WORKER = ['public', 'worker'];
const people: Readonly<
  Record<string, { enter(): Promise<Asker>; may: readonly string[]; isOperator: boolean }>
> = {
  stranger: { enter: async () => stranger, may: ['public'], isOperator: false },
  credential: { enter: async () => byCredential(heron), may: WORKER, isOperator: false },
  worker: {
    enter: () => byLink(pool, 'workers/otter-rig'),
    may: [...WORKER, 'signed-in'],
    isOperator: false,
  },
  viewer: {
    enter: () => byLink(pool, 'operators/viewer'),
    may: ['public', 'signed-in', 'viewer'],
    isOperator: true,
  },
  support: {
    enter: () => byLink(pool, 'operators/support'),
    may: ['public', 'signed-in', 'viewer', 'support'],
    isOperator: true,
  },
  finance: {
    enter: () => byLink(pool, 'operators/finance'),
    may: ['public', 'signed-in', 'viewer', 'finance'],
    isOperator: true,
  },
  owner: {
    enter: () => byLink(pool, 'operators/owner'),
    may: ['public', 'signed-in', 'viewer', 'support', 'finance', 'owner'],
    isOperator: true,
  },
  token: {
    enter: () => adminToken(pool),
    may: ['public', 'viewer', 'support', 'finance', 'owner'],
    isOperator: true,
  },
};

const REFUSED = new Set([
  'admin_unauthorized',
  'credential_unknown',
  'not_allowed',
  'session_needed',
  'not_here',
]);

function mayCall(name: string, route: AnyDefinition, at: Address): boolean {
  const { may, isOperator } = people[name] as (typeof people)[string];
  if (!may.includes(route.access)) return false;
  const isForOperators = (roles as readonly string[]).includes(route.access);
  if (isOperator && isForOperators && at === 'public') return false;
  const changes = route.method === 'POST' && route.reads !== true;
  return !(name === 'credential' && route.access === 'worker' && changes && !route.byCredential);
}

for (const name of Object.keys(people)) {
  test(`every route lets in ${name} where it may, and nowhere else`, async () => {
    const asker = await (people[name] as (typeof people)[string]).enter();
    // What ends the session comes last.
    const ordered = allRoutes.toSorted((a, b) => endsSession(a) - endsSession(b));
    for (const route of ordered) {
      for (const at of ['public', 'admin'] as const) {
        const path = filled(route.path);
        const { status, code } = await ask(pool, asker, { method: route.method, path }, { at });
        const where = `${name} on ${at}: ${route.method} ${route.path} (${status} ${code})`;
        const ended = at === 'admin' && endsSession(route) === 1 && asker.headers.cookie;
        const expected = !ended && mayCall(name, route, at);
        assert.equal(!REFUSED.has(code ?? ''), expected, where);
        assert.notEqual(status, 500, where);
      }
    }
  });
}

function endsSession({ path }: AnyDefinition): number {
  return Number(path === '/api/v1/session/end');
}

test('the description names every route, each with the problem that it may answer with', async () => {
  const { text } = await ask(pool, stranger, { method: 'GET', path: '/api/v1/openapi.json' });
  type Operation = {
    operationId: string;
    summary: string;
    parameters: { name: string; in: string }[];
    responses: Record<string, { $ref?: string }>;
  };
  const described = JSON.parse(text) as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
    components: Record<string, Record<string, unknown>>;
  };
  assert.equal(described.openapi, '3.1.0');
  const named = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routes = allRoutes.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(named.sort(), routes.sort());
  const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => ({ path, ...operation })),
  );
  const ids = new Set(operations.map(({ operationId }) => operationId));
  assert.equal(ids.size, operations.length);
  for (const { path, summary, parameters, responses } of operations) {
    assert.equal(responses.default?.$ref, '#/components/responses/Problem', path);
    assert.ok(summary.endsWith('.'), path);
    const inPath = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
    assert.deepEqual(
      inPath,
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
    );
  }
  for (const [, kind = '', name = ''] of text.matchAll(/"#\/components\/(\w+)\/(\w+)"/g)) {
    assert.ok(described.components[kind]?.[name], `${kind}/${name}`);
  }
});

/** The epoch that holds what both did. */
let closed = '';

test('a worker reads nothing of another one', async () => {
  await giveHistory(database, heron.id, 1_000n);
  await giveHistory(database, otter.id, 77_777n);
  const { epoch } = await pool.admin<{ epoch: string }>('POST', '/api/v1/epochs/close', {});
  closed = epoch;
  const asker = await byLink(pool, 'workers/heron-rig');
  const own = allRoutes.filter(({ access, method }) => access === 'worker' && method === 'GET');
  assert.ok(own.length > 10);
  for (const route of own) {
    const path = filled(route.path, { epoch: closed });
    const { status, text } = await ask(pool, asker, { method: 'GET', path });
    assert.doesNotMatch(text, /otter-rig|77777/, path);
    assert.ok(!text.includes(otter.id), path);
    assert.ok([200, 400, 404, 409].includes(status), `${path} ${status} ${text}`);
    if (!route.query || !('worker' in route.query.shape)) continue;
    const query = `?worker=${otter.id}`;
    const foreign = await ask(pool, asker, { method: 'GET', path }, { query });
    assert.equal(foreign.code, 'worker_unknown', `${path} ${foreign.text}`);
  }
  for (const body of [{ worker: otter.id }, { worker: 'otter-rig' }]) {
    const path = '/api/v1/me/credentials/rotate';
    const { code } = await ask(pool, asker, { method: 'POST', path }, { body });
    assert.equal(code, 'worker_unknown');
  }
});

test('an operator who looks at the public address sees what everybody sees', async () => {
  const path = `/api/v1/epochs/${closed}`;
  const owner = await byLink(pool, 'operators/viewer');
  for (const [at, count] of [
    ['public', undefined],
    ['admin', 2],
  ] as const) {
    const { text } = await ask(pool, owner, { method: 'GET', path }, { at });
    assert.equal((JSON.parse(text) as { workers?: unknown[] }).workers?.length, count, at);
  }
});

test('a worker follows an amount down to its lines and receipts, as a table, too', async () => {
  const asker = await byLink(pool, 'workers/heron-rig');
  const read = async (path: string) =>
    JSON.parse((await ask(pool, asker, { method: 'GET', path })).text);
  const { totals } = await read('/api/v1/me/earnings');
  const owed = totals[0].owed[0];
  assert.deepEqual(owed, { asset: 'ETH', amount: '1000', decimals: 18 });
  const lines = await read('/api/v1/me/lines?asset=ETH');
  assert.equal(lines.items.at(-1).balance.amount, owed.amount);
  const statement = await read(`/api/v1/me/statements/${closed}`);
  assert.equal(statement.units, '3000');
  const first = await read('/api/v1/me/receipts?limit=2');
  const rest = await read(`/api/v1/me/receipts?limit=2&cursor=${first.next}`);
  assert.deepEqual(
    [...first.items, ...rest.items].map(({ sequence }) => sequence),
    ['1', '2', '3'],
  );
  assert.equal(rest.next, null);
  assert.equal(first.items[1].previous, first.items[0].hash);
  const payouts = await read('/api/v1/me/payouts');
  assert.equal(payouts.items[0].received.amount, '1000');
  const query = '?format=csv';
  const table = await ask(pool, asker, { method: 'GET', path: '/api/v1/me/lines' }, { query });
  assert.match(table.headers.get('content-type') ?? '', /^text\/csv/);
  assert.ok(table.text.includes(`"'=HYPERLINK(""evil"")"`), table.text);
  assert.match(table.text.split('\r\n')[1] as string, /^\d+\.\d+,.*,ETH,1000,1000,correction,,/);
});

test('everybody sees what was paid, page by page', async () => {
  const page = async (query: string) => {
    const path = '/api/v1/payouts';
    return JSON.parse((await ask(pool, stranger, { method: 'GET', path }, { query })).text);
  };
  const first = await page('?limit=1');
  const second = await page(`?limit=1&cursor=${first.next}`);
  assert.equal(second.next, null);
  const workers = [...first.items, ...second.items].map(({ worker }) => worker).sort();
  assert.deepEqual(workers, [heron.id, otter.id].sort());
  assert.match(first.items[0].transaction, /^0x[0-9a-f]{64}$/);
  const other = `?cursor=${first.next}`;
  const path = '/api/v1/incidents';
  const foreign = await ask(pool, stranger, { method: 'GET', path }, { query: other });
  assert.equal(foreign.code, 'cursor_invalid');
});

test('what is hostile is refused in words, and nothing else is disturbed', async () => {
  const token = await adminToken(pool);
  const add = { method: 'POST', path: '/api/v1/workers' } as const;
  const html = '<!doctype html><script>alert(1)</script>';
  const named = await ask(pool, token, add, { at: 'admin', body: { name: html } });
  assert.equal(named.code, 'worker_name_invalid');
  assert.doesNotMatch(named.text, /script/);
  const body = { message: 'x'.repeat(10 * 1024 * 1024), signature: '0x' };
  for (const at of ['public', 'admin'] as const) {
    const path = '/api/v1/session/wallet';
    const sent = ask(pool, stranger, { method: 'POST', path }, { at, body });
    // A sender that is not read to its end sees the answer, or only that the connection ends.
    const code = await sent.then(({ status }) => status).catch(() => 413);
    assert.equal(code, 413, at);
  }
  assert.equal((await ask(pool, stranger, { method: 'GET', path: '/api/v1/pool' })).status, 200);
});

test('a payout that no proof shows needs a person however many went out since', async () => {
  const { id: worker } = await pool.enrol('doubtful');
  // As a chain leaves it that tells nothing of a transfer, and 250 more payouts after it.
  await scratch.database.query(sql`
    with plan as (
      insert into payout_plan (digest, plan, previewed_at, run_at)
      values (sha256('{"doubt":1}'), '{"doubt":1}', now(), now()) returning digest),
    batch as (
      insert into payout_batch (id, digest, place, method, asset, created_at, settled_at)
      select gen_random_uuid(), digest, n, 'fiat', 'ETH', now(), case when n > 25 then now() end
      from plan, generate_series(1, 275) as n returning id, place),
    payout as (
      insert into payout (id, batch, place, worker, asset, amount, state, reason, reference,
        created_at, ended_at)
      select gen_random_uuid(), id, 0, ${worker}, 'ETH', 1000 + place,
        case when place > 25 then 'failed' else 'unproven' end,
        case when place > 25 then 'refused_by_bank' end, 'doubt ' || place,
        now() - interval '1 hour' + place * interval '1 second', case when place > 25 then now() end
      from batch returning id, amount)
    insert into payout_line (payout, owed_asset, owed_amount) select id, 'ETH', amount from payout`);
  type Items = { items: { kind: string; text: string; page: string }[] };
  let found: Items['items'] = [];
  await eventually('they are counted', async () => {
    const { items } = await pool.admin<Items>('GET', '/api/v1/operator/attention');
    found = items.filter(({ kind }) => kind === 'payout');
    return found.length > 0;
  });
  assert.equal(found.length, 21, 'twenty, and what is said of the rest');
  assert.equal(found.at(-1)?.text, 'Of 5 more no proof shows whether they moved.');
  const viewer = await byLink(pool, 'operators/viewer');
  const page = await ask(
    pool,
    viewer,
    { method: 'GET', path: '/operator/payouts' },
    { at: 'admin' },
  );
  for (const { page: path } of found) {
    assert.ok(page.text.includes(`id="${path.split('#')[1]}"`), path);
  }
  assert.ok(page.text.includes('doubt 1<') && page.text.includes('doubt 25<'));
  assert.ok(page.text.includes('doubt 275<'), 'the last one stands among the last');
});
