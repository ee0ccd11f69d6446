import { type Pixels, pixels } from '../base/money.ts';
import type { Inspection, Problem, VideoInspection } from '../media/inspection.ts';
import {
  type Clip,
  type RenditionSpec,
  renditionSize,
  type Size,
} from '../media/rendition-spec.ts';
import type { Reason } from './reasons.ts';

/** go-livepeer calls anything smaller `ZeroSegments` (wire: core/orchestrator.go transcodeSeg). */
const RENDITION_BYTES_MIN = 25;

/**
 * The larger side is given by the rule and must be exact. The other one follows the aspect ratio,
 * and scalers round it to even numbers up or down.
 */
const FOLLOWING_SIDE_SLACK = 2;

/**
 * Frames more or fewer than time times rate. One for where the first frame falls on the output's
 * grid, one for where the last one ends, one for the duration of the last source frame, which
 * MPEG-TS does not tell.
 */
const FRAMES_SLACK = 3;
/** With the input's timing kept, frames are one to one; decoders may lose one at each end. */
const PASSTHROUGH_FRAMES_SLACK = 2;
/** Timestamps of variable sources drift by rounding; 2 % of a 2 s segment is one frame at 30 Hz. */
const SHARE_SLACK = 0.02;
/**
 * A source that starts in the middle of a group of pictures: software and hardware decoders begin
 * to deliver at different frames.
 */
const BROKEN_START_SHARE_SLACK = 0.5;
/** Rounding of 90 kHz and of milliseconds. */
const SPAN_SLACK_MS = 20;

/** Half of it, as the first audio packets of a segment may belong to the one before. */
const AUDIO_SHARE_MIN = 0.5;
/** Less audio than this may fall between packets entirely. */
const AUDIO_JUDGED_MS_MIN = 500;

/** Fewer equal pictures may be chance: still pictures of one encoder are alike. */
const SAME_PICTURES_MIN = 3;
const SAME_PICTURES_SHARE = 0.5;

/** Faults of the file that no sound muxer makes. */
const DAMAGE: ReadonlySet<Problem> = new Set([
  'empty',
  'no_video',
  'no_parameter_sets',
  'truncated',
  'sync_lost',
  'continuity_gap',
  'transport_error',
  'bad_table',
  'bad_pes',
  'bad_nal',
  'bad_box',
  'data_missing',
  'too_many',
  'undecodable',
  'inspector_failed',
]);

/** What a worker was asked for, what it was given, and what it gave back. */
export interface Judgement {
  /** What the job asked for, in order. */
  readonly profiles: readonly RenditionSpec[];
  readonly source: Inspection;
  /** What came back, in order. */
  readonly renditions: readonly Inspection[];
  /** Any exact digest of the source bytes, in the same form as `outputHashes`. */
  readonly sourceHash: string;
  /** Digests of the renditions, in order. */
  readonly outputHashes: readonly string[];
  /** Of earlier outputs: the digest of the source that each was made of. A `Map` will do. */
  readonly earlierOutputs: { get(outputHash: string): string | undefined };
  /** Duration that the gateway signed, in milliseconds. */
  readonly durationMs: number;
  readonly clip?: Clip | undefined;
}

