import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type VideoProfile as VideoProfileMessage, VideoProfileSchema } from './gen/lp_rpc_pb.ts';
import { inputTexts, segmentTexts } from './texts.ts';

/** Renditions of one job. The stock transcoder refuses more: lpms ffmpeg/transcoder.h. */
export const PROFILES_MAX = 10;
/** UTF-8 bytes of a profile's name: it becomes a path element of result URLs. */
export const PROFILE_NAME_BYTES_MAX = 255;
/** Pixels of a side: the largest that any encoder of the protocol takes (HEVC). */
export const SIDE_PIXELS_MAX = 8192;
/** Frames per second: above it frames are only repeated, at the cost of encoding each. */
export const FPS_MAX = 240;
/** FFmpeg holds both halves of a frame rate as int32. */
const FPS_PART_MAX = 2 ** 31 - 1;
/** The top of the widest constant-quality scale (VP9; H264 and HEVC end at 51). */
const QUALITY_MAX = 63;

/** Containers by their number on the wire. */
const formats = ['mpegts', 'mp4'] as const;
/** H264 profiles by their number on the wire. */
const h264Profiles = ['default', 'baseline', 'main', 'high', 'constrained_high'] as const;
/** Codecs by their number on the wire. */
const encoders = ['h264', 'hevc', 'vp8', 'vp9'] as const;
/** Chroma subsamplings by their number on the wire. */
const chromas = ['420', '422', '444'] as const;

export type Format = (typeof formats)[number];
export type H264Profile = (typeof h264Profiles)[number];
export type Encoder = (typeof encoders)[number];
export type Chroma = (typeof chromas)[number];

/** One rendition that a gateway asks for. */
export interface VideoProfile {
  /** Never empty, and safe as one element of a URL path once percent-encoded. */
  readonly name: string;
  /** Wanted width and height; the real ones follow the source's aspect ratio. */
  readonly width: number;
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
  /** Frames per second are fps / fpsDen. fps 0 keeps the source's timing; fpsDen 0 means 1. */
  readonly fps: number;
  readonly fpsDen: number;
  readonly format: Format;
  readonly h264Profile: H264Profile;
  /** Milliseconds between key frames; -1 key frames only; 0 the encoder's default. */
  readonly gop: number;
  readonly encoder: Encoder;
  /** Constant quality (CRF or CQ) with the bitrate as its ceiling; 0 is off. */
  readonly quality: number;
  /** Written by gateways, ignored by orchestrators and transcoders: 0 and '420' when decoded. */
  readonly colorDepth: number;
  readonly chroma: Chroma;
}

/** A decoded profile, or the text that refuses it. */
export type ProfileOutcome =
  | { readonly ok: true; readonly profile: VideoProfile }
  | { readonly ok: false; readonly text: string };

/**
 * Reads one profile as an orchestrator or transcoder does. The texts for unknown enum values are
 * the protocol's; sizes, rates and names that no encoder or URL can take get the transcoder's own
 * texts, which a gateway takes as "bad input" and not as a failure of the orchestrator.
 * Wire: go-livepeer server/segment_rpc.go:makeFfmpegVideoProfiles.
 */
export function decodeProfile(message: VideoProfileMessage): ProfileOutcome {
  const format = formats[message.format];
  if (format === undefined) return { ok: false, text: segmentTexts.format };
  const h264Profile = h264Profiles[message.profile];
  if (h264Profile === undefined) return { ok: false, text: segmentTexts.encoderProfile };
  const encoder = encoders[message.encoder];
  if (encoder === undefined) return { ok: false, text: segmentTexts.codec };

  const { width, height, bitrate, fps, fpsDen, gop, quality } = message;
  const name = message.name === '' ? defaultProfileName('net', message) : message.name;
  const profile: VideoProfile = {
    name,
    width,
    height,
    bitrate,
    fps,
    fpsDen,
    format,
    h264Profile,
    gop,
    encoder,
    quality,
    colorDepth: 0,
    chroma: '420',
  };
  const text = unusable(profile);
  return text === undefined ? { ok: true, profile } : { ok: false, text };
}

