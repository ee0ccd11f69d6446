import {
  AV_CODEC_ID_AAC,
  AV_CODEC_ID_AC3,
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_MP3,
  AV_CODEC_ID_OPUS,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  AV_FRAME_FLAG_KEY,
} from 'node-av/constants';
import { decodeAll, openInput } from './decode.ts';
import { silenceFfmpeg } from './ffmpeg.ts';
import type {
  AudioCodecName,
  AudioInspection,
  Inspection,
  SizeRun,
  VideoCodecName,
} from './inspection.ts';
import { openScratch } from './scratch.ts';
import { timing } from './timing.ts';

/**
 * 300 s of 1080p take about 20 s of one core; a live segment takes 0.2 s. Whoever sends something
 * slower does so on purpose.
 */
const LIMIT_MS = 10_000;

const VIDEO_NAMES = new Map<number, VideoCodecName>([
  [AV_CODEC_ID_H264, 'h264'],
  [AV_CODEC_ID_HEVC, 'hevc'],
  [AV_CODEC_ID_VP8, 'vp8'],
  [AV_CODEC_ID_VP9, 'vp9'],
  [AV_CODEC_ID_AV1, 'av1'],
]);

const AUDIO_NAMES = new Map<number, AudioCodecName>([
  [AV_CODEC_ID_AAC, 'aac'],
  [AV_CODEC_ID_MP3, 'mp3'],
  [AV_CODEC_ID_OPUS, 'opus'],
  [AV_CODEC_ID_AC3, 'ac3'],
]);

/**
 * Counts by decoding with FFmpeg what {@link inspect} cannot read by structure, in the calling
 * thread. Never throws: what FFmpeg refuses is `undecodable`.
 */
export function inspectByDecoding(bytes: Uint8Array): Inspection {
  silenceFfmpeg();
  const refused: Inspection = {
    container: 'unknown',
    bytes: bytes.length,
    method: 'decode',
    problems: ['undecodable'],
  };
  try {
    using scratch = openScratch();
    using input = openInput(scratch.write('file', bytes));
    const name = input.container.iformat?.name ?? '';
    const { video, audio } = input;
    const sizes: { width: number; height: number; frames: number }[] = [];
    const times: number[] = [];
    let firstIsKey: boolean | undefined;
    let keyFrames = 0;
    const audioTimes: number[] = [];
    let audioBytes = 0;
    const decoded = decodeAll(input, {
      limitMs: LIMIT_MS,
      frame(frame) {
        const key = frame.hasFlags(AV_FRAME_FLAG_KEY);
        firstIsKey ??= key;
        if (key) keyFrames += 1;
        times.push(Number(frame.pts));
        add(sizes, frame.width, frame.height);
      },
      audioPacket(packet) {
        audioTimes.push(Number(packet.pts));
        audioBytes += packet.size;
      },
    });
    const [size] = sizes;
    if (!size) return refused;
    const scale = video.timeBase.den / video.timeBase.num;
    const audioScale = audio ? audio.timeBase.den / audio.timeBase.num : 1;
    const heard: AudioInspection | undefined = audio && {
      codec: AUDIO_NAMES.get(audio.codecpar.codecId) ?? 'other',
      packets: audioTimes.length,
      bytes: audioBytes,
      ...withoutRate(timing(audioTimes, audioScale, 0)),
    };
    return {
      container: name.includes('mp4') ? 'mp4' : name === 'mpegts' ? 'mpegts' : 'unknown',
      bytes: bytes.length,
      method: 'decode',
      video: {
        codec: VIDEO_NAMES.get(video.codecpar.codecId) ?? 'other',
        width: size.width,
        height: size.height,
        sizes,
        frames: decoded.frames,
        pixels: decoded.pixels,
        firstFrameIsKey: firstIsKey ?? false,
        keyFrames,
        ...timing(times, scale, 0),
        fingerprints: [],
      },
      ...(heard && { audio: heard }),
      problems: [],
    };
  } catch {
    // Whatever it is, it is the file's fault: FFmpeg could not read it.
    return refused;
  }
}

function add(sizes: { width: number; height: number; frames: number }[], w: number, h: number) {
  const last = sizes[sizes.length - 1];
  if (last && last.width === w && last.height === h) last.frames += 1;
  else sizes.push({ width: w, height: h, frames: 1 } satisfies SizeRun);
}

function withoutRate({ startMs, spanMs }: { startMs: number; spanMs: number }) {
  return { startMs, spanMs };
}
