import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
} from 'node-av/constants';
import {
  Codec,
  CodecContext,
  FormatContext,
  Frame,
  type Packet,
  Packet as PacketOf,
  Rational,
  type Stream,
} from 'node-av/lib';
import { type Device, deviceKind } from './device.ts';
import { chooseEncoder, type EncoderChoice } from './encoder-options.ts';
import { check, MediaFault, optionsOf } from './ffmpeg.ts';
import { type FilterChain, type FilterStep, openFilterChain } from './filter-chain.ts';
import type { GpuDevice } from './gpu.ts';
import { type Clip, type RenditionSpec, renditionSize, type Size } from './rendition-spec.ts';
import type { Scratch } from './scratch.ts';
import { openSignature, type Signature } from './signature.ts';

/**
 * More than this many encoded frames per decoded frame is a source with a hole in its timestamps
 * that the fps filter would fill without end; lpms stops at the same ratio.
 */
const ENCODED_PER_DECODED_MAX = 25;

/** What is written; audio is copied from the input. */
export interface WriterParts {
  readonly scratch: Scratch;
  /** Of its files in the scratch folder. */
  readonly name: string;
  readonly spec: RenditionSpec;
  readonly device: Device;
  readonly gpu: GpuDevice | undefined;
  readonly video: Stream;
  readonly audio: Stream | undefined;
  readonly encoderThreads: number;
  readonly clip: Clip | undefined;
  readonly phash: boolean;
}

export interface Written {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pixels: bigint;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly phash?: Uint8Array;
}

export interface RenditionWriter extends Disposable {
  frame(frame: Frame): void;
  audioPacket(packet: Packet): void;
  finish(): Written;
}

interface OpenEncoder {
  readonly context: CodecContext;
  readonly timeBase: Rational;
  readonly size: Size;
}

