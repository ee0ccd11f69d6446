import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { anySegment } from '../../test/fixtures/segments.ts';
import { NotifySegmentSchema } from './gen/lp_rpc_pb.ts';
import type { Segment } from './segment.ts';
import { readNotification, taskMessage, teardownMessage } from './task.ts';

const token = { token: Buffer.alloc(32), sessionId: 's', expiration: 1n };
const overTheWire = (message: ReturnType<typeof taskMessage>) =>
  fromBinary(NotifySegmentSchema, toBinary(NotifySegmentSchema, message));

test('a task reaches its worker whole, but for hash, signature and storage', () => {
  fc.assert(
    fc.property(anySegment, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (any, taskId) => {
      const segment: Segment = { ...any, authToken: token };
      const url = 'https://pool.example:8935/source/x';
      const message = taskMessage({ taskId, url, segment, orchestratorId: 'offchain' });
      assert.deepEqual(message.segData?.hash, new Uint8Array(32));
      const notification = readNotification(overTheWire(message));
      assert.equal(notification.kind, 'task');
      if (notification.kind !== 'task') return;
      const { task } = notification;
      assert.equal(task.taskId, taskId);
      assert.equal(task.url, url);
      assert.deepEqual(task.segment.profiles, segment.profiles);
      assert.deepEqual(task.segment.caps, segment.caps);
      assert.equal(task.segment.authToken?.sessionId, 's');
      assert.equal(task.segment.sig.length, 0);
      assert.equal(task.segment.storage, undefined);
    }),
    { numRuns: 100 },
  );
});

test('a task without its session’s token is never sent: stock GPU transcoders need it', () => {
  const [segment] = fc.sample(anySegment, 1);
  const task = { taskId: 1n, url: 'u', segment: segment as Segment, orchestratorId: '' };
  assert.throws(
    () => taskMessage({ ...task, segment: { ...task.segment, authToken: undefined } }),
    RangeError,
  );
});

test('an empty URL with a session ends that session', () => {
  assert.deepEqual(readNotification(overTheWire(teardownMessage('9873f856'))), {
    kind: 'teardown',
    sessionId: '9873f856',
  });
});

test('a task that cannot be done says why', () => {
  const profile = { name: 'p', width: 640, height: 360 };
  const rows: [Parameters<typeof create<typeof NotifySegmentSchema>>[1], string][] = [
    [{ taskId: 5n, url: 'https://x' }, 'empty seg data'],
    [{ taskId: 5n }, 'empty seg data'],
    [
      { taskId: 5n, url: 'https://x', segData: { duration: 300_001, fullProfiles: [profile] } },
      'invalid duration',
    ],
    [{ taskId: 5n, url: '', segData: { fullProfiles: [profile] } }, 'TranscoderInvalidInput'],
  ];
  for (const [fields, text] of rows) {
    assert.deepEqual(readNotification(create(NotifySegmentSchema, fields)), {
      kind: 'refused',
      taskId: 5n,
      text,
    });
  }
});
