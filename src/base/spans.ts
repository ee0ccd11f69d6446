import type { Instant } from './clock.ts';

/** One step of something's way through the program, with what lies inside it. */
export interface Span {
  /** From a closed set, such as `transcode`. */
  readonly name: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly facts?: Readonly<Record<string, string | number>>;
  /** Why it came to nothing, from a closed set; left out when it did not. */
  readonly failed?: string;
  readonly inside?: readonly Span[];
}

/** Where spans go once they have ended. */
export interface Tracing {
  /** Whether the next one is wanted, by the share that is traced. */
  wants(): boolean;
  record(span: Span): void;
}
