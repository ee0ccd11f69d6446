import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TributaryError } from '../base/errors.ts';
import { parseDevices } from './device.ts';
import { probeDevices } from './devices.ts';

test('device settings are read strictly', () => {
  assert.deepEqual(parseDevices('cpu'), ['cpu']);
  assert.deepEqual(parseDevices('nvidia:0,1,1'), ['nvidia:0', 'nvidia:1']);
  assert.deepEqual(parseDevices('vaapi:/dev/dri/renderD128'), ['vaapi:/dev/dri/renderD128']);
  for (const wish of ['auto', 'nvidia:all']) assert.equal(parseDevices(wish), wish);
  for (const bad of [
    '',
    'gpu',
    'nvidia:',
    'nvidia:a',
    'nvidia:all,0',
    'vaapi:renderD128',
    'cpu:0',
  ]) {
    assert.equal(parseDevices(bad), undefined, bad);
  }
});

test('the CPU is found usable by using it, and says how fast it is', async () => {
  const [report] = await probeDevices('cpu');
  assert.ok(report?.usable);
  assert.ok(report.speedX > 0);
  assert.ok(report.streams >= 1);
  assert.equal(report.sessionsMax, undefined);
  assert.deepEqual(report.encoders, ['h264', 'hevc', 'vp9']);
  for (const name of ['H264', 'MP4', 'HEVCDecode', 'H264Decode420_10bit', 'MPEG7VideoSignature']) {
    assert.ok(report.capabilityNames.includes(name), name);
  }
  assert.match(report.sentences[0] ?? '', /^The CPU \(\d+ cores?\) works: .* times real time/);
});

test('a card that is not there says why and what to do', async () => {
  for (const [device, advice] of [
    ['nvidia:99', /nvidia-smi/],
    ['vaapi:/dev/dri/renderD999', /vainfo/],
  ] as const) {
    const [report] = await probeDevices(device);
    assert.equal(report?.usable, false);
    assert.match(report?.sentences[0] ?? '', /cannot be used: FFmpeg says ".+"/);
    assert.match(report?.sentences[1] ?? '', advice);
  }
});

test('every card is asked for by name: cards, or why there is none', async () => {
  const reports = await probeDevices('nvidia:all');
  assert.ok(reports.length > 0);
  for (const { device, usable, sentences } of reports) {
    assert.match(device, /^nvidia:\d+$/);
    assert.match(sentences[0] ?? '', usable ? /works/ : /cannot be used: FFmpeg says ".+"/);
  }
});

test('a setting that names no device is an error that says what is allowed', async () => {
  await assert.rejects(probeDevices('gpu'), (error) => {
    assert.ok(error instanceof TributaryError);
    assert.equal(error.code, 'device_unusable');
    assert.match(error.message, /allowed are auto, cpu/);
    return true;
  });
});
