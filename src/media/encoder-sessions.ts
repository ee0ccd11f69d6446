import { AV_PIX_FMT_NV12, type FFEncoderCodec } from 'node-av/constants';
import { Codec, CodecContext, HardwareFramesContext, Rational } from 'node-av/lib';
import type { Device } from './device.ts';
import { check, errorText, MediaFault, silenceFfmpeg } from './ffmpeg.ts';
import { openGpu } from './gpu.ts';

/** Large enough for every encoder's minimum, small enough to take little memory of the card. */
const WIDTH = 640;
const HEIGHT = 360;

export interface SessionCount {
  /** Encoders that were open at once. */
  readonly opened: number;
  /** FFmpeg's text for the one that failed; absent when the limit was reached first. */
  readonly text?: string;
}

/**
 * Opens H.264 encoders on a GPU until one fails or `limit` are open, then closes them. Drivers of
 * consumer cards refuse more than a few; nothing but trying tells how many.
 */
export function countEncoderSessions(device: Device, limit: number): SessionCount {
  silenceFfmpeg();
  using gpu = openGpu(device);
  if (!gpu) throw new MediaFault('not a GPU');
  const name = gpu.kind === 'nvidia' ? 'h264_nvenc' : 'h264_vaapi';
  const codec = Codec.findEncoderByName(name as FFEncoderCodec);
  if (!codec) return { opened: 0, text: 'Encoder not found' };
  const frames = new HardwareFramesContext();
  const open: CodecContext[] = [];
  try {
    frames.alloc(gpu.context);
    frames.format = gpu.pixelFormat;
    frames.swFormat = AV_PIX_FMT_NV12;
    frames.width = WIDTH;
    frames.height = HEIGHT;
    check(frames.init());
    while (open.length < limit) {
      const encoder = new CodecContext();
      encoder.allocContext3(codec);
      encoder.width = WIDTH;
      encoder.height = HEIGHT;
      encoder.pixelFormat = gpu.pixelFormat;
      encoder.timeBase = new Rational(1, 30);
      encoder.hwFramesCtx = frames;
      const code = encoder.open2Sync(codec, null);
      if (code < 0) {
        encoder.freeContext();
        return { opened: open.length, text: errorText(code) };
      }
      open.push(encoder);
    }
    return { opened: open.length };
  } finally {
    for (const encoder of open) encoder.freeContext();
    frames.free();
  }
}
