import {
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_MPEG2VIDEO,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  type AVPixelFormat,
} from 'node-av/constants';
import {
  Codec,
  CodecContext,
  FormatContext,
  Frame,
  type HardwareDeviceContext,
  Packet,
  type Stream,
} from 'node-av/lib';
import {
  check,
  END_OF_FILE,
  MediaFault,
  NO_TIMESTAMP,
  TRY_AGAIN,
  untrustedInput,
} from './ffmpeg.ts';

/**
 * More threads than this gain nothing on a 2 s segment: each adds a frame of delay and memory.
 */
const DECODER_THREADS_MAX = 4;

/** Codecs whose decoders face hostile bytes every day elsewhere; others are refused. */
const INPUT_CODECS: ReadonlySet<number> = new Set([
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_MPEG2VIDEO,
]);

/** A GPU on which to decode. */
export interface DecodingDevice {
  readonly context: HardwareDeviceContext;
  readonly pixelFormat: AVPixelFormat;
}

export interface OpenInput extends Disposable {
  readonly container: FormatContext;
  readonly video: Stream;
  readonly audio: Stream | undefined;
  readonly decoder: CodecContext;
}

/** Opens a file for decoding. Throws {@link MediaFault} with the lpms text. */
export function openInput(path: string, device?: DecodingDevice): OpenInput {
  const container = new FormatContext();
  const decoder = new CodecContext();
  const close = () => closeInput(container, decoder);
  try {
    using options = untrustedInput();
    check(container.openInputSync(path, null, options));
    check(container.findStreamInfoSync(null));
    const videoIndex = container.findBestStream(AVMEDIA_TYPE_VIDEO);
    // "Audio-only segment": lpms refuses it with this text, as it does frameless video.
    if (videoIndex < 0) throw new MediaFault('TranscoderInvalidVideo');
    const audioIndex = container.findBestStream(AVMEDIA_TYPE_AUDIO);
    const { streams } = container;
    const video = streams[videoIndex] as Stream;
    openDecoder(decoder, video, device);
    const audio = audioIndex < 0 ? undefined : streams[audioIndex];
    return { container, video, audio, decoder, [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}

function openDecoder(decoder: CodecContext, video: Stream, device?: DecodingDevice): void {
  const parameters = video.codecpar;
  const codec = Codec.findDecoder(parameters.codecId);
  if (!codec || !INPUT_CODECS.has(parameters.codecId)) {
    throw new MediaFault('Unsupported input codec');
  }
  decoder.allocContext3(codec);
  check(decoder.parametersToContext(parameters));
  decoder.pktTimebase = video.timeBase;
  decoder.threadCount = device ? 1 : DECODER_THREADS_MAX;
  if (device) {
    decoder.hwDeviceCtx = device.context;
    decoder.setHardwarePixelFormat(device.pixelFormat);
  }
  check(decoder.open2Sync(codec, null));
}

function closeInput(container: FormatContext, decoder: CodecContext): void {
  decoder.freeContext();
  container.closeInputSync();
}

export interface Decoding {
  /** A decoded frame with a timestamp that always rises; the frame is reused for the next one. */
  frame(frame: Frame): void;
  /** An audio packet, to be copied; reused for the next one. */
  audioPacket?(packet: Packet): void;
  /** Milliseconds after which to stop with the fault `too slow`. */
  readonly limitMs: number;
}

export interface Decoded {
  readonly frames: number;
  readonly pixels: bigint;
}

/**
 * Reads the input to its end and hands out what it holds. Damaged packets are skipped as FFmpeg
 * does. Throws {@link MediaFault} `No keyframes in input` when nothing could be decoded for that.
 */
export function decodeAll(input: OpenInput, decoding: Decoding): Decoded {
  const { container, decoder, video, audio } = input;
  using packet = new Packet();
  using frame = new Frame();
  packet.alloc();
  frame.alloc();
  let frames = 0;
  let pixels = 0n;
  let keyPackets = 0;
  let videoPackets = 0;
  const timeline = risingTimestamps(video);

  const drain = () => {
    for (;;) {
      const code = decoder.receiveFrameSync(frame);
      if (code === TRY_AGAIN || code === END_OF_FILE) return;
      if (code < 0) continue;
      frames += 1;
      pixels += BigInt(frame.width) * BigInt(frame.height);
      timeline(frame);
      decoding.frame(frame);
      frame.unref();
    }
  };

  const stopAt = performance.now() + decoding.limitMs;
  for (;;) {
    if (performance.now() > stopAt) throw new MediaFault('too slow');
    const code = container.readFrameSync(packet);
    if (code < 0) break;
    if (packet.streamIndex === video.index) {
      videoPackets += 1;
      if (packet.isKeyframe) keyPackets += 1;
      if (decoder.sendPacketSync(packet) === TRY_AGAIN) {
        drain();
        decoder.sendPacketSync(packet);
      }
      drain();
    } else if (audio && packet.streamIndex === audio.index) {
      decoding.audioPacket?.(packet);
    }
    packet.unref();
  }
  decoder.sendPacketSync(null);
  drain();

  if (frames === 0) {
    if (videoPackets === 0) throw new MediaFault('TranscoderInvalidVideo');
    if (keyPackets === 0) throw new MediaFault('No keyframes in input');
    throw new MediaFault('Invalid data found when processing input');
  }
  return { frames, pixels };
}

/**
 * Gives every frame a timestamp above the one before it and a duration: broken sources (OBS is
 * known for it) have neither always, and filters and muxers need both.
 */
function risingTimestamps(video: Stream): (frame: Frame) => void {
  const rate = video.rFrameRate;
  const { num, den } = video.timeBase;
  const usual =
    rate.num > 0 && rate.den > 0 && num > 0
      ? BigInt(Math.max(1, Math.round((rate.den * den) / (rate.num * num))))
      : 1n;
  let last: bigint | undefined;
  return (frame) => {
    if (frame.duration <= 0n) frame.duration = usual;
    let pts = frame.pts;
    if (pts === NO_TIMESTAMP) pts = frame.bestEffortTimestamp;
    if (pts === NO_TIMESTAMP) pts = (last ?? -usual) + usual;
    else if (last !== undefined && pts <= last) pts = last + 1n;
    frame.pts = pts;
    last = pts;
  };
}