/** One rendition as the pool counted it. */
export interface JudgedRendition {
  readonly pixels: Pixels;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

export type Verdict =
  | {
      readonly ok: true;
      /** Sum over the renditions: what the worker earns and the gateway pays for. */
      readonly pixels: Pixels;
      readonly perRendition: readonly JudgedRendition[];
    }
  /** `rendition` is the index of the one at fault; absent when it is the whole result. */
  | { readonly ok: false; readonly reason: Reason; readonly rendition?: number };

/**
 * Level 0 of verification: does the structure of what a worker returned fit what it was asked for?
 * Pure, and built so that it accepts whatever an honest transcoder makes of the source: every
 * tolerance is argued above. Whether the pictures show the source is for the levels above.
 */
export function judge(judgement: Judgement): Verdict {
  const { profiles, source, renditions } = judgement;
  if (renditions.length !== profiles.length) return { ok: false, reason: 'wrong_count' };
  if (!source.video) return { ok: false, reason: 'source_unreadable' };
  const perRendition: JudgedRendition[] = [];
  let total = 0n;
  for (const [index, rendition] of renditions.entries()) {
    const found = judgeOne(judgement, source.video, index, rendition);
    if (typeof found === 'string') return { ok: false, reason: found, rendition: index };
    perRendition.push(found);
    total += found.pixels;
  }
  return { ok: true, pixels: pixels(total), perRendition };
}

function judgeOne(
  judgement: Judgement,
  source: VideoInspection,
  index: number,
  rendition: Inspection,
): Reason | JudgedRendition {
  const spec = judgement.profiles[index] as RenditionSpec;
  if (rendition.bytes < RENDITION_BYTES_MIN) return 'empty_rendition';
  if (rendition.container !== 'unknown' && rendition.container !== spec.format) {
    return 'wrong_container';
  }
  const { video } = rendition;
  if (!video || rendition.problems.some((problem) => DAMAGE.has(problem))) return 'damaged';
  if (rendition.container !== spec.format) return 'wrong_container';
  if (video.codec !== spec.encoder) return 'wrong_codec';
  if (isSource(judgement, source, index, video)) return 'source_remuxed';
  if (isRepeated(judgement, index, video)) return 'repeated_output';
  if (!sizesFit(spec, source, video)) return 'wrong_size';
  if (!video.firstFrameIsKey) return 'first_frame_not_key';
  const expected = expectation(judgement, source, spec);
  if (video.frames < expected.framesMin || video.frames > expected.framesMax) {
    return 'wrong_frame_count';
  }
  if (Math.abs(video.spanMs - expected.spanMs) > expected.spanSlackMs) return 'wrong_span';
  if (isAudioLost(judgement, rendition)) return 'audio_lost';
  return {
    pixels: pixels(video.pixels),
    frames: video.frames,
    width: video.width,
    height: video.height,
    bytes: rendition.bytes,
  };
}

interface Expectation {
  readonly framesMin: number;
  readonly framesMax: number;
  readonly spanMs: number;
  readonly spanSlackMs: number;
}

function expectation(
  { clip, durationMs, source: { problems } }: Judgement,
  source: VideoInspection,
  spec: RenditionSpec,
): Expectation {
  const fromMs = clip?.fromMs ?? 0;
  const toMs = clip && clip.toMs > 0 ? Math.min(clip.toMs, source.spanMs) : source.spanMs;
  const spanMs = Math.max(0, toMs - fromMs);
  const sourceFrameMs = source.fps > 0 ? 1000 / source.fps : 0;
  // Where a damaged source's timestamps jump back, transcoders put frames anywhere up to here.
  const jumpMs = problems.length > 0 ? Math.abs(source.frames * sourceFrameMs - spanMs) : 0;
  const share = source.firstFrameIsKey ? SHARE_SLACK : BROKEN_START_SHARE_SLACK;

  if (spec.fps === 0) {
    const kept = source.spanMs > 0 ? Math.min(1, spanMs / source.spanMs) : 1;
    const frames = source.frames * kept;
    // A clip cuts a variable source where its frames may be denser than on average.
    const slack = PASSTHROUGH_FRAMES_SLACK + frames * share + (clip ? frames * 0.2 + 1 : 0);
    return {
      framesMin: Math.max(1, Math.floor(frames - slack)),
      framesMax: Math.ceil(frames + slack),
      spanMs,
      spanSlackMs: SPAN_SLACK_MS + 4 * sourceFrameMs + spanMs * share + jumpMs,
    };
  }

  const rate = spec.fps / (spec.fpsDen || 1);
  const frameMs = 1000 / rate;
  const frames = spanMs / frameMs;
  const slack = FRAMES_SLACK + (sourceFrameMs + jumpMs) / frameMs + frames * share;
  // A still picture may last for the whole segment, and only its container knows.
  const framesMax = source.frames < 3 ? Math.max(frames, durationMs / frameMs) : frames;
  return {
    framesMin: Math.max(1, Math.floor(frames - slack)),
    framesMax: Math.ceil(framesMax + slack),
    spanMs: source.frames < 3 ? framesMax * frameMs : spanMs,
    spanSlackMs:
      SPAN_SLACK_MS +
      FRAMES_SLACK * frameMs +
      2 * sourceFrameMs +
      spanMs * share +
      jumpMs +
      (source.frames < 3 ? durationMs : 0),
  };
}

/** Every size in the rendition is what the rule makes of some size in the source. */
function sizesFit(spec: RenditionSpec, source: VideoInspection, video: VideoInspection): boolean {
  const turned = source.rotation === 90 || source.rotation === 270;
  const wanted: Size[] = [];
  for (const size of source.sizes) {
    wanted.push(renditionSize(spec, size));
    // A transcoder may turn the picture upright or leave that to the player.
    if (turned) wanted.push(renditionSize(spec, { width: size.height, height: size.width }));
  }
  return video.sizes.every((size) => wanted.some((want) => sizeFits(size, want)));
}

function sizeFits(size: Size, want: Size): boolean {
  const wide = want.width >= want.height;
  const larger = wide ? size.width - want.width : size.height - want.height;
  const following = wide ? size.height - want.height : size.width - want.width;
  return larger === 0 && Math.abs(following) <= FOLLOWING_SIDE_SLACK;
}

function isSource(
  { sourceHash, outputHashes }: Judgement,
  source: VideoInspection,
  index: number,
  video: VideoInspection,
): boolean {
  if (outputHashes[index] === sourceHash) return true;
  if (source.codec !== video.codec) return false;
  const known = new Set(source.fingerprints);
  const same = video.fingerprints.filter((print) => known.has(print)).length;
  return (
    same >= SAME_PICTURES_MIN && same >= Math.ceil(video.fingerprints.length * SAME_PICTURES_SHARE)
  );
}

/**
 * The same bytes as an earlier output of another source, or as another rendition of this one that
 * was asked for differently. Still pictures, which are alike in any encode, are not held against
 * the worker: their frames are too small to have fingerprints.
 */
function isRepeated(judgement: Judgement, index: number, video: VideoInspection): boolean {
  if (video.fingerprints.length < SAME_PICTURES_MIN) return false;
  const { outputHashes, earlierOutputs, sourceHash, profiles } = judgement;
  const hash = outputHashes[index];
  if (hash === undefined) return false;
  const madeOf = earlierOutputs.get(hash);
  if (madeOf !== undefined && madeOf !== sourceHash) return true;
  const spec = profiles[index] as RenditionSpec;
  return outputHashes.some(
    (other, place) =>
      place < index && other === hash && !sameWork(spec, profiles[place] as RenditionSpec),
  );
}

/** All that an encoder is told is the same; only the names may differ. */
function sameWork(one: RenditionSpec, other: RenditionSpec): boolean {
  return (
    one.width === other.width &&
    one.height === other.height &&
    one.bitrate === other.bitrate &&
    one.fps * (other.fpsDen || 1) === other.fps * (one.fpsDen || 1) &&
    one.format === other.format &&
    one.h264Profile === other.h264Profile &&
    one.gop === other.gop &&
    one.encoder === other.encoder &&
    one.quality === other.quality
  );
}

function isAudioLost({ source, clip }: Judgement, rendition: Inspection): boolean {
  const wanted = source.audio;
  // A codec that we cannot name may be one that the output format cannot carry.
  if (!wanted || wanted.packets === 0 || wanted.codec === 'other') return false;
  const toMs = clip && clip.toMs > 0 ? Math.min(clip.toMs, wanted.spanMs) : wanted.spanMs;
  const spanMs = toMs - (clip?.fromMs ?? 0);
  const found = rendition.audio;
  if (!found || found.packets === 0) return !clip || spanMs >= AUDIO_JUDGED_MS_MIN;
  if (found.codec !== wanted.codec) return true;
  return spanMs >= AUDIO_JUDGED_MS_MIN && found.spanMs < spanMs * AUDIO_SHARE_MIN;
}
