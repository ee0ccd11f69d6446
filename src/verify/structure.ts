import type { Pixels } from '../base/money.ts';
import type { Inspection } from '../media/inspection.ts';
import type { Clip, RenditionSpec } from '../media/rendition-spec.ts';

export interface Judgement {
  /** What the job asked for, in order. */
  readonly profiles: readonly RenditionSpec[];
  readonly source: Inspection;
  /** What came back, in order. */
  readonly renditions: readonly Inspection[];
  /** Any exact digest of the source bytes, in the same form as `outputHashes`. */
  readonly sourceHash?: string | undefined;
  readonly outputHashes: readonly string[];
  /** Digests of earlier outputs of other segments; a retry of the same segment is not one. */
  readonly earlierHashes: { has(hash: string): boolean };
  /** Duration that the gateway signed, in milliseconds. */
  readonly durationMs: number;
  readonly clip?: Clip | undefined;
}

export type Reason =
  | 'wrong_count'
  | 'empty_rendition'
  | 'damaged'
  | 'wrong_container'
  | 'wrong_codec'
  | 'wrong_size'
  | 'wrong_frame_count'
  | 'wrong_span'
  | 'first_frame_not_key'
  | 'audio_lost'
  | 'repeated_output'
  | 'source_remuxed';

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
      readonly pixels: Pixels;
      readonly perRendition: readonly JudgedRendition[];
    }
  /** `rendition` is the index of the one at fault, absent when it is the set. */
  | { readonly ok: false; readonly reason: Reason; readonly rendition?: number };

export declare function judge(judgement: Judgement): Verdict;
