import type { RenditionSpec } from './rendition-spec.ts';
import type { TestVideoWork } from './test-video-make.ts';

/** A small test video that a device is given to chew on. */
export type SampleName =
  | 'h264'
  | 'hevc'
  | 'vp8'
  | 'vp9'
  | 'h264_444_8'
  | 'h264_422_8'
  | 'h264_444_10'
  | 'h264_422_10'
  | 'h264_420_10';

const SMALL = {
  seconds: 0.4,
  width: 320,
  height: 180,
  fps: 30,
  audio: false,
  encoderOptions: {},
} as const;

/** How each sample is made, on the CPU. */
export const samples: Readonly<Record<SampleName, Omit<TestVideoWork, 'path'>>> = {
  h264: SMALL,
  hevc: { ...SMALL, encoder: 'libx265', encoderOptions: { 'x265-params': 'log-level=none' } },
  vp8: { ...SMALL, encoder: 'libvpx', container: 'webm', encoderOptions: { deadline: 'realtime' } },
  vp9: {
    ...SMALL,
    encoder: 'libvpx-vp9',
    container: 'webm',
    encoderOptions: { deadline: 'realtime', 'cpu-used': '8' },
  },
  h264_444_8: { ...SMALL, pixelFormat: 'yuv444p' },
  h264_422_8: { ...SMALL, pixelFormat: 'yuv422p' },
  h264_444_10: { ...SMALL, pixelFormat: 'yuv444p10le' },
  h264_422_10: { ...SMALL, pixelFormat: 'yuv422p10le' },
  h264_420_10: { ...SMALL, pixelFormat: 'yuv420p10le' },
};

/** One thing a device is tried on, by the name the protocol gives it. */
export interface Trial {
  /** Names of `Capability` in protocol/. */
  readonly capability: string;
  readonly sample: SampleName;
  readonly spec: RenditionSpec;
  readonly phash?: true;
  /** In words, for the person at the machine. */
  readonly words: string;
}

const SPEC: RenditionSpec = {
  name: 'trial',
  width: 256,
  height: 144,
  bitrate: 300_000,
  fps: 30,
  fpsDen: 1,
  format: 'mpegts',
  h264Profile: 'default',
  gop: 0,
  encoder: 'h264',
  quality: 0,
};

const encode = (capability: string, words: string, change: Partial<RenditionSpec>): Trial => ({
  capability,
  words,
  sample: 'h264',
  spec: { ...SPEC, ...change },
});

const decode = (capability: string, words: string, sample: SampleName): Trial => ({
  capability,
  words,
  sample,
  spec: SPEC,
});

/** Without this one a device is of no use: every job of today's network asks for it. */
export const firstTrial: Trial = encode('H264', 'H.264', {});

/** VP8 output is not tried: neither MPEG-TS nor MP4 carries it, and the network asks for no more. */
export const trials: readonly Trial[] = [
  encode('MPEGTS', 'MPEG-TS', {}),
  encode('MP4', 'MP4', { format: 'mp4' }),
  encode('FractionalFramerates', 'fractional frame rates', { fps: 30_000, fpsDen: 1001 }),
  encode('ProfileH264Baseline', 'H.264 Baseline', { h264Profile: 'baseline' }),
  encode('ProfileH264Main', 'H.264 Main', { h264Profile: 'main' }),
  encode('ProfileH264High', 'H.264 High', { h264Profile: 'high' }),
  encode('ProfileH264ConstrainedHigh', 'H.264 Constrained High', {
    h264Profile: 'constrained_high',
  }),
  encode('GOP', 'key frame distance', { gop: 200 }),
  { ...encode('MPEG7VideoSignature', 'video signatures', {}), phash: true },
  encode('HEVCEncode', 'HEVC', { encoder: 'hevc' }),
  encode('VP9Encode', 'VP9', { encoder: 'vp9', format: 'mp4' }),
  decode('HEVCDecode', 'HEVC', 'hevc'),
  decode('VP8Decode', 'VP8', 'vp8'),
  decode('VP9Decode', 'VP9', 'vp9'),
  decode('H264Decode444_8bit', '4:4:4', 'h264_444_8'),
  decode('H264Decode422_8bit', '4:2:2', 'h264_422_8'),
  decode('H264Decode444_10bit', '4:4:4 of 10 bits', 'h264_444_10'),
  decode('H264Decode422_10bit', '4:2:2 of 10 bits', 'h264_422_10'),
  decode('H264Decode420_10bit', '10 bits', 'h264_420_10'),
];

/** What the network's usual stream asks for: 720p30 in, three renditions out. */
export const standardLadder: readonly RenditionSpec[] = [
  { ...SPEC, name: '480p', width: 854, height: 480, bitrate: 1_600_000 },
  { ...SPEC, name: '360p', width: 640, height: 360, bitrate: 1_200_000 },
  { ...SPEC, name: '240p', width: 426, height: 240, bitrate: 600_000 },
];