/** One rendition: scale, change the frame rate, encode, mux; audio packets pass through. */
export function openRenditionWriter(parts: WriterParts): RenditionWriter {
  const { spec, video, audio, clip, scratch, name } = parts;
  const choice = chooseEncoder(spec, deviceKind(parts.device));
  if (!choice) throw new MediaFault('Encoder not found');
  const muxer = new FormatContext();
  const packet = new PacketOf();
  packet.alloc();
  const lastInput = new Frame();
  lastInput.alloc();
  const waitingAudio: Packet[] = [];
  let chain: FilterChain | undefined;
  let shape = '';
  let encoder: OpenEncoder | undefined;
  let signature: Signature | undefined;
  let videoOut: Stream | undefined;
  let audioOut: Stream | undefined;
  let inputFrames = 0;
  let frames = 0;
  let nextKeyMs = Number.NEGATIVE_INFINITY;
  let clipStartMs: number | undefined;
  let audioStartMs: number | undefined;
  let outputOpen = false;
  let headerWritten = false;
  let lastPts: bigint | undefined;
  let lastDts: bigint | undefined;

  const shiftMs = () => (clip && clip.fromMs > 0 ? clip.fromMs + (clipStartMs ?? 0) : 0);

  const encode = (frame: Frame): boolean => {
    const timeBase = chainTimeBase(chain);
    const ms = toMs(frame.pts, timeBase);
    clipStartMs ??= ms;
    if (clip && clip.toMs > 0 && ms > clip.toMs + clipStartMs) return true;
    if (clip && clip.fromMs > 0 && ms < clip.fromMs + clipStartMs) return true;
    if (frames + 1 > ENCODED_PER_DECODED_MAX * inputFrames) {
      throw new MediaFault('Encoded frames runaway');
    }
    frame.pts -= fromMs(shiftMs(), timeBase);
    if (lastPts !== undefined && frame.pts <= lastPts) {
      // A source that jumps back or changes its size: on a grid the place is taken already.
      if (spec.fps > 0) return true;
      frame.pts = lastPts + 1n;
    }
    lastPts = frame.pts;
    encoder ??= openEncoder(parts, choice, frame, timeBase);
    if (!headerWritten) writeHeader(encoder);
    frame.pictType = AV_PICTURE_TYPE_NONE;
    if (frames === 0 || (choice.keyEveryMs !== undefined && ms >= nextKeyMs)) {
      frame.pictType = AV_PICTURE_TYPE_I;
      if (choice.keyEveryMs !== undefined) nextKeyMs = ms + choice.keyEveryMs;
    }
    if (parts.phash) {
      signature ??= openSignature(frame, timeBase, scratch, `${name}.signature`);
      signature.add(frame);
    }
    check(encoder.context.sendFrameSync(frame));
    frames += 1;
    drainEncoder(encoder);
    return true;
  };

  const writeHeader = ({ context, timeBase }: OpenEncoder): void => {
    check(muxer.allocOutputContext2(null, spec.format, scratch.path(name)));
    check(muxer.openOutputSync());
    outputOpen = true;
    videoOut = muxer.newStream(null);
    check(videoOut.codecpar.fromContext(context));
    videoOut.timeBase = timeBase;
    videoOut.avgFrameRate = context.framerate;
    videoOut.sampleAspectRatio = context.sampleAspectRatio;
    if (audio) {
      audioOut = muxer.newStream(null);
      check(audio.codecpar.copy(audioOut.codecpar));
      audioOut.codecpar.codecTag = 0;
      audioOut.timeBase = audio.timeBase;
    }
    using options = optionsOf(spec.format === 'mp4' ? { movflags: 'faststart' } : {});
    check(muxer.writeHeaderSync(options));
    headerWritten = true;
    for (const held of waitingAudio.splice(0)) {
      muxAudio(held);
      held.free();
    }
  };

  const closeOutput = (): void => {
    if (outputOpen) muxer.closeOutputSync();
    outputOpen = false;
  };

  const drainEncoder = ({ context, timeBase }: OpenEncoder): void => {
    const stream = videoOut as Stream;
    while (context.receivePacketSync(packet) >= 0) {
      packet.streamIndex = stream.index;
      packet.rescaleTs(timeBase, stream.timeBase);
      // Muxers refuse decode times that do not rise; rounding can make two of them equal.
      if (lastDts !== undefined && packet.dts <= lastDts) packet.dts = lastDts + 1n;
      if (packet.pts < packet.dts) packet.pts = packet.dts;
      lastDts = packet.dts;
      check(muxer.interleavedWriteFrameSync(packet));
    }
  };

  const muxAudio = (from: Packet): void => {
    if (!audio || !audioOut) return;
    const ms = toMs(from.pts, audio.timeBase);
    audioStartMs ??= ms;
    if (clip && clip.toMs > 0 && ms > clip.toMs + audioStartMs) return;
    if (clip && clip.fromMs > 0 && ms < clip.fromMs + audioStartMs) return;
    const copy = from.clone();
    if (!copy) throw new MediaFault('Cannot allocate memory');
    try {
      const shift = clip && clip.fromMs > 0 ? clip.fromMs + audioStartMs : 0;
      copy.pts -= fromMs(shift, audio.timeBase);
      copy.dts -= fromMs(shift, audio.timeBase);
      copy.streamIndex = audioOut.index;
      copy.rescaleTs(audio.timeBase, audioOut.timeBase);
      // An odd packet must not cost the video: lpms too writes on after a refused audio packet.
      muxer.interleavedWriteFrameSync(copy);
    } finally {
      copy.free();
    }
  };

  const openChain = (frame: Frame): FilterChain => {
    const size = encoder?.size ?? renditionSize(spec, frame);
    return openFilterChain(frame, video.timeBase, filterSteps(parts, frame, size));
  };

  return {
    frame(frame) {
      const now = `${frame.width}x${frame.height}:${frame.format}`;
      if (chain && now !== shape) {
        // The input changed its size: what was held is written, and the encoder keeps its size.
        chain.end(encode);
        chain[Symbol.dispose]();
        chain = undefined;
      }
      shape = now;
      inputFrames += 1;
      chain ??= openChain(frame);
      if (frames === 0) {
        lastInput.unref();
        lastInput.ref(frame);
      }
      chain.push(frame, encode);
    },
    audioPacket(from) {
      if (!audio) return;
      if (headerWritten) return muxAudio(from);
      const held = from.clone();
      if (held) waitingAudio.push(held);
    },
    finish() {
      if (chain && frames === 0 && !clip) {
        // Very short or slow input: one step later the fps filter lets the first frame go.
        lastInput.pts += fromMs((1000 * (spec.fpsDen || 1)) / (spec.fps || 1), video.timeBase);
        // What comes out after that one would show it twice.
        chain.push(lastInput, (frame) => encode(frame) && frames === 0);
      } else chain?.end(encode);
      if (!encoder) throw new MediaFault('TranscoderInvalidVideo');
      check(encoder.context.sendFrameSync(null));
      drainEncoder(encoder);
      check(muxer.writeTrailerSync());
      closeOutput();
      const bytes = scratch.read(name);
      const { width, height } = encoder.size;
      const phash = signature?.finish();
      return {
        bytes,
        frames,
        width,
        height,
        pixels: BigInt(width) * BigInt(height) * BigInt(frames),
        ...(phash && { phash }),
      };
    },
    [Symbol.dispose]() {
      for (const held of waitingAudio) held.free();
      signature?.[Symbol.dispose]();
      chain?.[Symbol.dispose]();
      encoder?.context.freeContext();
      closeOutput();
      muxer.freeContext();
      packet.free();
      lastInput.free();
    },
  };
}

