import assert from 'node:assert/strict';
import { test } from 'node:test';
import { masterPlaylistText, mediaPlaylistText, renditionFolder } from './hls.ts';

test('a finished media playlist lists exact durations and ends', () => {
  const text = mediaPlaylistText({
    segments: [
      { uri: '0.ts', durationMs: 2000, missing: false },
      { uri: '1.ts', durationMs: 2433.4, missing: false },
    ],
    ended: true,
  });
  assert.equal(
    text,
    '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n' +
      '#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:2.000,\n0.ts\n#EXTINF:2.433,\n1.ts\n#EXT-X-ENDLIST\n',
  );
});

test('a growing playlist has no end, and a failed segment is a gap that players skip', () => {
  const text = mediaPlaylistText({
    segments: [{ uri: '0.ts', durationMs: 2600, missing: true }],
    ended: false,
  });
  assert.match(text, /#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:3\n/);
  assert.match(text, /#EXTINF:2\.600,\n#EXT-X-GAP\n0\.ts\n$/);
  assert.doesNotMatch(text, /ENDLIST/);
});

test('the master playlist names bandwidth, size and codecs of each rendition', () => {
  const text = masterPlaylistText([
    {
      uri: 'P240p30fps16x9/index.m3u8',
      bandwidthPeak: 700_000.2,
      bandwidthAverage: 650_000,
      width: 426,
      height: 240,
      frameRate: 30,
      codecs: ['avc1.4d4015', 'mp4a.40.2'],
    },
  ]);
  assert.match(
    text,
    /#EXT-X-STREAM-INF:BANDWIDTH=700001,AVERAGE-BANDWIDTH=650000,RESOLUTION=426x240,FRAME-RATE=30\.000,CODECS="avc1\.4d4015,mp4a\.40\.2"\nP240p30fps16x9\/index\.m3u8\n$/,
  );
});

test('no rendition name becomes a path', () => {
  assert.equal(renditionFolder('P240p30fps16x9', 0), 'P240p30fps16x9');
  for (const name of ['../up', 'a/b', '..', '', 'x\0y', '.hidden', 'source', 'x'.repeat(4096)]) {
    assert.equal(renditionFolder(name, 1), 'rendition-2');
  }
});
