import type { Instant } from '../base/clock.ts';
import type { Inspection } from '../media/inspection.ts';
import type { Rational } from '../payments/rational.ts';
import type { Segment } from '../protocol/segment.ts';
import type { Task } from './relay.ts';

/** What the front knows of a video segment while the relay carries it. */
export interface SegmentDetail {
  readonly segment: Segment;
  /** Length that the gateway declared, while the source still arrives. */
  readonly declaredBytes: number | undefined;
  /** Wei per pixel that its gateway pays; undefined off-chain. */
  readonly price?: Rational;
  /**
   * The source as the bitstream shows it, or {@link NOTHING_FOUND} when its hash turns out wrong.
   * Set when all of it is there.
   */
  inspection?: Promise<Inspection>;
  /** When the last byte of the source was there, in milliseconds since the epoch. */
  completeAt?: number;
  /** Filled while it is carried, if its way is traced. */
  readonly attempts?: TracedAttempt[];
}

/** What is remembered of an attempt at a segment that is traced. */
export interface TracedAttempt {
  readonly task: Omit<Task<unknown>, 'job'>;
  readonly endedAt: Instant;
  /** Why it came to nothing; undefined: it was credited. */
  readonly failed: string | undefined;
}

/** The inspection of a file that there is not. */
export const NOTHING_FOUND: Inspection = {
  container: 'unknown',
  bytes: 0,
  method: 'structure',
  problems: ['empty'],
};
