import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Io } from '../../base/terminal.ts';
import { DEFAULT_BITS, namesOf } from '../../protocol/capabilities.ts';
import { bitsOfAll, equip, parallelOf } from './equip.ts';

const defaults = namesOf(DEFAULT_BITS);

test('a worker offers what every one of its devices can do', () => {
  const first = { capabilityNames: [...defaults, 'HEVCEncode', 'VP9Decode', 'SomethingNew'] };
  const second = { capabilityNames: [...defaults, 'VP9Decode'] };
  assert.deepEqual(
    new Set(namesOf(bitsOfAll([first, second]))),
    new Set([...defaults, 'VP9Decode']),
  );
  assert.equal(bitsOfAll([{ capabilityNames: defaults }]), DEFAULT_BITS);
});

test('a default that a device failed is not offered', () => {
  const names = defaults.filter((name) => name !== 'MPEG7VideoSignature');
  assert.deepEqual(new Set(namesOf(bitsOfAll([{ capabilityNames: names }]))), new Set(names));
});

test('no more segments side by side than the driver has encoder sessions for', () => {
  assert.equal(parallelOf({ device: 'cpu' }), 2);
  assert.equal(parallelOf({ device: 'nvidia:0' }), 3);
  assert.equal(parallelOf({ device: 'nvidia:0', sessionsMax: 8 }), 2);
  assert.equal(parallelOf({ device: 'nvidia:0', sessionsMax: 2 }), 1);
});

test('a device that does not work ends the start with its reason and what to do', async () => {
  const written: string[] = [];
  const stdout = {
    write(text: string) {
      written.push(text);
    },
  };
  const io: Io = { stdout, stderr: stdout, env: {}, isTty: false, columns: 80 };
  await assert.rejects(equip({ device: 'vaapi:/dev/no-such-node', maxSessions: 1 }, io), {
    code: 'device_unusable',
    message: /cannot be used.*vainfo/s,
  });
});
