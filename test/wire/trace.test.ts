import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { keccak256 } from '../../src/base/keccak.ts';
import {
  compatible,
  numbersOf,
  readCapabilities,
  SOFTWARE_BITS,
  writeCapabilities,
} from '../../src/protocol/capabilities.ts';
import {
  CapabilitiesSchema,
  NotifySegmentSchema,
  OrchestratorInfoSchema,
  OrchestratorRequestSchema,
  PaymentSchema,
  PingPongSchema,
  RegisterRequestSchema,
  SegDataSchema,
  TranscodeResultSchema,
} from '../../src/protocol/gen/lp_rpc_pb.ts';
import { createMultipartReader, type PartHeaders } from '../../src/protocol/multipart.ts';
import { decodePayment, type Payment } from '../../src/protocol/payment.ts';
import { presets } from '../../src/protocol/profile-presets.ts';
import { resultPost } from '../../src/protocol/result-post.ts';
import { decodeSegment, encodeSegment, flatten } from '../../src/protocol/segment.ts';
import {
  checksumAddress,
  orchestratorRequestSigned,
  personalDigest,
  recover,
  signedBy,
} from '../../src/protocol/signature.ts';
import { readNotification, taskMessage, teardownMessage } from '../../src/protocol/task.ts';
import {
  decodeTranscodeResult,
  encodeTranscodeResult,
} from '../../src/protocol/transcode-result.ts';
import { sortMaps } from '../fixtures/protobuf-fields.ts';

interface Body {
  readonly base64?: string;
  readonly totalBytes?: number;
  readonly firstBytesBase64?: string;
}
interface Exchange {
  readonly path: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly requestBody: Body | null;
  readonly responseBody: Body | null;
  readonly pushedMessages?: readonly string[];
}
interface Trace {
  readonly orchestratorAddress: string;
  readonly gatewayAddress: string;
  readonly segmentKeccak256: string;
  readonly exchanges: readonly Exchange[];
}

const trace = JSON.parse(
  readFileSync(new URL('../fixtures/wire-trace.json', import.meta.url), 'utf8'),
) as Trace;

const at = (path: string) => trace.exchanges.filter((exchange) => exchange.path.endsWith(path));
const bytesOf = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64');
/** Without the 5-byte head of a gRPC frame. */
const framed = (base64: string | undefined) => bytesOf(base64).subarray(5);
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const address = (text: string) => Buffer.from(text.slice(2), 'hex');
const gateway = address(trace.gatewayAddress);
const orchestrator = address(trace.orchestratorAddress);

/** Decoded and encoded again; equal but for the order of map entries, which Go randomizes. */
function assertSame(schema: DescMessage, ours: Uint8Array, recorded: Uint8Array): void {
  assert.equal(hexOf(sortMaps(schema, ours)), hexOf(sortMaps(schema, recorded)));
}

const messages: [string, DescMessage, Uint8Array][] = [
  ...at('/Ping').flatMap((exchange): [string, DescMessage, Uint8Array][] => [
    ['ping', PingPongSchema, framed(exchange.requestBody?.base64)],
    ['pong', PingPongSchema, framed(exchange.responseBody?.base64)],
  ]),
  ...at('/GetOrchestrator').flatMap((exchange): [string, DescMessage, Uint8Array][] => [
    ['request', OrchestratorRequestSchema, framed(exchange.requestBody?.base64)],
    ['info', OrchestratorInfoSchema, framed(exchange.responseBody?.base64)],
  ]),
  ...at('/RegisterTranscoder').flatMap((exchange): [string, DescMessage, Uint8Array][] => [
    ['registration', RegisterRequestSchema, framed(exchange.requestBody?.base64)],
    ...(exchange.pushedMessages ?? []).map((pushed): [string, DescMessage, Uint8Array] => [
      'task',
      NotifySegmentSchema,
      framed(pushed),
    ]),
  ]),
  ...at('/segment').flatMap(({ requestHeaders }): [string, DescMessage, Uint8Array][] => [
    ['segment', SegDataSchema, bytesOf(requestHeaders['livepeer-segment'])],
    ['payment', PaymentSchema, bytesOf(requestHeaders['livepeer-payment'])],
  ]),
];

