import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { instant } from '../../src/base/clock.ts';
import { verifyAuthToken } from '../../src/protocol/auth-token.ts';
import { compatible, DEFAULT_BITS, readCapabilities } from '../../src/protocol/capabilities.ts';
import {
  NotifySegmentSchema,
  OrchestratorRequestSchema,
  RegisterRequestSchema,
} from '../../src/protocol/gen/lp_rpc_pb.ts';
import { decodePayment } from '../../src/protocol/payment.ts';
import { decodeSegment, flatten, type Segment } from '../../src/protocol/segment.ts';
import { orchestratorRequestSigned } from '../../src/protocol/signature.ts';
import { readNotification, taskMessage } from '../../src/protocol/task.ts';
import {
  decodeTranscodeResult,
  encodeTranscodeResult,
} from '../../src/protocol/transcode-result.ts';
import { unusable } from '../../src/protocol/video-profile.ts';
import { damaged } from '../fixtures/protobuf-mutations.ts';
import { anySegment } from '../fixtures/segments.ts';

const RUNS = { numRuns: 2_000 };

interface Exchange {
  readonly path: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly requestBody: { readonly base64?: string } | null;
  readonly responseBody: { readonly base64?: string } | null;
  readonly pushedMessages?: readonly string[];
}
const { exchanges } = JSON.parse(
  readFileSync(new URL('../fixtures/wire-trace.json', import.meta.url), 'utf8'),
) as { exchanges: readonly Exchange[] };

const at = (path: string) => exchanges.filter((exchange) => exchange.path.endsWith(path));
const bytes = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64');
const framed = (base64: string | undefined) => bytes(base64).subarray(5);
const headers = (name: string) => at('/segment').map((e) => bytes(e.requestHeaders[name]));
const requests = (path: string) => at(path).map((e) => framed(e.requestBody?.base64));

/** Decodes as the RPC layer does; undefined when that already refuses. */
function decoded<D extends DescMessage>(
  schema: D,
  message: Uint8Array,
): MessageShape<D> | undefined {
  try {
    return fromBinary(schema, message);
  } catch {
    return undefined;
  }
}

/** What must hold of a segment, however it came to be one. */
function assertUsable(segment: Segment): void {
  assert.ok(segment.profiles.length >= 1 && segment.profiles.length <= 10);
  for (const profile of segment.profiles) assert.equal(unusable(profile), undefined);
  assert.ok(segment.durationMs > 0 && segment.durationMs <= 300_000);
  assert.equal(segment.hash.length, 32);
  assert.ok(segment.manifestId.length <= 1024);
  assert.ok(segment.caps.bits < 2n ** 1024n);
  flatten(segment);
  compatible(segment.caps, { bits: DEFAULT_BITS, version: '0.9.1' });
  verifyAuthToken([{ version: 1, key: Buffer.alloc(32) }], segment.authToken, instant(0));
}

test('a damaged segment header is a usable segment or a 403 with a text', () => {
  fc.assert(
    fc.property(damaged(headers('livepeer-segment')), (message) => {
      const outcome = decodeSegment(message.toString('base64'));
      if (outcome.ok) assertUsable(outcome.segment);
      else assert.ok(outcome.status === 403 && outcome.text.length > 0);
    }),
    RUNS,
  );
});

test('a damaged payment header is a payment or a 402 with a text', () => {
  fc.assert(
    fc.property(damaged(headers('livepeer-payment')), (message) => {
      const outcome = decodePayment(message.toString('base64'));
      if (outcome.ok) {
        assert.equal(outcome.payment.sender.length, 20);
        assert.ok(outcome.payment.tickets.length <= 600);
      } else {
        assert.ok(outcome.status === 402 && /^(base64|protobuf) /.test(outcome.text));
      }
    }),
    RUNS,
  );
});

test('headers of any text at all are answered, not thrown at', () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.base64String());
  fc.assert(
    fc.property(text, (header) => {
      const segment = decodeSegment(header);
      assert.ok(segment.ok || segment.status === 403);
      const payment = decodePayment(header);
      assert.ok(payment.ok || payment.status === 402);
    }),
    RUNS,
  );
});

test('a damaged task is a task, a teardown or a refusal with its task id', () => {
  const pushed = at('/RegisterTranscoder').flatMap((e) => e.pushedMessages ?? []);
  fc.assert(
    fc.property(damaged(pushed.map(framed)), (message) => {
      const task = decoded(NotifySegmentSchema, message);
      if (!task) return;
      const notification = readNotification(task);
      if (notification.kind === 'task') assertUsable(notification.task.segment);
      else if (notification.kind === 'refused') assert.ok(notification.text.length > 0);
      else assert.ok(notification.sessionId !== '');
    }),
    RUNS,
  );
});

test('a damaged result is a result that can be written again, or a reason', () => {
  const replies = at('/segment').map((e) => bytes(e.responseBody?.base64));
  fc.assert(
    fc.property(damaged(replies), (message) => {
      const outcome = decodeTranscodeResult(message);
      if (outcome.ok) assert.ok(decodeTranscodeResult(encodeTranscodeResult(outcome.result)).ok);
      else assert.ok(['malformed', 'unset', 'too_many_renditions'].includes(outcome.reason));
    }),
    RUNS,
  );
});

test('damaged registrations and requests give bounded capabilities and no false signature', () => {
  fc.assert(
    fc.property(damaged(requests('/RegisterTranscoder')), (message) => {
      const request = decoded(RegisterRequestSchema, message);
      const { bits, capacities, version } = readCapabilities(request?.capabilities);
      assert.ok(bits < 2n ** 1024n && version.length <= 128);
      assert.ok([...capacities.keys()].every((number) => number < 1024));
    }),
    RUNS,
  );
  fc.assert(
    fc.property(damaged(requests('/GetOrchestrator')), (message) => {
      const request = decoded(OrchestratorRequestSchema, message);
      if (request)
        assert.equal(typeof orchestratorRequestSigned(request.address, request.sig), 'boolean');
    }),
    { numRuns: 300 },
  );
});

test('any usable segment can be sent on as a task', () => {
  fc.assert(
    fc.property(anySegment, (segment) => {
      const authToken = { token: Buffer.alloc(32), sessionId: 's', expiration: 0n };
      const task = {
        taskId: 1n,
        url: 'u',
        orchestratorId: 'o',
        segment: { ...segment, authToken },
      };
      toBinary(NotifySegmentSchema, taskMessage(task));
    }),
    { numRuns: 200 },
  );
});
