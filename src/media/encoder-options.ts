import type { DeviceKind } from './device.ts';
import type { RenditionSpec } from './rendition-spec.ts';

/** Name and options under which FFmpeg opens the encoder of one rendition. */
export interface EncoderChoice {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
  /** Frames between key frames; undefined leaves it to the encoder. */
  readonly gopFrames?: number;
  /** Force a key frame every so many milliseconds; for renditions that keep the input's timing. */
  readonly keyEveryMs?: number;
}

/**
 * Measured for 2 s of 720p30 into the standard ladder, in seconds of CPU: ultrafast 0.5, superfast
 * 0.8, veryfast 1.1, faster 1.5. lpms asks for `medium`, which is slower still, and a live segment
 * that is late is lost; superfast needs clearly more bits for the same picture.
 */
const X264_PRESET = 'veryfast';

/** Largest CRF that lpms passes on; beyond, it encodes by bitrate. */
const QUALITY_MAX = 63;
/** By lpms's comparison CQ of NVENC looks like CRF + 7; NVENC takes up to 51. */
const NVENC_QUALITY_STEP = 7;
const NVENC_QUALITY_MAX = 51;

const ENCODERS = {
  cpu: { h264: 'libx264', hevc: 'libx265', vp8: 'libvpx', vp9: 'libvpx-vp9' },
  nvidia: { h264: 'h264_nvenc', hevc: 'hevc_nvenc', vp8: undefined, vp9: undefined },
  vaapi: { h264: 'h264_vaapi', hevc: 'hevc_vaapi', vp8: 'vp8_vaapi', vp9: 'vp9_vaapi' },
} as const;

/**
 * Chooses encoder and options as lpms does (wire: lpms ffmpeg/ffmpeg.go createCOutputParams).
 * `undefined` when the device has no encoder for the codec.
 */
export function chooseEncoder(spec: RenditionSpec, kind: DeviceKind): EncoderChoice | undefined {
  const name = ENCODERS[kind][spec.encoder];
  if (!name) return undefined;
  const options: Record<string, string> = { ...codecOptions(spec, kind) };
  if (spec.encoder === 'h264') Object.assign(options, h264Options(spec, kind));
  if (spec.quality > 0) Object.assign(options, qualityOptions(spec.quality, kind));
  return { name, options, ...keyFrames(spec, kind) };
}

function codecOptions(spec: RenditionSpec, kind: DeviceKind): Record<string, string> {
  if (kind === 'nvidia') return { 'forced-idr': '1', preset: 'p4' };
  if (kind === 'vaapi') return {};
  switch (spec.encoder) {
    case 'h264':
      return { 'forced-idr': '1', preset: X264_PRESET };
    case 'hevc':
      return { 'forced-idr': '1', preset: 'veryfast', 'x265-params': 'log-level=none' };
    case 'vp8':
    case 'vp9':
      return { deadline: 'realtime', 'cpu-used': '8', 'auto-alt-ref': '0' };
  }
}

function h264Options(spec: RenditionSpec, kind: DeviceKind): Record<string, string> {
  // NVENC with B-frames miscalculates decode times when the input's timing is kept.
  const bFrames = kind === 'nvidia' && spec.fps === 0 ? '0' : '3';
  switch (spec.h264Profile) {
    case 'baseline':
      return { profile: kind === 'vaapi' ? 'constrained_baseline' : 'baseline', bf: '0' };
    case 'constrained_high':
      return { profile: 'high', bf: '0' };
    case 'main':
    case 'high':
      return { profile: spec.h264Profile, bf: bFrames };
    case 'default':
      return { bf: kind === 'cpu' ? '3' : '0' };
  }
}

function qualityOptions(quality: number, kind: DeviceKind): Record<string, string> {
  if (kind === 'cpu') return quality <= QUALITY_MAX ? { crf: String(quality) } : {};
  if (kind === 'vaapi') return {};
  const constant = quality + NVENC_QUALITY_STEP;
  return constant <= NVENC_QUALITY_MAX ? { cq: String(constant) } : {};
}

function keyFrames(
  spec: RenditionSpec,
  kind: DeviceKind,
): { gopFrames?: number; keyEveryMs?: number } {
  if (spec.gop === 0) return {};
  // "Intra only": x264 wants a distance of 1, NVENC wants 0.
  if (spec.gop < 0) return { gopFrames: kind === 'nvidia' ? 0 : 1 };
  if (spec.fps > 0) {
    const perSecond = spec.fps / (spec.fpsDen || 1);
    return { gopFrames: Math.max(1, Math.floor((spec.gop * perSecond) / 1000)) };
  }
  return { keyEveryMs: spec.gop };
}
