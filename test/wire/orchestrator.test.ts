import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_BITS, fromBitstring, versionAtLeast } from '../../src/protocol/capabilities.ts';
import { startTestPool } from '../start-pool.ts';
import { startPoolWithWorker } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';
import { framed } from '../stock-transcoder.ts';

test('a gateway learns address, capabilities and a fresh session each time', async (t) => {
  const { gateway, pool } = await startPoolWithWorker(t);
  const first = await gateway.session();
  const second = await gateway.session();

  assert.equal(first.transcoder, pool.serviceUri);
  assert.match(first.transcoder, /:\d+$/, 'stock gateways cannot dial a URI without a port');
  assert.equal(fromBitstring(first.capabilities?.bitstring ?? []) & DEFAULT_BITS, DEFAULT_BITS);
  assert.ok(versionAtLeast(first.capabilities?.version ?? '', '0.9.1'));
  assert.notEqual(first.authToken?.sessionId, second.authToken?.sessionId);
  assert.deepEqual([...first.address], Array(20).fill(0));
});

test('a pool without workers says OrchestratorCapped in the words gateways know', async (t) => {
  const pool = await startTestPool(t);
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());

  const reply = await gateway.getOrchestrator();

  assert.deepEqual(reply, {
    ok: false,
    code: 2,
    text: 'Invalid orchestrator request: OrchestratorCapped',
  });
});

test('Ping signs nothing that could be worth something elsewhere', async (t) => {
  const { gateway } = await startPoolWithWorker(t);
  assert.equal((await gateway.ping(Buffer.from('hello'))).ok, true);
  for (const bytes of [0, 32, 42, 64, 96, 232, 300]) {
    assert.equal((await gateway.ping(new Uint8Array(bytes))).ok, false, `${bytes} bytes`);
  }
});

test('a session is ended by its token and by nothing else', async (t) => {
  const { gateway } = await startPoolWithWorker(t);
  const { authToken } = await gateway.session();
  assert.ok(authToken);

  assert.deepEqual(await gateway.endSession({ ...authToken, token: new Uint8Array(32) }), {
    ok: false,
    code: 2,
    text: 'Invalid auth token',
  });
  assert.equal((await gateway.endSession(undefined)).ok, false, 'an absent token is no crash');
  assert.equal((await gateway.endSession(authToken)).ok, true, 'an unknown session is fine');
});

test('a damaged call gets a gRPC status, and the next call works', async (t) => {
  const { gateway } = await startPoolWithWorker(t);
  const call = (path: string, body: Buffer) =>
    gateway.raw({ ':path': path, 'content-type': 'application/grpc', te: 'trailers' }, body);

  const garbage = framed(Buffer.from('ffffffffff', 'hex'));
  assert.equal(
    (await call('/net.Orchestrator/GetOrchestrator', garbage)).trailers['grpc-status'],
    '13',
  );
  const compressed = Buffer.from('0100000000', 'hex');
  assert.equal((await call('/net.Orchestrator/Ping', compressed)).trailers['grpc-status'], '12');
  assert.equal(
    (await call('/net.Orchestrator/Nope', framed(Buffer.alloc(0)))).trailers['grpc-status'],
    '12',
  );
  const short = Buffer.from('00000000ff00', 'hex');
  assert.equal((await call('/net.Orchestrator/Ping', short)).trailers['grpc-status'], '13');

  assert.equal((await gateway.getOrchestrator()).ok, true);
});
