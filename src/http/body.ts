import type { Clock } from '../base/clock.ts';
import { BodyError, type BodyLimits } from './exchange.ts';

/** Bytes that wait for a slow reader before the peer is held back. */
const QUEUED_BYTES_MAX = 256 * 1024;
/** How often a body is looked at for being late: often enough for limits of seconds. */
const LOOK_MS_MAX = 1_000;

/** Told of a body as it arrives. */
export interface BodyReader {
  /** The bytes are good only until the call returns. */
  data(bytes: Buffer): void;
  /** All of it was handed over. */
  end(): void;
  /** The rest will not come. */
  gone(): void;
}

/** A request body as its protocol brings it. */
export interface IncomingBody {
  /** Begins to hand over what arrives; says at once if that is all or nothing. Called once. */
  start(reader: BodyReader): void;
  /** Hands over no more, and holds the peer back. */
  stop(): void;
  pause(): void;
  resume(): void;
  readonly paused: boolean;
}

/** A request body that has not been read yet. */
export interface BodySource {
  readonly incoming: IncomingBody;
  readonly contentLength: number | undefined;
  readonly clock: Clock;
  /** For bodies whose reader names no total. */
  readonly totalMs: number;
}

/** Reads the whole body; see `Exchange.receive`. */
export function receiveBody(
  source: BodySource,
  limits: BodyLimits,
  each: (bytes: Buffer) => void,
): Promise<number> {
  const { incoming, contentLength, clock } = source;
  return new Promise((resolve, reject) => {
    let length = 0;
    const startedAt = clock.now();
    let lastAt = startedAt;
    let settled = false;

    const settle = (error?: unknown) => {
      if (settled) return;
      settled = true;
      timer.cancel();
      incoming.stop();
      if (error === undefined) resolve(length);
      else reject(error);
    };

    const totalMs = limits.totalMs ?? source.totalMs;
    const look = () => {
      const now = clock.now();
      // Held back by our own reader: that is not the peer's idleness.
      if (incoming.paused) lastAt = now;
      if (now - lastAt >= limits.idleMs) return settle(new BodyError('idle'));
      if (now - startedAt >= totalMs) return settle(new BodyError('slow'));
      timer = clock.after(Math.min(LOOK_MS_MAX, limits.idleMs, totalMs), look);
    };
    let timer = clock.after(Math.min(LOOK_MS_MAX, limits.idleMs, totalMs), look);

    if (contentLength !== undefined && contentLength > limits.bytesMax) {
      return settle(new BodyError('too_large'));
    }
    incoming.start({
      data(bytes) {
        length += bytes.length;
        lastAt = clock.now();
        if (length > limits.bytesMax) return settle(new BodyError('too_large'));
        try {
          each(bytes);
        } catch (error) {
          settle(error);
        }
      },
      end() {
        const short = contentLength !== undefined && contentLength !== length;
        settle(short ? new BodyError('aborted') : undefined);
      },
      gone: () => settle(new BodyError('aborted')),
    });
  });
}

/** Reads the body piece by piece, holding the peer back; see `Exchange.body`. */
export async function* readBody(
  source: BodySource,
  limits: BodyLimits,
): AsyncGenerator<Buffer, void, undefined> {
  const { incoming } = source;
  let queue: Buffer[] = [];
  let queued = 0;
  let wake = () => {};
  let end: { error?: unknown } | undefined;

  const finish = (error?: unknown) => {
    end = { error };
    wake();
  };
  receiveBody(source, limits, (bytes) => {
    queue.push(Buffer.from(bytes));
    queued += bytes.length;
    if (queued >= QUEUED_BYTES_MAX) incoming.pause();
    wake();
  }).then(() => finish(), finish);

  try {
    for (;;) {
      if (queue.length > 0) {
        const ready = queue;
        queue = [];
        queued = 0;
        for (const bytes of ready) yield bytes;
        if (incoming.paused && !end) incoming.resume();
      } else if (end) {
        if (end.error) throw end.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    // The reader left early: what comes is dropped until the response ends.
    if (!end) incoming.pause();
  }
}
