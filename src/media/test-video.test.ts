import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TributaryError } from '../base/errors.ts';
import { inspect } from './inspect.ts';
import { type FileSegment, segmentFile } from './segmenter.ts';
import { makeTestVideo } from './test-video.ts';
import { makeTestVideoFile } from './test-video-make.ts';

const folder = mkdtempSync(join(tmpdir(), 'tributary-segments-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const small = { width: 320, height: 180 };

async function segmentsOf(path: string, segmentMs?: number): Promise<FileSegment[]> {
  const found: FileSegment[] = [];
  for await (const segment of segmentFile(path, segmentMs ? { segmentMs } : {})) {
    found.push(segment);
  }
  return found;
}

test('the test video has a key frame every two seconds, and a tone', async () => {
  const path = await makeTestVideo({ ...small, seconds: 5, path: join(folder, 'plain.ts') });
  const { container, video, audio } = inspect(readFileSync(path));
  assert.equal(container, 'mpegts');
  assert.equal(video?.codec, 'h264');
  assert.equal(video?.frames, 150);
  assert.equal(video?.keyFrames, 3);
  assert.equal(audio?.codec, 'aac');
  assert.ok(Math.abs((audio?.spanMs ?? 0) - 5000) < 100);
});

test('segments together hold every frame, and each one stands for itself', async () => {
  const path = await makeTestVideo({ ...small, seconds: 7, path: join(folder, 'seven.ts') });
  const segments = await segmentsOf(path);
  assert.deepEqual(
    segments.map(({ seq, durationMs }) => [seq, durationMs]),
    [
      [0, 2000],
      [1, 2000],
      [2, 2000],
      [3, 1000],
    ],
  );
  const inspections = segments.map(({ bytes }) => inspect(bytes));
  for (const [index, { video, audio, problems, container }] of inspections.entries()) {
    assert.equal(container, 'mpegts');
    assert.deepEqual(problems, []);
    assert.equal(video?.firstFrameIsKey, true);
    assert.ok(Math.abs((video?.startMs ?? 0) - (segments[index]?.startMs ?? 0)) < 1);
    assert.equal(audio?.codec, 'aac');
  }
  assert.equal(
    inspections.reduce((sum, { video }) => sum + (video?.frames ?? 0), 0),
    210,
  );
});

test('an MP4 file is cut too, with its B-frames', async () => {
  const path = join(folder, 'b.mp4');
  makeTestVideoFile({
    ...small,
    path,
    seconds: 4,
    fps: 30,
    audio: true,
    container: 'mp4',
    encoderOptions: { bf: '3', g: '30' },
  });
  const segments = await segmentsOf(path, 1000);
  assert.equal(segments.length, 4);
  for (const { bytes } of segments) assert.deepEqual(inspect(bytes).problems, []);
});

test('leaving the loop early closes the file', async () => {
  const path = join(folder, 'seven.ts');
  for await (const segment of segmentFile(path)) {
    assert.equal(segment.seq, 0);
    break;
  }
});

const rejects = (path: string, code: string, text: RegExp) =>
  assert.rejects(segmentsOf(path), (error) => {
    assert.ok(error instanceof TributaryError);
    assert.equal(error.code, code);
    assert.match(error.message, text);
    return true;
  });

test('a file that is missing, no media, or of a codec that segments cannot carry is named', async () => {
  await rejects(join(folder, 'nowhere.ts'), 'input_missing', /no such file/);
  const text = join(folder, 'text.ts');
  writeFileSync(text, 'not a video');
  await rejects(text, 'media_unreadable', /FFmpeg cannot read it/);
  const webm = join(folder, 'vp8.webm');
  makeTestVideoFile({
    ...small,
    path: webm,
    seconds: 0.3,
    fps: 30,
    audio: false,
    container: 'webm',
    encoder: 'libvpx',
    encoderOptions: { deadline: 'realtime' },
  });
  await rejects(webm, 'media_unreadable', /its video is vp8.*Convert it first/);
});