test('every recorded message is decoded and encoded again to the same bytes', () => {
  assert.equal(messages.length, 2 + 6 + 7 + 4);
  for (const [name, schema, bytes] of messages) {
    assert.ok(bytes.length > 0, name);
    const message = fromBinary(schema, bytes, { readUnknownFields: false });
    assertSame(schema, toBinary(schema, message), bytes);
  }
});

test('replies to /segment are encoded again to the same bytes, the result after the info', () => {
  for (const { responseBody } of at('/segment')) {
    const bytes = bytesOf(responseBody?.base64);
    const outcome = decodeTranscodeResult(bytes);
    assert.ok(outcome.ok);
    assert.equal(outcome.result.result.kind, 'done');
    const ours = encodeTranscodeResult(outcome.result);
    assertSame(TranscodeResultSchema, ours, bytes);
  }
});

test('segment headers come back to the byte, and name what was sent', () => {
  const [first, second] = at('/segment').map(({ requestHeaders }) => {
    const header = requestHeaders['livepeer-segment'] ?? '';
    const outcome = decodeSegment(header);
    assert.ok(outcome.ok);
    assert.equal(encodeSegment(outcome.segment), header);
    return outcome.segment;
  });
  assert.equal(Buffer.from(first?.manifestId ?? []).toString(), 'paid3');
  assert.equal(`0x${hexOf(first?.hash ?? new Uint8Array())}`, trace.segmentKeccak256);
  assert.deepEqual([first?.seq, second?.seq], [0n, 1n]);
  assert.deepEqual(first?.profiles, [presets.P240p30fps16x9, presets.P360p30fps16x9]);
  assert.deepEqual(numbersOf(first?.caps.bits ?? 0n), [0, 1, 12, 26]);
  assert.equal(first?.authToken?.sessionId, '9873f856');
});

test('tasks and the teardown are made again to the byte from what they mean', () => {
  const pushed = at('/RegisterTranscoder')[0]?.pushedMessages ?? [];
  const kinds = pushed.map((base64) => {
    const bytes = framed(base64);
    const notification = readNotification(fromBinary(NotifySegmentSchema, bytes));
    assert.notEqual(notification.kind, 'refused');
    if (notification.kind === 'refused') return 'refused';
    const message =
      notification.kind === 'task'
        ? taskMessage(notification.task)
        : teardownMessage(notification.sessionId);
    assertSame(NotifySegmentSchema, toBinary(NotifySegmentSchema, message), bytes);
    return notification.kind === 'task' ? notification.task.taskId : notification.kind;
  });
  assert.deepEqual(kinds, [0n, 1n, 2n, 3n, 4n, 'teardown']);
});

test('the registration of a stock transcoder reads as software mode and is written the same', () => {
  const bytes = framed(at('/RegisterTranscoder')[0]?.requestBody?.base64);
  const { capabilities, capacity, secret } = fromBinary(RegisterRequestSchema, bytes);
  assert.deepEqual([capacity, secret], [4n, 's3cret']);
  const read = readCapabilities(capabilities);
  assert.equal(read.bits, SOFTWARE_BITS);
  assert.ok([...read.capacities.values()].every((count) => count === 1));
  const ours = writeCapabilities({
    bits: read.bits,
    version: read.version,
    capacities: 'one_each',
  });
  assert.ok(capabilities);
  assertSame(
    CapabilitiesSchema,
    toBinary(CapabilitiesSchema, ours),
    toBinary(CapabilitiesSchema, capabilities),
  );
  const job = decodeSegment(at('/segment')[0]?.requestHeaders['livepeer-segment'] ?? '');
  assert.ok(job.ok && compatible(job.segment.caps, read));
});

test('the three GetOrchestrator requests carry one and the same signature of the gateway', () => {
  const signatures = at('/GetOrchestrator').map(({ requestBody }) => {
    const request = fromBinary(OrchestratorRequestSchema, framed(requestBody?.base64));
    assert.equal(checksumAddress(request.address), trace.gatewayAddress);
    assert.ok(orchestratorRequestSigned(request.address, request.sig));
    return hexOf(request.sig);
  });
  assert.equal(signatures.length, 3);
  assert.equal(new Set(signatures).size, 1);
});

