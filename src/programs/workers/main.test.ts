import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { adminFiles } from '../../base/data-dir.ts';
import { TributaryError } from '../../base/errors.ts';
import type { Io } from '../../base/terminal.ts';
import { run } from './main.ts';

const ENROLMENT = {
  id: 'abcdefghij',
  name: 'kiln-2',
  credential: 'trib_abcdefghij_secret',
  join: 'tributary://pool.example:8935/pin/trib_abcdefghij_secret',
};

test('add prints the credential once, with the words to join by', async (t) => {
  const pool = await startPool(t, () => ({ status: 201, body: ENROLMENT }));
  const { code, out } = await command(['add', 'kiln-2', '--data-dir', pool.dataDir]);
  assert.equal(code, 0);
  assert.match(out, /kiln-2 is enrolled \(abcdefghij\)/);
  assert.match(out, /tributary worker join tributary:\/\/pool.example:8935\/pin\/trib_/);
  assert.match(out, /livepeer -transcoder -orchAddr pool.example:8935 -orchSecret trib_/);
  assert.deepEqual(pool.asked, [
    { line: 'POST /api/v1/workers', token: 'Bearer the-token', body: '{"name":"kiln-2"}' },
  ]);
});

test('add --json prints the one object and nothing else', async (t) => {
  const pool = await startPool(t, () => ({ status: 201, body: { ...ENROLMENT, more: 1 } }));
  const { out } = await command(['add', 'kiln-2', '--json', '--data-dir', pool.dataDir]);
  assert.equal(out, `${JSON.stringify(ENROLMENT)}\n`);
});

test('the address and the token can be given instead of the data directory', async (t) => {
  const pool = await startPool(t, () => ({ status: 200, body: { workers: [] } }));
  const env = { TRIBUTARY_ADMIN_TOKEN: 'another' };
  const { out } = await command(['list', '--admin-url', pool.url], env);
  assert.match(out, /No worker is enrolled yet/);
  assert.equal(pool.asked[0]?.token, 'Bearer another');
});

test('the list says each state in words and fits 80 columns', async (t) => {
  const row = { id: 'abcdefghij', connections: 1, sessions: 0, capacity: 8, segments: 2310 };
  const workers = [
    { ...row, name: 'home-3090', state: 'active', sessions: 3, failures: 1, pixels: '1240000000' },
    { ...row, name: 'office-4070', state: 'active' },
    { ...row, name: 'kiln-1', state: 'paused' },
    { ...row, name: 'kiln-2', state: 'active', connections: 0 },
    { ...row, name: 'kiln-3', state: 'active', status: 'Quarantined until 14:05: too late' },
  ];
  const pool = await startPool(t, () => ({ status: 200, body: { workers } }));
  const { out } = await command(['list', '--data-dir', pool.dataDir]);
  assert.match(out, /^5 workers, 4 connected, 1 working\n/);
  assert.match(out, /home-3090 +Working +3 of 8 +2,310 +1 +1.24 Gpx/);
  assert.match(out, /office-4070 +Idle: no demand/);
  assert.match(out, /kiln-1 +Paused/);
  assert.match(out, /kiln-2 +Not connected/);
  assert.match(out, /kiln-3 +Quarantined/);
  for (const line of out.split('\n')) assert.ok(line.length <= 80, line);
});

test('pause asks the pool and says what happened and what next', async (t) => {
  const pool = await startPool(t, () => ({ status: 200, body: {} }));
  const { out } = await command(['pause', 'kiln-2', '--data-dir', pool.dataDir]);
  assert.equal(pool.asked[0]?.line, 'POST /api/v1/workers/kiln-2/pause');
  assert.match(out, /kiln-2 is paused: it gets no new sessions.*resume kiln-2/);
});

test('a name cannot leave its place in the path', async (t) => {
  const pool = await startPool(t, () => ({ status: 200, body: {} }));
  await command(['revoke', '../../x?y', '--data-dir', pool.dataDir]);
  assert.equal(pool.asked[0]?.line, 'POST /api/v1/workers/..%2F..%2Fx%3Fy/revoke');
});

test('a refusal keeps its code and its words', async (t) => {
  const refusal = { code: 'worker_name_taken', title: 'No.', detail: 'kiln-2 exists' };
  const pool = await startPool(t, () => ({ status: 409, body: refusal }));
  await assert.rejects(command(['add', 'kiln-2', '--data-dir', pool.dataDir]), (error) => {
    assert.ok(error instanceof TributaryError);
    assert.equal(error.code, 'worker_name_taken');
    assert.equal(error.message, 'kiln-2 exists');
    return true;
  });
});

test('no pool, no data directory, no token: each says so', async (t) => {
  const pool = await startPool(t, () => ({ status: 200, body: {} }));
  await refusedWith('setting_missing', ['list']);
  await refusedWith('admin_unreachable', ['list', '--data-dir', '/nonexistent']);
  writeFileSync(adminFiles(pool.dataDir).address, '{"url":"http://127.0.0.1:1"}');
  await refusedWith('admin_unreachable', ['list', '--data-dir', pool.dataDir]);
  writeFileSync(adminFiles(pool.dataDir).token, 'two words');
  await refusedWith('admin_unauthorized', ['list', '--data-dir', pool.dataDir]);
  rmSync(adminFiles(pool.dataDir).token);
  await refusedWith('admin_unauthorized', ['list', '--data-dir', pool.dataDir]);
});

test('something else that answers there is not taken for a pool', async (t) => {
  const pool = await startPool(t, () => ({ status: 200, body: 'hello' }));
  await refusedWith('admin_refused', ['list', '--data-dir', pool.dataDir]);
});

async function refusedWith(code: string, args: readonly string[]): Promise<void> {
  await assert.rejects(command(args), { code });
}

async function command(args: readonly string[], env: Io['env'] = {}) {
  let out = '';
  const io: Io = {
    stdout: {
      write: (text) => {
        out += text;
      },
    },
    stderr: { write: () => {} },
    env,
    isTty: false,
    columns: 80,
  };
  const code = await run(args, io);
  return { code, out };
}

async function startPool(t: TestContext, answer: () => { status: number; body: unknown }) {
  const asked: { line: string; token: string | undefined; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const token = request.headers.authorization;
    asked.push({ line: `${request.method} ${request.url}`, token, body });
    const { status, body: value } = answer();
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dataDir = mkdtempSync(join(tmpdir(), 'tributary-workers-'));
  writeFileSync(adminFiles(dataDir).address, JSON.stringify({ url }));
  writeFileSync(adminFiles(dataDir).token, 'the-token\n', { mode: 0o600 });
  t.after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(dataDir, { recursive: true });
  });
  return { url, dataDir, asked };
}
