import { create } from '@bufbuild/protobuf';
import { type Capabilities as CapabilitiesMessage, CapabilitiesSchema } from './gen/lp_rpc_pb.ts';
import type { Encoder, VideoProfile } from './video-profile.ts';

/** Bits of a capability set by name. Wire: go-livepeer core/capabilities.go. */
export const Capability = {
  H264: 0,
  MPEGTS: 1,
  MP4: 2,
  FractionalFramerates: 3,
  StorageDirect: 4,
  StorageS3: 5,
  StorageGCS: 6,
  ProfileH264Baseline: 7,
  ProfileH264Main: 8,
  ProfileH264High: 9,
  ProfileH264ConstrainedHigh: 10,
  GOP: 11,
  AuthToken: 12,
  SceneClassification: 13,
  MPEG7VideoSignature: 14,
  HEVCDecode: 15,
  HEVCEncode: 16,
  VP8Decode: 17,
  VP9Decode: 18,
  VP8Encode: 19,
  VP9Encode: 20,
  H264Decode444_8bit: 21,
  H264Decode422_8bit: 22,
  H264Decode444_10bit: 23,
  H264Decode422_10bit: 24,
  H264Decode420_10bit: 25,
  SegmentSlicing: 26,
  TextToImage: 27,
  ImageToImage: 28,
  ImageToVideo: 29,
  Upscale: 30,
  AudioToText: 31,
  SegmentAnything2: 32,
  LLM: 33,
  ImageToText: 34,
  LiveVideoToVideo: 35,
  TextToSpeech: 36,
  BYOC: 37,
} as const;

export type CapabilityName = keyof typeof Capability;

/** A set of capabilities: bit n is capability n. */
export type CapabilityBits = bigint;

/** What every orchestrator and transcoder can do: 0 to 12, 14 and 26. */
export const DEFAULT_BITS: CapabilityBits = 0x4005fffn;
/** What a stock transcoder in software mode says of itself. */
export const SOFTWARE_BITS: CapabilityBits = 0x15ffe25fffn;
/** What a stock GPU transcoder says of itself when all its tests passed. */
export const FULL_GPU_BITS: CapabilityBits = 0x15ffe7dfffn;
/**
 * Capabilities about video. A stock transcoder also advertises AI bits that it cannot serve, so
 * only these of its bits say something.
 */
export const VIDEO_BITS: CapabilityBits = (1n << 27n) - 1n;

/** The protocol names 38 capabilities; 16 words leave room for 1024 and stop a bitstring of 64 KB. */
export const BITSTRING_WORDS_MAX = 16;
const CAPABILITY_MAX = BITSTRING_WORDS_MAX * 64 - 1;
/** A version text is shown and compared; a semver with build suffix has about 30 characters. */
const VERSION_CHARS_MAX = 128;

const WORD = (1n << 64n) - 1n;

/** The set of the named capabilities. */
export function bitsOf(...names: readonly CapabilityName[]): CapabilityBits {
  return names.reduce((bits, name) => bits | (1n << BigInt(Capability[name])), 0n);
}

/** Names of the bits that are set; a bit without a name is shown as its number. */
export function namesOf(bits: CapabilityBits): readonly string[] {
  return numbersOf(bits).map((number) => nameByNumber.get(number) ?? String(number));
}

const nameByNumber: ReadonlyMap<number, string> = new Map(
  Object.entries(Capability).map(([name, number]) => [number, name]),
);

/** Numbers of the bits that are set, ascending. */
export function numbersOf(bits: CapabilityBits): readonly number[] {
  const numbers: number[] = [];
  for (let rest = bits, number = 0; rest > 0n; rest >>= 1n, number++) {
    if (rest & 1n) numbers.push(number);
  }
  return numbers;
}

/** Words of 64 bits, lowest first. Words beyond {@link BITSTRING_WORDS_MAX} are not looked at. */
export function fromBitstring(words: readonly bigint[]): CapabilityBits {
  let bits = 0n;
  for (const [index, word] of words.slice(0, BITSTRING_WORDS_MAX).entries()) {
    bits |= (word & WORD) << BigInt(index * 64);
  }
  return bits;
}

/** As many words as needed; none for the empty set. */
export function toBitstring(bits: CapabilityBits): bigint[] {
  const words: bigint[] = [];
  for (let rest = bits; rest > 0n; rest >>= 64n) words.push(rest & WORD);
  return words;
}

/** What a job needs from whoever does it. */
export interface JobCapabilities {
  readonly bits: CapabilityBits;
  /** Words that the bitstring had on the wire: an extra zero word makes a job incompatible. */
  readonly words: number;
  /** Lowest acceptable version; empty for any. */
  readonly minVersion: string;
}

/** What an orchestrator or transcoder says of itself. */
export interface OfferedCapabilities {
  readonly bits: CapabilityBits;
  readonly version: string;
  /** Bits that a job must have to be taken; none in practice. */
  readonly mandatories?: CapabilityBits;
}

/**
 * Whether a job can be done by this orchestrator or transcoder. AI model constraints are not looked
 * at. Wire: go-livepeer core/capabilities.go:CompatibleWith.
 */
export function compatible(job: JobCapabilities, offered: OfferedCapabilities): boolean {
  if (!versionAtLeast(offered.version, job.minVersion)) return false;
  if (((offered.mandatories ?? 0n) & ~job.bits) !== 0n) return false;
  if ((job.bits & ~offered.bits) !== 0n) return false;
  return job.words <= wordsOf(offered.bits);
}

function wordsOf(bits: CapabilityBits): number {
  let words = 0;
  for (let rest = bits; rest > 0n; rest >>= 64n) words++;
  return words;
}

