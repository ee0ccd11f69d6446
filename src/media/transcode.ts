import type { Clip, RenditionSpec } from './rendition-spec.ts';

/** Where to encode: `cpu`, one NVIDIA card by index, or one VA-API render node. */
export type Device = 'cpu' | `nvidia:${number}` | `vaapi:${string}`;

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

/** `text` is the text a stock transcoder posts for the same fault (wire-gateway.md 9.5). */
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
  /** Never rejects for bad media; that is `{ok: false}`. */
  transcode(request: TranscodeRequest): Promise<TranscodeOutcome>;
  /** Forgets a session's thread; running work is finished first. Unknown sessions are ignored. */
  endSession(sessionKey: string): void;
  close(): Promise<void>;
}

export declare function createTranscoder(options: {
  readonly device: Device;
  /** Segments transcoded side by side; further ones wait. Default: 2. */
  readonly parallel?: number;
  /** Encoder threads per segment; 0 lets the encoder choose. Default: 0. */
  readonly encoderThreads?: number;
}): Transcoder;
