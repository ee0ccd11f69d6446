import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readIngestRequest } from './ingest-request.ts';

const read = (path: string, headers: Record<string, string> = {}, method = 'POST') =>
  readIngestRequest({ method, path, headers });

test('a push as stock clients make it', () => {
  const outcome = read('/live/my%20stream/12.ts', {
    'content-duration': '1980',
    'content-resolution': '1280x720',
    'content-slice-from': '500',
    'content-slice-to': '1500',
    accept: 'multipart/mixed',
  });
  assert.deepEqual(outcome, {
    ok: true,
    request: {
      manifestId: 'my stream',
      seq: 12,
      format: 'mpegts',
      durationMs: 1980,
      clip: { fromMs: 500, toMs: 1500 },
      profiles: undefined,
      forceSessionReinit: false,
      multipart: true,
    },
  });
});

test('a stream may bring its own name and ladder', () => {
  const configuration = {
    manifestID: 'cust',
    presets: ['P240p30fps16x9'],
    profiles: [{ name: '360p', width: 640, height: 360, bitrate: 900000, fps: 15, gop: '2.0' }],
    forceSessionReinit: true,
  };
  const outcome = read('/live/x/0.mp4', {
    'livepeer-transcode-configuration': JSON.stringify(configuration),
  });
  assert.ok(outcome.ok);
  const { manifestId, profiles, format, durationMs, forceSessionReinit } = outcome.request;
  assert.deepEqual(
    [manifestId, format, durationMs, forceSessionReinit],
    ['cust', 'mp4', 2000, true],
  );
  assert.deepEqual(
    profiles?.map(({ name, gop }) => [name, gop]),
    [
      ['P240p30fps16x9', 0],
      ['360p', 2000],
    ],
  );
});

test('what a stock gateway refuses gets its status', () => {
  const status = (outcome: ReturnType<typeof read>) => (outcome.ok ? 200 : outcome.status);
  assert.equal(status(read('/other', {})), 404);
  assert.equal(status(read('/live/a/1.ts', {}, 'GET')), 405);
  for (const path of [
    '/live/a',
    '/live/a/1',
    '/live/a/1.avi',
    '/live/a/x.ts',
    '/live/a/-1.ts',
    '/live/../1.ts',
    '/live/..%2f..%2fetc/1.ts',
    '/live/%00/1.ts',
    '/live/%zz/1.ts',
    `/live/${'x'.repeat(4096)}/1.ts`,
  ]) {
    assert.equal(status(read(path)), 400, path);
  }
  for (const headers of [
    { 'content-duration': 'soon' },
    { 'content-duration': '300001' },
    { 'content-duration': '-5' },
    { 'content-resolution': 'large' },
    { 'content-slice-from': '10' },
    { 'content-slice-from': '10', 'content-slice-to': '5' },
    { 'livepeer-transcode-configuration': '{' },
    { 'livepeer-transcode-configuration': '[]' },
    { 'livepeer-transcode-configuration': '{}' },
    { 'livepeer-transcode-configuration': '{"manifestID":"../x"}' },
    { 'livepeer-transcode-configuration': '{"manifestID":"x","presets":["P1p"]}' },
    { 'livepeer-transcode-configuration': '{"manifestID":"x","profiles":[{"width":0}]}' },
  ]) {
    assert.equal(status(read('/live/a/1.ts', headers)), 400, JSON.stringify(headers));
  }
});