const SEMVER = /^v?(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(?:[-+][0-9A-Za-z.+-]*)?$/;

/**
 * Whether a version satisfies a minimum: suffixes are ignored on both sides, an empty or unparsable
 * minimum asks for nothing, an empty, `undefined` or unparsable version satisfies no minimum.
 */
export function versionAtLeast(version: string, minimum: string): boolean {
  if (minimum === '') return true;
  if (version === '' || version === 'undefined') return false;
  const wanted = SEMVER.exec(minimum);
  if (!wanted) return true;
  const given = SEMVER.exec(version);
  if (!given) return false;
  for (const part of [1, 2, 3]) {
    const difference = Number(given[part] ?? 0) - Number(wanted[part] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** What a gateway's job consists of, as far as capabilities care. */
export interface JobShape {
  readonly input: { readonly codec: Encoder; readonly pixelFormat?: string };
  readonly profiles: readonly VideoProfile[];
  readonly storage?: 's3' | 'google' | undefined;
  /** HTTP-push streams may be sliced; the stock gateway asks for it on each. */
  readonly push: boolean;
  readonly fastVerification?: boolean;
}

const decodeNames = {
  h264: 'H264',
  hevc: 'HEVCDecode',
  vp8: 'VP8Decode',
  vp9: 'VP9Decode',
} as const satisfies Record<Encoder, CapabilityName>;

const encodeNames = {
  h264: 'H264',
  hevc: 'HEVCEncode',
  vp8: 'VP8Encode',
  vp9: 'VP9Encode',
} as const satisfies Record<Encoder, CapabilityName>;

const h264ProfileNames = {
  default: undefined,
  baseline: 'ProfileH264Baseline',
  main: 'ProfileH264Main',
  high: 'ProfileH264High',
  constrained_high: 'ProfileH264ConstrainedHigh',
} as const satisfies Record<VideoProfile['h264Profile'], CapabilityName | undefined>;

/** By FFmpeg's name of the pixel format, for H264 input. */
const pixelFormatNames: ReadonlyMap<string, CapabilityName> = new Map([
  ['yuv444p', 'H264Decode444_8bit'],
  ['yuv422p', 'H264Decode422_8bit'],
  ['yuv444p10le', 'H264Decode444_10bit'],
  ['yuv422p10le', 'H264Decode422_10bit'],
  ['yuv420p10le', 'H264Decode420_10bit'],
]);

/** The capabilities that a gateway asks for. Wire: core/capabilities.go:JobCapabilities. */
export function jobBits(shape: JobShape): CapabilityBits {
  const names = new Set<CapabilityName>(['AuthToken']);
  if (shape.fastVerification) names.add('MPEG7VideoSignature');
  if (shape.push) names.add('SegmentSlicing');
  if (shape.storage) names.add(shape.storage === 's3' ? 'StorageS3' : 'StorageGCS');

  names.add(decodeNames[shape.input.codec]);
  const pixels = pixelFormatNames.get(shape.input.pixelFormat ?? '');
  if (shape.input.codec === 'h264' && pixels) names.add(pixels);

  for (const profile of shape.profiles) {
    names.add(profile.format === 'mp4' ? 'MP4' : 'MPEGTS');
    names.add(encodeNames[profile.encoder]);
    if (profile.fpsDen > 0) names.add('FractionalFramerates');
    const h264Profile = h264ProfileNames[profile.h264Profile];
    if (h264Profile) names.add(h264Profile);
    if (profile.gop !== 0) names.add('GOP');
  }
  return bitsOf(...names);
}

/** A Capabilities message as received, within limits. */
export interface ReceivedCapabilities extends JobCapabilities, OfferedCapabilities {
  readonly mandatories: CapabilityBits;
  /** Capability number to count; 1 per set bit when the message has no counts. */
  readonly capacities: ReadonlyMap<number, number>;
}

/**
 * Reads a Capabilities message. Capability numbers that no bitstring of ours can hold are left out;
 * an overlong version counts as none.
 */
export function readCapabilities(message: CapabilitiesMessage | undefined): ReceivedCapabilities {
  const bits = fromBitstring(message?.bitstring ?? []);
  const capacities = new Map<number, number>();
  for (const [key, count] of Object.entries(message?.capacities ?? {})) {
    const number = Number(key);
    if (number <= CAPABILITY_MAX) capacities.set(number, count);
  }
  if (capacities.size === 0) for (const number of numbersOf(bits)) capacities.set(number, 1);
  return {
    bits,
    words: message?.bitstring.length ?? 0,
    mandatories: fromBitstring(message?.mandatories ?? []),
    capacities,
    version: shortVersion(message?.version ?? ''),
    minVersion: shortVersion(message?.constraints?.minVersion ?? ''),
  };
}

function shortVersion(text: string): string {
  return text.length <= VERSION_CHARS_MAX ? text : '';
}

/**
 * Writes a Capabilities message, with `constraints` present as stock nodes write it. `capacities`
 * is absent from a gateway's job, a map or one per set bit everywhere else.
 */
export function writeCapabilities(options: {
  readonly bits: CapabilityBits;
  readonly version?: string;
  readonly minVersion?: string;
  readonly capacities?: 'one_each' | ReadonlyMap<number, number>;
}): CapabilitiesMessage {
  const { bits, capacities } = options;
  const counts =
    capacities === 'one_each'
      ? numbersOf(bits).map((number) => [number, 1] as const)
      : [...(capacities ?? [])];
  return create(CapabilitiesSchema, {
    bitstring: toBitstring(bits),
    capacities: Object.fromEntries(counts),
    version: options.version ?? '',
    constraints: { minVersion: options.minVersion ?? '' },
  });
}
