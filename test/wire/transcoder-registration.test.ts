import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { create, toBinary } from '@bufbuild/protobuf';
import { SOFTWARE_BITS, VIDEO_BITS } from '../../src/protocol/capabilities.ts';
import {
  CapabilitiesSchema,
  type RegisterRequest,
  RegisterRequestSchema,
} from '../../src/protocol/gen/lp_rpc_pb.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { workerFigures } from '../pool-figures.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';
import { type StockOptions, startStockTranscoder } from '../stock-transcoder.ts';
import { createTravellingClock } from '../travelling-clock.ts';

const clock = createTravellingClock();
const pool = await startTestPool({ after }, [], { clock });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());

const trace = JSON.parse(
  readFileSync(new URL('../fixtures/wire-trace.json', import.meta.url), 'utf8'),
) as { exchanges: { path: string; requestBody: { base64: string } }[] };

/** The recorded registration of a stock transcoder, with another secret in it. */
function recordedRegistration(secret: string): Uint8Array {
  const recorded = trace.exchanges.find(({ path }) => path.endsWith('/RegisterTranscoder'));
  const message = Buffer.from(recorded?.requestBody.base64 ?? '', 'base64').subarray(5);
  assert.equal(message.subarray(2, 8).toString(), 's3cret');
  const head = Buffer.from([0x0a, secret.length]);
  return Buffer.concat([head, Buffer.from(secret), message.subarray(8)]);
}

function start(t: { after(run: () => void): void }, options: Partial<StockOptions>) {
  const transcoder = startStockTranscoder({
    port: pool.port,
    credential: '',
    answer: goodAnswer,
    ...options,
  });
  t.after(() => transcoder.kill());
  return transcoder;
}

const registration = (fields: Partial<RegisterRequest>) =>
  toBinary(RegisterRequestSchema, create(RegisterRequestSchema, fields as never));

const gone = (id: string) =>
  eventually('the worker is gone', async () => (await workerFigures(pool, id)).connections === 0);

test('a stock transcoder registers with its recorded bytes and gets work', async (t) => {
  const enrolment = await pool.enrol();
  const { transcoder } = await joinStock(t, pool, {
    enrolment,
    request: recordedRegistration(enrolment.credential),
  });
  assert.equal((await workerFigures(pool, enrolment.id)).capacity, 4);
  const info = await gateway.session();
  const bits = BigInt.asUintN(64, info.capabilities?.bitstring[0] ?? 0n);
  assert.equal(bits & SOFTWARE_BITS & VIDEO_BITS, SOFTWARE_BITS & VIDEO_BITS);
  const reply = await gateway.submit(info, await stampedSource());
  assert.equal(reply.result?.result.kind, 'done');
  assert.equal(transcoder.tasks.length, 1);
  transcoder.kill();
  await gone(enrolment.id);
});

