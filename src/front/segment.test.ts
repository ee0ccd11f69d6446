import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { systemClock } from '../base/clock.ts';
import { secureRandom } from '../base/ids.ts';
import { keccak256 } from '../base/keccak.ts';
import { quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { frame } from '../http/grpc-client.ts';
import { answerOf, startListener } from '../http/test-listener.ts';
import { bitsOf, DEFAULT_BITS } from '../protocol/capabilities.ts';
import { OrchestratorRequestSchema, PaymentSchema } from '../protocol/gen/lp_rpc_pb.ts';
import { presets } from '../protocol/profile-presets.ts';
import { encodeSegment, flatten, type Segment } from '../protocol/segment.ts';
import { addressOf, checksumAddress, keySigner, recover } from '../protocol/signature.ts';
import { createFront } from './front.ts';
import { createFrontMetrics } from './metrics.ts';
import type { FrontParts } from './parts.ts';
import { createSignatures, offchainSigning } from './signatures.ts';
import { createStreams } from './streams.ts';

/** The next check after the signature's that a segment without token fails. */
const SIGNATURE_HELD = 'missing auth token';

const key = secureRandom(32);
const gateway = keySigner(key);

/** The front of a pool with an account: only what is looked at before a token is. */
async function startFront(t: TestContext) {
  const parts = {
    clock: systemClock,
    log: quiet,
    metrics: createFrontMetrics(createMetrics()),
    serviceUri: 'https://pool.invalid:8935',
    signing: { ...offchainSigning, address: secureRandom(20) },
    signatures: createSignatures({
      recoverBatch: async (items) => items.map(({ digest, sig }) => recover(digest, sig)),
    }),
    payments: undefined,
    discovery: undefined,
    authSecrets: () => [{ version: 1, key: secureRandom(32) }],
    dispatch: {
      bits: () => DEFAULT_BITS,
      hasCapacity: () => true,
      summary: () => ({ sessions: 0, connections: 1 }),
    },
    streams: createStreams(systemClock),
    sessionsMax: undefined,
    tracing: undefined,
    draining: () => false,
  };
  return startListener(t, createFront(parts as unknown as FrontParts));
}

function signed(changes: Partial<Segment> = {}): Segment {
  const segment: Segment = {
    manifestId: Buffer.from('stream'),
    seq: 7n,
    hash: keccak256(Buffer.from('bytes')),
    profiles: [presets.P240p30fps16x9, presets.P144p30fps16x9],
    sig: new Uint8Array(0),
    durationMs: 2_000,
    caps: { bits: bitsOf('AuthToken', 'H264', 'MPEGTS'), words: 1, minVersion: '' },
    calcPerceptualHash: false,
    forceSessionReinit: false,
    ...changes,
  };
  return { ...segment, sig: gateway.sign(flatten(segment)) };
}

const payment = Buffer.from(
  toBinary(PaymentSchema, create(PaymentSchema, { sender: addressOf(key) })),
).toString('base64');

test('what a gateway signed cannot be changed, and what it did not sign can', async (t) => {
  const { h2 } = await startFront(t);
  const session = h2();
  const textOf = async (segment: Segment, paid = payment) => {
    const headers = {
      ':method': 'POST',
      ':path': '/segment',
      'livepeer-segment': encodeSegment(segment),
      'livepeer-payment': paid,
    };
    const { status, body } = await answerOf(session.request(headers));
    assert.equal(status, 403);
    return body.toString().trim();
  };
  const segment = signed();
  const [first = presets.P240p30fps16x9, second = first] = segment.profiles;
  assert.equal(await textOf(segment), SIGNATURE_HELD);

  const tampered: readonly Segment[] = [
    { ...segment, hash: keccak256(Buffer.from('others')) },
    { ...segment, seq: 8n },
    { ...segment, manifestId: Buffer.from('streams') },
    { ...segment, profiles: [{ ...first, name: 'other' }, second] },
    { ...segment, profiles: [second, first] },
    { ...segment, profiles: [first] },
    { ...segment, sig: new Uint8Array(0) },
    { ...segment, sig: segment.sig.subarray(0, 64) },
    { ...segment, sig: Buffer.from(segment.sig).fill(29, 64) },
    { ...segment, sig: keySigner(secureRandom(32)).sign(flatten(segment)) },
  ];
  for (const other of tampered) assert.equal(await textOf(other), 'ErrSegSig');
  assert.equal(await textOf(segment, ''), 'ErrSegSig', 'no payment names no sender');

  const free: readonly Segment[] = [
    { ...segment, durationMs: 4_000 },
    { ...segment, profiles: [{ ...first, bitrate: 1 }, second] },
    { ...segment, calcPerceptualHash: true },
  ];
  for (const other of free) assert.equal(await textOf(other), SIGNATURE_HELD);
});

test('a signature is looked at before capabilities and token', async (t) => {
  const { h2 } = await startFront(t);
  const caps = { bits: bitsOf('HEVCEncode'), words: 1, minVersion: '' };
  const segment = { ...signed({ caps }), seq: 8n };
  const headers = { ':method': 'POST', ':path': '/segment' };
  const answer = await answerOf(
    h2().request({ ...headers, 'livepeer-segment': encodeSegment(segment) }),
  );
  assert.equal(`${answer.status} ${answer.body}`, '403 ErrSegSig\n');
});

test('a gateway without a signature over its own address gets no session', async (t) => {
  const { h2 } = await startFront(t);
  const session = h2();
  const call = async (address: Uint8Array, sig: Uint8Array) => {
    const request = create(OrchestratorRequestSchema, { address, sig });
    const stream = session.request({
      ':method': 'POST',
      ':path': '/net.Orchestrator/GetOrchestrator',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.end(frame(toBinary(OrchestratorRequestSchema, request)));
    const { headers, trailers } = await answerOf(stream);
    return { ...headers, ...trailers };
  };
  const address = addressOf(key);
  const sig = gateway.sign(Buffer.from(checksumAddress(address)));
  assert.equal((await call(address, sig))['grpc-status'], '0');

  const refused = await call(address, keySigner(secureRandom(32)).sign(Buffer.from('x')));
  assert.equal(refused['grpc-status'], '2');
  assert.equal(
    refused['grpc-message'],
    'Invalid orchestrator request: orchestrator req sig check failed',
  );
  for (const other of [new Uint8Array(20), new Uint8Array(0), Buffer.alloc(20, 9)]) {
    assert.equal((await call(other, sig))['grpc-status'], '2');
  }
});