function filterSteps({ spec, gpu }: WriterParts, frame: Frame, size: Size): FilterStep[] {
  const steps: FilterStep[] = [];
  const args = `w=${size.width}:h=${size.height}`;
  if (gpu) {
    if (!frame.hwFramesCtx) {
      steps.push({ name: 'format', args: 'pix_fmts=nv12' }, { name: 'hwupload', gpu });
    }
    steps.push({ name: gpu.scaleFilter, args: `${args}:format=nv12`, gpu });
  } else {
    steps.push({ name: 'scale', args }, { name: 'format', args: 'pix_fmts=yuv420p' });
  }
  // After scaling: two frames far apart in time must not make thousands of frames to scale.
  if (spec.fps > 0) steps.push({ name: 'fps', args: `fps=${spec.fps}/${spec.fpsDen || 1}` });
  return steps;
}

function openEncoder(
  { spec, video, encoderThreads }: WriterParts,
  choice: EncoderChoice,
  frame: Frame,
  timeBase: Rational,
): OpenEncoder {
  const codec = Codec.findEncoderByName(
    choice.name as Parameters<typeof Codec.findEncoderByName>[0],
  );
  if (!codec) throw new MediaFault('Encoder not found');
  const context = new CodecContext();
  context.allocContext3(codec);
  context.width = frame.width;
  context.height = frame.height;
  context.pixelFormat = frame.format as CodecContext['pixelFormat'];
  context.sampleAspectRatio = frame.sampleAspectRatio;
  context.colorRange = frame.colorRange;
  context.colorSpace = frame.colorSpace;
  context.colorPrimaries = frame.colorPrimaries;
  context.colorTrc = frame.colorTrc;
  context.timeBase = timeBase;
  const rate = video.rFrameRate;
  context.framerate =
    spec.fps > 0 ? new Rational(spec.fps, spec.fpsDen || 1) : new Rational(rate.num, rate.den);
  if (spec.bitrate > 0) {
    // As lpms: one rate for average, minimum, maximum and buffer.
    context.bitRate = BigInt(spec.bitrate);
    context.rcMinRate = BigInt(spec.bitrate);
    context.rcMaxRate = BigInt(spec.bitrate);
    context.rcBufferSize = Math.min(spec.bitrate, 2 ** 31 - 1);
  }
  if (choice.gopFrames !== undefined) context.gopSize = choice.gopFrames;
  if (frame.hwFramesCtx) context.hwFramesCtx = frame.hwFramesCtx;
  else context.threadCount = encoderThreads;
  if (spec.format === 'mp4') context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  // One by one: node-av 6.1 frees a dictionary given to open2 and keeps the pointer to it.
  for (const [name, value] of Object.entries(choice.options)) {
    check(context.setOption(name, value));
  }
  const code = context.open2Sync(codec, null);
  if (code < 0) {
    context.freeContext();
    check(code);
  }
  return { context, timeBase, size: { width: frame.width, height: frame.height } };
}

function chainTimeBase(chain: FilterChain | undefined): Rational {
  const { num, den } = chain?.timeBase ?? { num: 1, den: 1000 };
  return new Rational(num, den);
}

function toMs(pts: bigint, { num, den }: { num: number; den: number }): number {
  return (Number(pts) * num * 1000) / den;
}

function fromMs(ms: number, { num, den }: { num: number; den: number }): bigint {
  return BigInt(Math.round((ms * den) / (num * 1000)));
}
