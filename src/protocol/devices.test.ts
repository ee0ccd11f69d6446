import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICES_HEADER, devicesHeader, readDevices } from './devices.ts';

test('what a worker says of its devices is read as it was said', () => {
  const devices = [
    { name: 'nvidia:0', sessions: 8 },
    { name: 'vaapi:/dev/dri/renderD128', sessions: 2 },
  ];
  assert.deepEqual(readDevices(devicesHeader(devices)[DEVICES_HEADER]), { devices });
  const limited = devices.map((device) => ({ ...device, encoders: 3 }));
  const read = (offered: Parameters<typeof devicesHeader>[0]) =>
    readDevices(devicesHeader(offered)[DEVICES_HEADER]);
  assert.deepEqual(read(limited), { devices, encoderSessions: 6 });
  assert.deepEqual(read([...limited.slice(1), ...devices.slice(0, 1)]), {
    devices: devices.toReversed(),
  });
  assert.deepEqual(devicesHeader([]), {});
  assert.deepEqual(devicesHeader([{ name: 'a b', sessions: 1 }]), {});
});

test('what is no report of devices is none', () => {
  for (const text of [
    undefined,
    '',
    'nvidia:0',
    'nvidia:0;sessions=x',
    'nvidia:0;sessions=1;encoders=-1',
    '<script>;sessions=1',
    'a;sessions=1,b;sessions=1',
    `${'a'.repeat(65)};sessions=1`,
    'a;sessions=1, '.repeat(200),
  ]) {
    assert.equal(readDevices(text), undefined, text);
  }
});
