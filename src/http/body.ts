import type { Readable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { BodyError, type BodyLimits } from './exchange.ts';

/** Bytes that wait for a slow reader before the peer is held back. */
const QUEUED_BYTES_MAX = 256 * 1024;
/** How often a body is looked at for being late: often enough for limits of seconds. */
const LOOK_MS_MAX = 1_000;

/** A request body that has not been read yet. */
export interface BodySource {
  /** A Node stream; over HTTP/2 it has `aborted`, over HTTP/1.1 `complete`. */
  readonly stream: Readable & { readonly aborted?: boolean; readonly complete?: boolean };
  readonly contentLength: number | undefined;
  readonly clock: Clock;
  /** For bodies whose reader names no total. */
  readonly totalMs: number;
  /** Called before the first byte is waited for: the moment for `100 Continue`. */
  readonly begin: () => void;
}

/** Reads the whole body; see `Exchange.receive`. */
export function receiveBody(
  source: BodySource,
  limits: BodyLimits,
  each: (bytes: Buffer) => void,
): Promise<number> {
  const { stream, contentLength, clock } = source;
  return new Promise((resolve, reject) => {
    let length = 0;
    const startedAt = clock.now();
    let lastAt = startedAt;
    let settled = false;

    const settle = (error?: unknown) => {
      if (settled) return;
      settled = true;
      timer.cancel();
      stream.off('data', onData).off('end', onEnd).off('close', onClose);
      if (error === undefined) return resolve(length);
      stream.pause();
      reject(error);
    };
    const onData = (bytes: Buffer) => {
      length += bytes.length;
      lastAt = clock.now();
      if (length > limits.bytesMax) return settle(new BodyError('too_large'));
      try {
        each(bytes);
      } catch (error) {
        settle(error);
      }
    };
    const onEnd = () => {
      // HTTP/2: a reset without an error code also looks like an end.
      const cut = stream.aborted || (contentLength !== undefined && contentLength !== length);
      settle(cut ? new BodyError('aborted') : undefined);
    };
    const onClose = () => settle(new BodyError('aborted'));

    const totalMs = limits.totalMs ?? source.totalMs;
    const look = () => {
      const now = clock.now();
      // Held back by our own reader: that is not the peer's idleness.
      if (stream.isPaused()) lastAt = now;
      if (now - lastAt >= limits.idleMs) return settle(new BodyError('idle'));
      if (now - startedAt >= totalMs) return settle(new BodyError('slow'));
      timer = clock.after(Math.min(LOOK_MS_MAX, limits.idleMs, totalMs), look);
    };
    let timer = clock.after(Math.min(LOOK_MS_MAX, limits.idleMs, totalMs), look);

    if (contentLength !== undefined && contentLength > limits.bytesMax) {
      return settle(new BodyError('too_large'));
    }
    if (stream.readableEnded) return onEnd();
    if (stream.destroyed || stream.aborted) return onClose();
    source.begin();
    stream.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

/** Reads the body piece by piece, holding the peer back; see `Exchange.body`. */
export async function* readBody(
  source: BodySource,
  limits: BodyLimits,
): AsyncGenerator<Buffer, void, undefined> {
  const { stream } = source;
  let queue: Buffer[] = [];
  let queued = 0;
  let wake = () => {};
  let end: { error?: unknown } | undefined;

  const finish = (error?: unknown) => {
    end = { error };
    wake();
  };
  receiveBody(source, limits, (bytes) => {
    queue.push(bytes);
    queued += bytes.length;
    if (queued >= QUEUED_BYTES_MAX) stream.pause();
    wake();
  }).then(() => finish(), finish);

  try {
    for (;;) {
      if (queue.length > 0) {
        const ready = queue;
        queue = [];
        queued = 0;
        for (const bytes of ready) yield bytes;
        if (stream.isPaused() && !end) stream.resume();
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
    if (!end) stream.pause();
  }
}

/** Lets what still comes of an unread or half-read body fall on the floor. */
export function discardBody(stream: Readable): void {
  stream.removeAllListeners('data');
  stream.resume();
}