/** The transcoder's text for a profile that cannot be made; undefined when it can. */
export function unusable(profile: VideoProfile): string | undefined {
  const { width, height, bitrate, fps, fpsDen, gop, quality } = profile;
  if (!nameIsSafe(profile.name)) return inputTexts.profile;
  if (width < 1 || height < 1 || width > SIDE_PIXELS_MAX || height > SIDE_PIXELS_MAX) {
    return inputTexts.resolution;
  }
  if (gop < -1) return inputTexts.gop;
  const rateUsable =
    fps <= FPS_PART_MAX && fpsDen <= FPS_PART_MAX && fps <= FPS_MAX * Math.max(1, fpsDen);
  if (!rateUsable || bitrate < 0 || quality > QUALITY_MAX) return inputTexts.invalidArgument;
  return undefined;
}

/** No separators, no control characters, not `.` or `..`, not too long: one plain path element. */
function nameIsSafe(name: string): boolean {
  if (name === '.' || name === '..' || Buffer.byteLength(name) > PROFILE_NAME_BYTES_MAX) {
    return false;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return name.length > 0 && !/[/\\\u0000-\u001f\u007f-\u009f]/.test(name) && name.isWellFormed();
}

/**
 * The name that an unnamed profile gets: `net` on the orchestrator (a client must sign that name),
 * `ffmpeg` on the gateway, `custom` from a JSON file. Wire: lpms ffmpeg/videoprofile.go.
 */
export function defaultProfileName(
  prefix: 'net' | 'ffmpeg' | 'custom',
  profile: { readonly width: number; readonly height: number; readonly bitrate: number },
): string {
  return `${prefix}_${profile.width}x${profile.height}_${profile.bitrate}`;
}

/**
 * Writes a profile. `colour` also writes depth and chroma, as a gateway does and an orchestrator
 * does not. Wire: go-livepeer common/util.go:FFmpegProfiletoNetProfile.
 */
export function encodeProfile(
  profile: VideoProfile,
  options: { readonly colour: boolean },
): VideoProfileMessage {
  const { width, height, bitrate, fps, fpsDen, gop, quality } = profile;
  const name = profile.name === '' ? defaultProfileName('ffmpeg', profile) : profile.name;
  return create(VideoProfileSchema, {
    name,
    width,
    height,
    bitrate,
    fps,
    format: formats.indexOf(profile.format),
    fpsDen,
    profile: h264Profiles.indexOf(profile.h264Profile),
    gop,
    encoder: encoders.indexOf(profile.encoder),
    colorDepth: options.colour ? profile.colorDepth : 0,
    chromaFormat: options.colour ? chromas.indexOf(profile.chroma) : 0,
    quality,
  } as MessageInitShape<typeof VideoProfileSchema>);
}

/** The three lists of a segment, of which one is filled. */
export type ProfileList = 'fullProfiles' | 'fullProfiles2' | 'fullProfiles3';

/**
 * The list that a ladder travels in: the oldest one that can express it.
 * Wire: go-livepeer core/streamdata.go:NetSegData.
 */
export function profileListFor(profiles: readonly VideoProfile[]): ProfileList {
  const plain = profiles.every(
    (profile) => profile.fpsDen === 0 && profile.h264Profile === 'default' && profile.gop === 0,
  );
  if (!plain) return 'fullProfiles3';
  return profiles.every((profile) => profile.format === 'mpegts')
    ? 'fullProfiles'
    : 'fullProfiles2';
}

/** The wanted frame rate; undefined when the source's own timing is kept. */
export function frameRate(
  profile: VideoProfile,
): { readonly numerator: number; readonly denominator: number } | undefined {
  if (profile.fps === 0) return undefined;
  return { numerator: profile.fps, denominator: Math.max(1, profile.fpsDen) };
}

/** File ending of a rendition, with its dot. */
export function extensionOf(format: Format): '.ts' | '.mp4' {
  return format === 'mp4' ? '.mp4' : '.ts';
}

/** Media type of a rendition's part in a result. Wire: go-livepeer server/ot_rpc.go. */
export function mediaTypeOf(format: Format): 'video/mp2t' | 'video/mp4' {
  return format === 'mp4' ? 'video/mp4' : 'video/mp2t';
}
