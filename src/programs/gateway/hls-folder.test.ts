import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Blob, createBlobStore } from '../../base/blob.ts';
import { openHlsFolder } from './hls-folder.ts';

const store = createBlobStore({ bytesMax: 16 * 1024 * 1024 });

function blobOf(text: string): Blob {
  const blob = store.create();
  blob.write(Buffer.from(text));
  blob.complete();
  return blob;
}

const facts = { width: 426, height: 240, frameRate: 30, codecs: ['avc1.4d4015'] };

test('segments that come out of order stand in order, and a failed one is a gap', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'tributary-hls-'));
  t.after(() => rm(path, { recursive: true }));
  const folder = await openHlsFolder({
    path,
    names: ['P240p30fps16x9', '../escape'],
    describe: async () => facts,
  });
  const source = blobOf('source');
  const renditions = [blobOf('low'), blobOf('high')];
  const playlist = (name: string) => readFile(join(path, name, 'index.m3u8'), 'utf8');

  await folder.add({ index: 1, durationMs: 2000, source, renditions });
  assert.doesNotMatch(await playlist('source'), /1\.ts/, 'nothing before the first segment');
  await folder.add({ index: 0, durationMs: 2000, source, renditions: undefined });
  await folder.finish();

  assert.deepEqual((await readdir(path)).sort(), [
    'P240p30fps16x9',
    'master.m3u8',
    'rendition-2',
    'source',
  ]);
  assert.match(await playlist('source'), /\n0\.ts\n#EXTINF:2\.000,\n1\.ts\n#EXT-X-ENDLIST\n$/);
  assert.match(await playlist('rendition-2'), /#EXT-X-GAP\n0\.ts\n#EXTINF:2\.000,\n1\.ts\n/);
  assert.equal(await readFile(join(path, 'P240p30fps16x9', '1.ts'), 'utf8'), 'low');
  const master = await readFile(folder.master, 'utf8');
  assert.match(master, /BANDWIDTH=24,AVERAGE-BANDWIDTH=24,RESOLUTION=426x240/);
  assert.equal(master.split('\n').filter((line) => line.endsWith('index.m3u8')).length, 3);
});

test('a second run removes the first one’s segments and nothing else', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'tributary-hls-'));
  t.after(() => rm(path, { recursive: true }));
  const options = { path, names: [], describe: async () => facts };
  const first = await openHlsFolder(options);
  await first.add({ index: 0, durationMs: 2000, source: blobOf('a'), renditions: [] });
  await writeFile(join(path, 'source', 'notes.txt'), 'mine');
  const second = await openHlsFolder(options);
  await second.finish();
  assert.deepEqual((await readdir(join(path, 'source'))).sort(), ['index.m3u8', 'notes.txt']);
});
