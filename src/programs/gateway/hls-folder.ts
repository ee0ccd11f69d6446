import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Blob } from '../../base/blob.ts';
import { makeFolder } from '../../base/folder.ts';
import { makeOutputFolder } from '../../base/output-folder.ts';
import { masterPlaylistText, mediaPlaylistText, renditionFolder, type Variant } from './hls.ts';

/** What a master playlist says of a rendition. */
export type VariantFacts = Pick<Variant, 'width' | 'height' | 'frameRate' | 'codecs'>;

/** A segment to be written. */
export interface FolderSegment {
  /** Place in the stream, from 0 without holes. */
  readonly index: number;
  readonly durationMs: number;
  readonly source: Blob;
  /** In the order of the ladder; undefined when the segment failed. */
  readonly renditions: readonly Blob[] | undefined;
}

/** A playable folder: master.m3u8, and one folder with playlist and segments per rendition. */
export interface HlsFolder {
  /** Path of the master playlist. */
  readonly master: string;
  /** Segments may come in any order; playlists grow in theirs, without holes. */
  add(segment: FolderSegment): Promise<void>;
  /** Ends the playlists. Nothing may be added any more. */
  finish(): Promise<void>;
}

interface Track {
  readonly folder: string;
  readonly segments: Map<number, { durationMs: number; bytes: number | undefined }>;
  facts?: VariantFacts | undefined;
}

/**
 * Opens a folder, and removes what an earlier run left in the folders it will write to. Throws
 * `output_unwritable`.
 *
 * @param options.names the names of the ladder; the source is called `source`
 * @param options.describe reads what the master playlist says, once per rendition
 */
export async function openHlsFolder(options: {
  readonly path: string;
  readonly names: readonly string[];
  readonly describe: (segment: Blob) => Promise<VariantFacts | undefined>;
}): Promise<HlsFolder> {
  const { path, names, describe } = options;
  const track = (folder: string): Track => ({ folder, segments: new Map() });
  const source = track('source');
  const ladder = names.map((name, index) => track(renditionFolder(name, index)));
  const tracks = [source, ...ladder];
  await makeOutputFolder(path);
  for (const { folder } of tracks) await emptied(join(path, folder));
  await rm(join(path, 'master.m3u8'), { force: true });

  const addTo = async (to: Track, segment: FolderSegment, blob: Blob | undefined) => {
    const { index, durationMs } = segment;
    if (blob) {
      await writeFile(join(path, to.folder, segmentFile(index)), blob.read());
      to.facts ??= await describe(blob);
    }
    to.segments.set(index, { durationMs, bytes: blob?.length });
  };

  const writePlaylists = async (ended: boolean) => {
    for (const { folder, segments } of tracks) {
      const listed = [];
      for (let index = 0; ; index++) {
        const segment = segments.get(index);
        if (!segment) break;
        const { durationMs, bytes } = segment;
        listed.push({ uri: segmentFile(index), durationMs, missing: bytes === undefined });
      }
      const text = mediaPlaylistText({ segments: listed, ended });
      await replaceFile(join(path, folder, PLAYLIST), text);
    }
    await replaceFile(join(path, 'master.m3u8'), masterPlaylistText(tracks.flatMap(variantOf)));
  };

  // One writer at a time: an older playlist must not replace a newer one.
  let writing = Promise.resolve();
  const queued = (ended: boolean) => {
    writing = writing.then(() => writePlaylists(ended));
    return writing;
  };

  return {
    master: join(path, 'master.m3u8'),
    async add(segment) {
      await addTo(source, segment, segment.source);
      for (const [index, to] of ladder.entries()) {
        await addTo(to, segment, segment.renditions?.[index]);
      }
      await queued(false);
    },
    finish: () => queued(true),
  };
}

const PLAYLIST = 'index.m3u8';

function segmentFile(index: number): string {
  return `${index}.ts`;
}

function variantOf({ folder, segments, facts }: Track): readonly Variant[] {
  const present = [...segments.values()].flatMap(({ durationMs, bytes }) =>
    bytes === undefined ? [] : [{ durationMs, bits: bytes * 8 }],
  );
  if (!facts || present.length === 0) return [];
  const bits = present.reduce((sum, segment) => sum + segment.bits, 0);
  const durationMs = present.reduce((sum, segment) => sum + segment.durationMs, 0);
  const rates = present.map((segment) => (segment.bits * 1000) / Math.max(1, segment.durationMs));
  return [
    {
      ...facts,
      uri: `${folder}/${PLAYLIST}`,
      bandwidthPeak: Math.max(...rates),
      bandwidthAverage: (bits * 1000) / Math.max(1, durationMs),
    },
  ];
}

/** Makes the folder, or removes from it only what a run of ours may have written. */
async function emptied(folder: string): Promise<void> {
  await makeFolder(folder);
  for (const name of await readdir(folder)) {
    if (name === PLAYLIST || /^\d+\.ts$/.test(name)) await rm(join(folder, name));
  }
}

/** A player that reads meanwhile sees the old file or the new one, never half of one. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
