import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VideoProfile } from '../src/protocol/video-profile.ts';

/** Bytes of a 2 s segment and of its four renditions together. */
const SEGMENT_BYTES = 1_700_000;
/** Of MPEG-TS. */
export const PACKET_BYTES = 188;
/** Widths, heights and bits per second; together 6.8 Mbit/s, as the source. */
const LADDER = [
  [426, 240, 400_000],
  [640, 360, 900_000],
  [854, 480, 1_900_000],
  [1280, 720, 3_600_000],
] as const;

/** What gateways send and workers answer in the relay benchmarks: real media, made once. */
export interface CannedMedia {
  readonly source: Buffer;
  readonly profiles: readonly VideoProfile[];
  readonly renditions: readonly { readonly bytes: Buffer; readonly pixels: bigint }[];
}

const profiles: readonly VideoProfile[] = LADDER.map(([width, height, bitrate]) => ({
  name: `${height}p`,
  width,
  height,
  bitrate,
  fps: 0,
  fpsDen: 0,
  format: 'mpegts',
  h264Profile: 'default',
  gop: 0,
  encoder: 'h264',
  quality: 0,
  colorDepth: 0,
  chroma: '420',
}));

/** Reads the media of an earlier run, or makes them: 2 s of test picture and its transcodes. */
export async function cannedMedia(): Promise<CannedMedia> {
  const folder = join(tmpdir(), 'tributary-bench-relay');
  const names = ['source.ts', ...LADDER.map(([, height]) => `${height}p.ts`)];
  const read = () => Promise.all(names.map((name) => readFile(join(folder, name))));
  const files = await read().catch(async () => {
    await make(folder, names);
    return read();
  });
  const [source, ...renditions] = files.map((bytes, index) =>
    padded(bytes, index === 0 ? SEGMENT_BYTES : (SEGMENT_BYTES * share(index - 1)) / total()),
  ) as [Buffer, ...Buffer[]];
  const frames = 60n;
  return {
    source,
    profiles,
    renditions: renditions.map((bytes, index) => {
      const [width, height] = LADDER[index] as (typeof LADDER)[number];
      return { bytes, pixels: BigInt(width * height) * frames };
    }),
  };
}

const share = (index: number): number => LADDER[index]?.[2] ?? 0;
const total = (): number => LADDER.reduce((sum, [, , bitrate]) => sum + bitrate, 0);

async function make(folder: string, names: readonly string[]): Promise<void> {
  // FFmpeg is loaded only where nothing is cached yet.
  const { makeTestVideo } = await import('../src/media/test-video.ts');
  const { createTranscoder } = await import('../src/media/transcode.ts');
  const draft = `${folder}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  const path = await makeTestVideo({ seconds: 2, path: join(draft, 'source.ts') });
  const transcoder = createTranscoder({ device: 'cpu' });
  try {
    const source = await readFile(path);
    const outcome = await transcoder.transcode({ source, profiles, sessionKey: 'bench' });
    if (!outcome.ok) throw new Error(`the test picture cannot be transcoded: ${outcome.text}`);
    for (const [index, { bytes }] of outcome.renditions.entries()) {
      await writeFile(join(draft, names[index + 1] as string), bytes);
    }
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
  } finally {
    await transcoder.close();
  }
}

/** A test picture compresses well: empty packets make up what a filmed one would weigh. */
function padded(bytes: Buffer, wanted: number): Buffer {
  const missing = Math.max(0, Math.floor((wanted - bytes.length) / PACKET_BYTES));
  if (missing === 0) return bytes;
  const packet = nullPacket(Buffer.alloc(0));
  return Buffer.concat([bytes, ...Array.from({ length: missing }, () => packet)]);
}

/** An MPEG-TS packet that every reader skips, with a mark in it that makes a segment unique. */
export function nullPacket(mark: Uint8Array): Buffer {
  const packet = Buffer.alloc(PACKET_BYTES, 0xff);
  packet.set([0x47, 0x1f, 0xff, 0x10]);
  packet.set(mark, 4);
  return packet;
}

/** The mark in the last packet of a segment, as {@link nullPacket} wrote it. */
export function markIn(packet: Buffer, bytes: number): Buffer {
  return packet.subarray(4, 4 + bytes);
}
