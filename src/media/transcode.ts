import type { Device } from './device.ts';
import type { Clip, RenditionSpec } from './rendition-spec.ts';
import { createThreadPool } from './thread-pool.ts';
import type { SegmentOutcome, SegmentWork } from './transcode-segment.ts';

export type { Device } from './device.ts';

/** Two: while one segment waits for its slowest encoder thread, another one uses the cores. */
const PARALLEL_DEFAULT = 2;
/** As a stock transcoder: one segment of a session at work, four more waiting. */
const WAITING_PER_SESSION_MAX = 4;
/** A thread watches the clock itself and stops after 1,200 s; this one is for a hung driver. */
const TRANSCODE_LIMIT_MS = 1_300_000;

export interface TranscodeRequest {
  readonly source: Uint8Array;
  readonly profiles: readonly RenditionSpec[];
  readonly clip?: Clip | undefined;
  /** Work of one session runs in order; different sessions run side by side. */
  readonly sessionKey: string;
  /** Also compute the MPEG-7 video signature of every rendition (`calc_perceptual_hash`). */
  readonly phash?: boolean | undefined;
}

export interface Rendition {
  readonly bytes: Uint8Array;
  /** Width x height x encoded frames. */
  readonly pixels: bigint;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly phash?: Uint8Array;
}

/** `text` is the text a stock transcoder posts for the same fault (wire: lpms ffmpeg_errors.go). */
export type TranscodeOutcome =
  | {
      readonly ok: true;
      readonly sourcePixels: bigint;
      readonly sourceFrames: number;
      readonly renditions: readonly Rendition[];
    }
  | { readonly ok: false; readonly text: string };

export interface Transcoder {
  readonly device: Device;
  /**
   * Never rejects: bad media, a failing device and a closed transcoder are `{ok: false}`. Must not
   * change `source` until it has settled when that lies in shared memory.
   */
  transcode(request: TranscodeRequest): Promise<TranscodeOutcome>;
  /** Segments at work or waiting. */
  readonly load: number;
  /**
   * Refuses what waits and what runs (`TranscoderStopped`) and resolves when the threads have come
   * back. To be called before the process ends: Node aborts when it ends a thread inside FFmpeg.
   */
  close(): Promise<void>;
}

export interface TranscoderOptions {
  readonly device: Device;
  /** Segments transcoded side by side; further ones wait. Default: 2. */
  readonly parallel?: number;
  /** Encoder threads per rendition; 0 lets the encoder choose. Default: 0. */
  readonly encoderThreads?: number;
}

/**
 * FFmpeg in this process, in threads of its own: the event loop is never blocked. One decode feeds
 * every rendition; audio is copied; timestamps stay as they are.
 */
export function createTranscoder(options: TranscoderOptions): Transcoder {
  const { device, parallel = PARALLEL_DEFAULT, encoderThreads = 0 } = options;
  const pool = createThreadPool<SegmentWork, SegmentOutcome>({
    module: new URL('./transcode-thread.ts', import.meta.url),
    threads: parallel,
  });
  const sessions = new Map<string, { waiting: number; tail: Promise<unknown> }>();

  const run = async (request: TranscodeRequest): Promise<TranscodeOutcome> => {
    const outcome = await pool.run(
      {
        device,
        encoderThreads,
        source: request.source,
        profiles: request.profiles.map(plainSpec),
        clip: request.clip,
        phash: request.phash ?? false,
      },
      { limitMs: TRANSCODE_LIMIT_MS },
    );
    if (outcome.ok) return outcome.value;
    return { ok: false, text: outcome.reason === 'closed' ? 'TranscoderStopped' : outcome.text };
  };

  return {
    device,
    async transcode(request) {
      const session = sessions.get(request.sessionKey) ?? {
        waiting: 0,
        tail: Promise.resolve(),
      };
      if (session.waiting > WAITING_PER_SESSION_MAX) return { ok: false, text: 'TranscoderBusy' };
      sessions.set(request.sessionKey, session);
      session.waiting += 1;
      const outcome = session.tail.then(() => run(request));
      session.tail = outcome;
      try {
        return await outcome;
      } finally {
        session.waiting -= 1;
        if (session.waiting === 0) sessions.delete(request.sessionKey);
      }
    },
    get load() {
      return pool.load;
    },
    close: () => pool.close(),
  };
}

/** Only the fields that count: a caller's object may hold more than a message can carry. */
function plainSpec(spec: RenditionSpec): RenditionSpec {
  const { name, width, height, bitrate, fps, fpsDen } = spec;
  const { format, h264Profile, gop, encoder, quality } = spec;
  return {
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
  };
}