test('the pong is signed by the orchestrator', () => {
  const [exchange] = at('/Ping');
  const ping = fromBinary(PingPongSchema, framed(exchange?.requestBody?.base64));
  const pong = fromBinary(PingPongSchema, framed(exchange?.responseBody?.base64));
  assert.ok(signedBy(orchestrator, ping.value, pong.value));
});

test('both segments and both tickets are signed by the gateway', () => {
  for (const { requestHeaders } of at('/segment')) {
    const outcome = decodeSegment(requestHeaders['livepeer-segment'] ?? '');
    assert.ok(outcome.ok);
    const flat = flatten(outcome.segment);
    assert.equal(flat.length, 85);
    const signer = recover(personalDigest(keccak256(flat)), outcome.segment.sig);
    assert.deepEqual(Buffer.from(signer ?? []), gateway);

    const payment = decodePayment(requestHeaders['livepeer-payment']);
    assert.ok(payment.ok);
    assert.deepEqual(Buffer.from(payment.payment.sender), gateway);
    assert.deepEqual(payment.payment.expectedPrice, { pricePerUnit: 1010n, pixelsPerUnit: 1n });
    const tickets = ticketMessages(payment.payment);
    assert.equal(tickets.length, 1);
    for (const { packed, sig } of tickets) {
      assert.equal(packed.length, 232);
      assert.ok(signedBy(gateway, packed, sig));
    }
  }
});

/** The packed fields of each ticket of a payment, widths as the contract has them. */
function ticketMessages(payment: Payment) {
  const { ticketParams: params, expiration, sender } = payment;
  assert.ok(params && expiration);
  const word = (bytes: Uint8Array) => Buffer.concat([Buffer.alloc(32 - bytes.length), bytes]);
  const number = (value: bigint) => word(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'));
  return payment.tickets.map(({ nonce, sig }) => ({
    sig,
    packed: Buffer.concat([
      params.recipient,
      sender,
      word(params.faceValue),
      word(params.winProb),
      number(BigInt(nonce)),
      params.recipientRandHash,
      number(expiration.creationRound),
      expiration.creationRoundBlockHash,
    ]),
  }));
}

test('results are posted with the headers, the part heads and the length of the stock post', async () => {
  for (const { requestHeaders, requestBody } of at('/transcodeResults')) {
    const recorded = bytesOf(requestBody?.firstBytesBase64);
    const boundary = requestHeaders['content-type']?.split('boundary=')[1] ?? '';
    const heard: PartHeaders[] = [];
    const limits = { partsMax: 1, headerBytesMax: 200, partBytesMax: 1e6 };
    createMultipartReader(boundary, limits, (headers) => {
      heard.push(headers);
      return undefined;
    }).push(recorded);
    const [part = {}] = heard;
    assert.deepEqual(Object.keys(part), ['content-length', 'content-type', 'pixels']);

    const firstBytes = Number(part['content-length']);
    const pixels = BigInt(part.pixels ?? 0);
    assert.equal(pixels, 426n * 240n * 60n);
    // The second part is cut off in the recording: its size follows from the whole.
    const heads = (second: number) =>
      resultPost(
        { credential: 's3cret', taskId: BigInt(requestHeaders.taskid ?? -1) },
        [
          { format: 'mpegts', pixels, bytes: [Buffer.alloc(firstBytes)] },
          { format: 'mpegts', pixels: 640n * 360n * 60n, bytes: [Buffer.alloc(second)] },
        ],
        55_296_000n,
      );
    const guess = heads(100_000);
    assert.ok('chunks' in guess.body);
    const total = requestBody?.totalBytes ?? 0;
    const ours = heads(100_000 + total - guess.body.length);
    assert.ok('chunks' in ours.body);
    assert.equal(ours.body.length, total);

    const head = Buffer.from(ours.body.chunks[0] ?? []).toString('latin1');
    const theirs = recorded.toString('latin1', 0, head.length);
    assert.equal(head.replaceAll(ours.body.boundary, boundary), theirs);
    for (const [name, value] of Object.entries(ours.headers)) {
      const sent: string = value.replace(ours.body.boundary, boundary);
      assert.equal(sent, requestHeaders[name.toLowerCase()], name);
    }
  }
});
