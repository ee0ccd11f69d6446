import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inspection } from '../../media/inspection.ts';
import { codecNames } from './codecs.ts';

const inspection = (audio?: 'aac' | 'other'): Inspection =>
  ({
    container: 'mpegts',
    video: { codec: 'h264' },
    ...(audio ? { audio: { codec: audio } } : {}),
    problems: [],
  }) as unknown as Inspection;

// A PES header of video stream 0xe7, an access unit delimiter, then a parameter set of High 3.1.
const bytes = Buffer.from('000001e70000000109f00000000167640 01facd9'.replace(' ', ''), 'hex');

test('profile and level come from the parameter set, not from a stream id that looks like one', () => {
  assert.deepEqual(codecNames(inspection('aac'), bytes), ['avc1.64001f', 'mp4a.40.2']);
  assert.deepEqual(codecNames(inspection(), bytes), ['avc1.64001f']);
});

test('no list rather than half of one', () => {
  assert.deepEqual(codecNames(inspection('other'), bytes), []);
  assert.deepEqual(codecNames(inspection('aac'), Buffer.from('garbage')), []);
});
