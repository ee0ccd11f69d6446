import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { SOFTWARE_BITS, writeCapabilities } from '../../src/protocol/capabilities.ts';
import {
  EndTranscodingSessionRequestSchema,
  OrchestratorRequestSchema,
  PingPongSchema,
  RegisterRequestSchema,
} from '../../src/protocol/gen/lp_rpc_pb.ts';
import { eventually } from '../eventually.ts';
import { damaged } from '../fixtures/protobuf-mutations.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { memoryOf, memoryReturns } from '../pool-memory.ts';
import { startPoolWithWorker } from '../start-pool-with-worker.ts';
import { framed } from '../stock-transcoder.ts';
import { createFaultLog } from './faults.ts';
import { type GrpcReply, openCall } from './open-call.ts';

const RUNS = { numRuns: 150 };
/** Everything but CANCELLED, after which a stock transcoder would not come back. */
const CODES = new Set(['0', '2', '3', '4', '8', '12', '13', '14']);

const log = createFaultLog();
const { pool, gateway } = await startPoolWithWorker({ after }, [], { log });
/** Registrations of the tests come from a worker that gets no work. */
const idle = await pool.enrol();
await pool.admin('POST', `/api/v1/workers/${idle.id}/pause`);
const { authToken } = await gateway.session();
const calls = openCall(pool.port);
after(() => calls.close());

const capabilities = writeCapabilities({
  bits: SOFTWARE_BITS,
  capacities: 'one_each',
  version: '0.9.1',
  minVersion: '0.9.0',
});
const rpcs: Readonly<Record<string, readonly Uint8Array[]>> = {
  '/net.Orchestrator/GetOrchestrator': [
    toBinary(
      OrchestratorRequestSchema,
      create(OrchestratorRequestSchema, {
        address: new Uint8Array(20),
        sig: new Uint8Array(65),
        capabilities,
        ignoreCapacityCheck: true,
      }),
    ),
  ],
  '/net.Orchestrator/EndTranscodingSession': [
    toBinary(
      EndTranscodingSessionRequestSchema,
      create(EndTranscodingSessionRequestSchema, authToken ? { authToken } : {}),
    ),
  ],
  '/net.Orchestrator/Ping': [
    toBinary(PingPongSchema, create(PingPongSchema, { value: Buffer.from('ping') })),
  ],
  '/net.Transcoder/RegisterTranscoder': [
    toBinary(
      RegisterRequestSchema,
      create(RegisterRequestSchema, { secret: idle.credential, capacity: 3n, capabilities }),
    ),
  ],
};

function assertAnswered(reply: GrpcReply): void {
  assert.equal(reply.status, 200);
  if (reply.code !== undefined) {
    assert.ok(CODES.has(reply.code), `status ${reply.code}`);
    assert.ok((reply.text ?? '').length < 200, reply.text);
  }
  assert.ok(reply.bytes < 64 * 1024, `${reply.bytes} bytes`);
}

async function assertWell(before: number): Promise<void> {
  assert.deepEqual(log.faults, []);
  await eventually('no registration is left', async () => {
    const path = `/api/v1/workers/${idle.id}`;
    return (await pool.admin<{ connections: number }>('GET', path)).connections === 0;
  });
  await memoryReturns(pool, before);
  const info = await gateway.session();
  const reply = await gateway.submit(info, await stampedSource());
  assert.equal(reply.result?.result.kind, 'done');
  await gateway.endSession(info.authToken);
}

for (const [path, messages] of Object.entries(rpcs)) {
  test(`${path} answers damaged messages, and the pool goes on`, async () => {
    const before = await memoryOf(pool);
    await fc.assert(
      fc.asyncProperty(damaged(messages), async (message) => {
        assertAnswered(await calls.call(path, framed(message)));
      }),
      RUNS,
    );
    await assertWell(before);
  });
}

test('frames of every kind are answered too', async () => {
  const before = await memoryOf(pool);
  const [path = '', [message = new Uint8Array(0)] = []] = Object.entries(rpcs)[0] ?? [];
  const good = framed(message);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.nat(good.length).map((length) => good.subarray(0, length)),
    fc.tuple(fc.nat(4), fc.nat(255)).map(([at, value]) => {
      const changed = Buffer.from(good);
      changed[at] = value;
      return changed;
    }),
    fc.integer({ min: 2, max: 5 }).map((times) => Buffer.concat(Array(times).fill(good))),
  );
  await fc.assert(
    fc.asyncProperty(bytes, fc.constantFrom(...Object.keys(rpcs), `${path}x`), async (body, to) => {
      assertAnswered(await calls.call(to, Buffer.from(body)));
    }),
    RUNS,
  );
  await assertWell(before);
});

test('headers of calls may hold anything', async () => {
  const before = await memoryOf(pool);
  const value = fc.oneof(
    fc.constantFrom('', '1S', '0n', '-1S', '99999999H', '1e3S', 'gzip', 'identity', '%', 'é'),
    fc.string({ maxLength: 2_000, unit: fc.constantFrom(...'abc /;=%"\\,0123456789') }),
  );
  const name = fc.constantFrom('grpc-timeout', 'grpc-encoding', 'te', 'user-agent', 'x-odd');
  const type = fc.constantFrom(
    'application/grpc',
    'application/grpc+proto',
    'application/grpc; charset=utf-8',
    'application/grpc+json',
    'application/grpcx',
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 4 }), type, async (headers, kind) => {
      const sent = { ...headers, te: 'trailers', 'content-type': kind };
      const reply = await calls.call('/net.Orchestrator/Ping', framed(Buffer.alloc(0)), sent);
      assert.ok(reply.status === 200 || reply.status === 415, String(reply.status));
    }),
    RUNS,
  );
  await assertWell(before);
});
