import { stat } from 'node:fs/promises';
import {
  AV_CODEC_ID_AAC,
  AV_CODEC_ID_AC3,
  AV_CODEC_ID_EAC3,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_MP2,
  AV_CODEC_ID_MP3,
  AV_CODEC_ID_OPUS,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
} from 'node-av/constants';
import { avGetCodecName, FormatContext, Packet, type Stream } from 'node-av/lib';
import { TributaryError } from '../base/errors.ts';
import { check, errorText, NO_TIMESTAMP, silenceFfmpeg } from './ffmpeg.ts';
import { openScratch, type Scratch } from './scratch.ts';

const VIDEO_CODECS: ReadonlySet<number> = new Set([AV_CODEC_ID_H264, AV_CODEC_ID_HEVC]);
const AUDIO_CODECS: ReadonlySet<number> = new Set([
  AV_CODEC_ID_AAC,
  AV_CODEC_ID_MP3,
  AV_CODEC_ID_MP2,
  AV_CODEC_ID_AC3,
  AV_CODEC_ID_EAC3,
  AV_CODEC_ID_OPUS,
]);

/** A key frame this much early still ends a segment: key frames of 29.97 Hz never fall on 2000 ms. */
const EARLY_MS = 100;
/** Files that start near zero have decode times below it, which MPEG-TS cannot write. */
const SHIFT_MS = 1000;

export interface FileSegment {
  readonly seq: number;
  /** MPEG-TS, starts with a key frame. */
  readonly bytes: Uint8Array;
  readonly durationMs: number;
  /** Presentation time of its first picture. */
  readonly startMs: number;
}

/**
 * Cuts a file into MPEG-TS segments at its key frames, without encoding. A segment is at least
 * `segmentMs` long (default 2000), longer where key frames are further apart.
 * @throws TributaryError `input_missing` when there is no such file; `media_unreadable` when FFmpeg
 * cannot read it, or it has no video, or MPEG-TS cannot carry its codecs
 */
export async function* segmentFile(
  path: string,
  options: { readonly segmentMs?: number } = {},
): AsyncIterable<FileSegment> {
  const { segmentMs = 2000 } = options;
  const input = await openFile(path);
  const packet = new Packet();
  packet.alloc();
  using scratch = openScratch();
  let segment: OpenSegment | undefined;
  let seq = 0;
  try {
    const { container, video, audio } = input;
    const early = container.startTime < BigInt(SHIFT_MS * 1000);
    const shiftMs = early ? SHIFT_MS : 0;
    let lastEndMs = 0;
    for (;;) {
      const code = await container.readFrame(packet);
      if (code < 0) break;
      const stream = [video, audio].find((known) => known?.index === packet.streamIndex);
      if (stream) {
        shift(packet, stream, shiftMs);
        const ms = millis(packet.pts === NO_TIMESTAMP ? packet.dts : packet.pts, stream);
        if (stream === video) {
          if (packet.isKeyframe && (!segment || ms - segment.startMs >= segmentMs - EARLY_MS)) {
            if (segment) yield finish(segment, seq++, ms);
            segment = openSegment(ms, scratch, video, audio);
          }
          lastEndMs = Math.max(lastEndMs, ms + millis(packet.duration, stream));
        }
        segment?.write(packet, stream);
      }
      packet.unref();
    }
    if (segment) yield finish(segment, seq++, lastEndMs);
    segment = undefined;
  } finally {
    packet.free();
    segment?.abandon();
    input.close();
  }
}

interface OpenSegment {
  readonly startMs: number;
  write(packet: Packet, from: Stream): void;
  end(): Uint8Array;
  abandon(): void;
}

function finish(segment: OpenSegment, seq: number, endMs: number): FileSegment {
  const { startMs } = segment;
  return { seq, bytes: segment.end(), durationMs: Math.round(endMs - startMs), startMs };
}

async function openFile(path: string) {
  silenceFfmpeg();
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new TributaryError('input_missing', `no such file: ${path}`);
  const container = new FormatContext();
  const close = () => container.closeInputSync();
  try {
    const opened = await container.openInput(path, null, null);
    if (opened < 0) throw unreadable(`FFmpeg cannot read it: ${errorText(opened)}`);
    check(await container.findStreamInfo(null));
    const videoIndex = container.findBestStream(AVMEDIA_TYPE_VIDEO);
    const audioIndex = container.findBestStream(AVMEDIA_TYPE_AUDIO);
    const { streams } = container;
    const video = streams[videoIndex];
    const audio = streams[audioIndex];
    if (!video) throw unreadable('it has no video');
    if (!VIDEO_CODECS.has(video.codecpar.codecId)) {
      throw unreadable(`its video is ${codecName(video)}; segments carry H.264 and HEVC`);
    }
    if (audio && !AUDIO_CODECS.has(audio.codecpar.codecId)) {
      throw unreadable(`its audio is ${codecName(audio)}; segments carry AAC, MP3, AC-3 and Opus`);
    }
    return { container, video, audio, close };
  } catch (error) {
    close();
    throw error;
  }
}

function openSegment(
  startMs: number,
  scratch: Scratch,
  video: Stream,
  audio: Stream | undefined,
): OpenSegment {
  const muxer = new FormatContext();
  const close = () => {
    muxer.closeOutputSync();
    muxer.freeContext();
  };
  check(muxer.allocOutputContext2(null, 'mpegts', scratch.path('segment')));
  check(muxer.openOutputSync());
  check(muxer.setOption('avoid_negative_ts', '0'));
  const targets = new Map<number, Stream>();
  for (const from of [video, audio]) {
    if (!from) continue;
    const to = muxer.newStream(null);
    check(from.codecpar.copy(to.codecpar));
    to.codecpar.codecTag = 0;
    to.timeBase = from.timeBase;
    targets.set(from.index, to);
  }
  check(muxer.writeHeaderSync(null));
  return {
    startMs,
    write(packet, from) {
      const to = targets.get(from.index);
      if (!to) return;
      packet.streamIndex = to.index;
      packet.rescaleTs(from.timeBase, to.timeBase);
      check(muxer.interleavedWriteFrameSync(packet));
    },
    end() {
      check(muxer.writeTrailerSync());
      close();
      return scratch.read('segment');
    },
    abandon: close,
  };
}

function unreadable(why: string): TributaryError {
  return new TributaryError(
    'media_unreadable',
    `this file cannot be streamed: ${why}. Convert it first: ffmpeg -i FILE -c:v libx264 -c:a aac out.mp4`,
  );
}

function codecName(stream: Stream): string {
  return avGetCodecName(stream.codecpar.codecId) ?? 'unknown';
}

function millis(ticks: bigint, { timeBase }: Stream): number {
  return (Number(ticks) * timeBase.num * 1000) / timeBase.den;
}

function shift(packet: Packet, { timeBase }: Stream, ms: number): void {
  if (ms === 0) return;
  const ticks = BigInt(Math.round((ms * timeBase.den) / (timeBase.num * 1000)));
  if (packet.pts !== NO_TIMESTAMP) packet.pts += ticks;
  if (packet.dts !== NO_TIMESTAMP) packet.dts += ticks;
}
