import { decodeAll, openInput } from './decode.ts';
import type { Device } from './device.ts';
import { MediaFault, silenceFfmpeg } from './ffmpeg.ts';
import { openGpu } from './gpu.ts';
import type { Clip, RenditionSpec } from './rendition-spec.ts';
import { openRenditionWriter, type RenditionWriter, type Written } from './rendition-writer.ts';
import { openScratch } from './scratch.ts';

/** lpms takes no longer segment; a longer one is a mistake or an attack. */
const INPUT_SECONDS_MAX = 300;
/** lpms takes no more outputs at once. */
const OUTPUTS_MAX = 10;

/**
 * Nobody waits longer for a segment: a gateway gives up after four times the longest duration
 * (300 s), and a stock orchestrator with it.
 */
const LIMIT_MS = 1_200_000;

export interface SegmentWork {
  readonly device: Device;
  readonly encoderThreads: number;
  readonly source: Uint8Array;
  readonly profiles: readonly RenditionSpec[];
  readonly clip?: Clip | undefined;
  readonly phash: boolean;
}

export type SegmentOutcome =
  | {
      readonly ok: true;
      readonly sourcePixels: bigint;
      readonly sourceFrames: number;
      readonly renditions: readonly Written[];
    }
  | { readonly ok: false; readonly text: string };

/**
 * Decodes a segment once and encodes it into every rendition asked for, in the calling thread,
 * which it blocks. Faults of the media are values; anything else is thrown.
 */
export function transcodeSegment(work: SegmentWork): SegmentOutcome {
  silenceFfmpeg();
  const writers: RenditionWriter[] = [];
  try {
    refuseNonsense(work);
    using scratch = openScratch();
    using gpu = openGpu(work.device);
    using input = openInput(scratch.write('source', work.source), gpu);
    if (Number(input.container.duration) / 1e6 >= INPUT_SECONDS_MAX + 1) {
      return { ok: false, text: 'TranscoderInvalidDuration' };
    }
    const { video, audio } = input;
    const { device, encoderThreads, clip, phash } = work;
    const parts = { scratch, device, gpu, video, audio, encoderThreads, clip, phash };
    for (const [index, spec] of work.profiles.entries()) {
      writers.push(openRenditionWriter({ ...parts, spec, name: String(index) }));
    }
    const decoded = decodeAll(input, {
      limitMs: LIMIT_MS,
      frame: (frame) => {
        for (const writer of writers) writer.frame(frame);
      },
      audioPacket: (packet) => {
        for (const writer of writers) writer.audioPacket(packet);
      },
    });
    const renditions = writers.map((writer) => writer.finish());
    return {
      ok: true,
      sourcePixels: decoded.pixels,
      sourceFrames: decoded.frames,
      renditions,
    };
  } catch (error) {
    if (error instanceof MediaFault) return { ok: false, text: error.message };
    throw error;
  } finally {
    for (const writer of writers) writer[Symbol.dispose]();
  }
}

function refuseNonsense({ profiles, clip }: SegmentWork): void {
  if (profiles.length > OUTPUTS_MAX) throw new MediaFault('Too many outputs');
  for (const spec of profiles) {
    if (!(spec.width > 0 && spec.height > 0)) throw new MediaFault('TranscoderInvalidResolution');
    if (spec.gop < -1) throw new MediaFault('TranscoderInvalidGOP');
    if (!(spec.fps >= 0 && spec.bitrate >= 0)) throw new MediaFault('Invalid argument');
  }
  if (clip && (clip.fromMs < 0 || (clip.toMs > 0 && clip.toMs < clip.fromMs))) {
    throw new MediaFault('TranscoderInvalidClipConfig');
  }
}