test('the port speaks HTTP/2 to who asks for it, under a certificate that vouches for nobody', async () => {
  const socket = connectTls({
    port: pool.port,
    host: '127.0.0.1',
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  assert.equal(socket.alpnProtocol, 'h2');
  assert.equal(socket.authorized, false);
  socket.destroy();
});

test('a wrong secret is told in the words that stop a stock transcoder for good', async (t) => {
  const { credential } = await pool.enrol();
  for (const secret of ['', 's3cret', `${credential}x`, credential.slice(0, -1), '\0', 'trib_']) {
    assert.deepEqual(await start(t, { credential: secret }).ended, {
      code: '2',
      message: 'invalid secret',
      rstCode: 0,
    });
  }
});

test('no capacity is told in the words that stop a stock transcoder for good', async (t) => {
  const { credential, id } = await pool.enrol();
  for (const capacity of [0n, -1n, -(2n ** 63n)]) {
    const request = registration({ secret: credential, capacity });
    assert.deepEqual(await start(t, { request }).ended, {
      code: '2',
      message: 'zero capacity',
      rstCode: 0,
    });
  }
  assert.equal((await workerFigures(pool, id)).connections, 0);
});

test('a boundless capacity is taken as a large one', async (t) => {
  const enrolment = await pool.enrol();
  const request = registration({ secret: enrolment.credential, capacity: 2n ** 63n - 1n });
  const { transcoder } = await joinStock(t, pool, { enrolment, request });
  assert.equal((await workerFigures(pool, enrolment.id)).capacity, 1_000);
  transcoder.kill();
  await gone(enrolment.id);
});

test('a transcoder that says nothing of its capabilities has the default ones', async (t) => {
  const enrolment = await pool.enrol();
  const request = registration({ secret: enrolment.credential, capacity: 1n });
  const { transcoder } = await joinStock(t, pool, { enrolment, request });
  const reply = await gateway.submit(await gateway.session(), await stampedSource(), {
    caps: { bits: 3n, words: 1, minVersion: '0.9.0' },
  });
  assert.equal(reply.result?.result.kind, 'done');
  transcoder.kill();
  await gone(enrolment.id);
});

test('capability numbers and bitstrings beyond all reason hurt nobody', async (t) => {
  const steady = await joinStock(t, pool);
  const bitstrings = [
    Array<bigint>(100_000).fill(2n ** 64n - 1n),
    [0n, 0n, 0n, 2n ** 63n],
    [] as bigint[],
  ];
  for (const bitstring of bitstrings) {
    const enrolment = await pool.enrol();
    const capabilities = create(CapabilitiesSchema, {
      bitstring,
      capacities: { 1000: 1, 4294967295: 2 ** 32 - 1, 0: 0 },
      version: 'v'.repeat(5_000),
    });
    const request = registration({ secret: enrolment.credential, capacity: 1n, capabilities });
    const { transcoder } = await joinStock(t, pool, { enrolment, request });
    const info = await gateway.session();
    assert.ok((info.capabilities?.bitstring.length ?? 0) <= 1, 'not passed on to gateways');
    transcoder.kill();
    await gone(enrolment.id);
  }
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done');
  steady.transcoder.kill();
  await gone(steady.enrolment.id);
});

test('a registration of 5 MB or of no protobuf is refused without stopping its sender for good', async (t) => {
  const { credential } = await pool.enrol();
  const big = registration({
    secret: credential,
    capacity: 1n,
    capabilities: create(CapabilitiesSchema, { version: 'x'.repeat(5 * 2 ** 20) }),
  });
  const cases: [Uint8Array, string][] = [
    [big, '8'],
    [Buffer.from('ffffffffff', 'hex'), '13'],
    [Buffer.from([0x0a, 0x7f, 0x41]), '13'],
  ];
  for (const [request, code] of cases) {
    const end = await start(t, { request }).ended;
    assert.equal(end.code, code);
    assert.notEqual(end.rstCode, 8);
    assert.doesNotMatch(end.message, /invalid secret|zero capacity/);
  }
});

test('a rig connects several processes under one credential, up to a limit', async (t) => {
  const enrolment = await pool.enrol();
  const rig = [];
  for (let i = 0; i < 32; i++) rig.push(start(t, { credential: enrolment.credential }));
  await Promise.all(rig.map(({ opened }) => opened));
  const figures = await workerFigures(pool, enrolment.id);
  assert.equal(figures.connections, 32);
  assert.equal(figures.capacity, 320);

  const oneTooMany = await start(t, { credential: enrolment.credential }).ended;
  assert.equal(oneTooMany.code, '14', 'it may come back later');
  assert.notEqual(oneTooMany.rstCode, 8);
  assert.equal((await workerFigures(pool, enrolment.id)).connections, 32);

  rig[0]?.kill();
  await eventually(
    'one has left',
    async () => (await workerFigures(pool, enrolment.id)).connections === 31,
  );
  const replacement = start(t, { credential: enrolment.credential });
  await replacement.opened;
  for (const transcoder of [...rig, replacement]) transcoder.kill();
  await gone(enrolment.id);
});

test('a connection that answers pings stays for as long as it likes', async (t) => {
  const { transcoder, enrolment } = await joinStock(t, pool);
  for (let seconds = 0; seconds < 300; seconds += 5) {
    const { pings } = transcoder;
    clock.leap(5_000);
    await eventually('the pool asked for a sign of life', () => transcoder.pings > pings);
    await transcoder.roundTrip();
  }
  assert.equal((await workerFigures(pool, enrolment.id)).connections, 1);
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done');
  transcoder.kill();
  await gone(enrolment.id);
});
