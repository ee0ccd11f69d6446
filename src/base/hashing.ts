import { createAnsweringThread } from './answering-thread.ts';
import { BLOB_CHUNK_BYTES, type Blob } from './blob.ts';
import { TributaryError } from './errors.ts';
import { keccak256 } from './keccak.ts';

/** Up to here the hash (10 us) costs less than the message that would ask for it. */
const INLINE_BYTES_MAX = 4 * 1024;
/**
 * Chunks that a thread is told of at once while a blob grows. A message wakes it and costs as much as
 * hashing 20 KB; what comes together can also be hashed side by side.
 */
const STEP_CHUNKS = 2;

/**
 * So long may a blob wait on a busy machine for others to be hashed beside it, which takes half the
 * time of one by one. Without it most would be hashed alone, long before the next has arrived.
 */
const BUSY_PATIENCE_MS = 8;
/** Share of its time that the event loop is at work, looked at anew after so long. */
const BUSY_SHARE = 0.5;
const BUSY_LOOK_MS = 500;

/** keccak-256 of blobs, off the event loop. */
export interface Hashing {
  /**
   * The 32-byte hash, taken in steps of a few chunks while the blob still grows, so it is
   * there soon after the last byte. Holds the blob meanwhile. Rejects with `blob_failed` when the
   * blob fails, `hashing_closed` after {@link Hashing.close}.
   */
  keccak256(blob: Blob): Promise<Uint8Array>;
  /** Ends the threads; what still runs rejects. */
  close(): Promise<void>;
}

/** Blobs that a thread was asked for and has not answered, which both sides count; its patience in ms. */
export type HashingShared = Int32Array<SharedArrayBuffer>;

/** To a thread: whole chunks of one blob, in order; the end of a blob; or forget it. */
export type HashingRequest =
  | { readonly id: number; readonly step: 'more'; readonly chunks: readonly SharedArrayBuffer[] }
  | {
      readonly id: number;
      readonly step: 'end';
      readonly chunks: readonly SharedArrayBuffer[];
      readonly last: SharedArrayBuffer | undefined;
      readonly lastBytes: number;
    }
  | { readonly id: number; readonly step: 'drop' };

/** From a thread: the hash, or (without one) that the blob is forgotten. */
export type HashingReply = { readonly id: number; readonly hash?: Uint8Array };

interface Lane {
  /** Blobs this thread is working on. */
  readonly load: number;
  hash(blob: Blob): Promise<Uint8Array>;
  close(): Promise<unknown>;
}

/** Starts `threads` hashing threads. A blob stays on one; the least busy gets the next blob. */
export function createHashing(options: { threads: number }): Hashing {
  const busy = createBusyness();
  const lanes = Array.from({ length: options.threads }, () => createLane(busy));
  let turn = 0;
  let closed = false;

  const leastBusy = (): Lane => {
    turn += 1;
    let best = lanes[turn % lanes.length] as Lane;
    for (const lane of lanes) if (lane.load < best.load) best = lane;
    return best;
  };

  return {
    async keccak256(blob) {
      if (closed) throw closedError();
      if (blob.state === 'complete' && blob.length <= INLINE_BYTES_MAX) return hashInline(blob);
      return leastBusy().hash(blob);
    },
    async close() {
      closed = true;
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

/** Whether processors are what there is too little of, rather than time. */
function createBusyness(): () => boolean {
  let since = performance.eventLoopUtilization();
  let lookedAt = performance.now();
  let busy = false;
  return () => {
    if (performance.now() - lookedAt < BUSY_LOOK_MS) return busy;
    busy = performance.eventLoopUtilization(since).utilization > BUSY_SHARE;
    since = performance.eventLoopUtilization();
    lookedAt = performance.now();
    return busy;
  };
}

function hashInline(blob: Blob): Uint8Array {
  const chunk = blob.chunks()[0];
  return keccak256(chunk ? new Uint8Array(chunk, 0, blob.length) : new Uint8Array());
}

function createLane(busy: () => boolean): Lane {
  const shared: HashingShared = new Int32Array(new SharedArrayBuffer(8));
  const thread = createAnsweringThread<HashingRequest, HashingReply>({
    module: new URL('./hashing-thread.ts', import.meta.url),
    workerData: shared,
    name: 'a hashing thread',
    closed: closedError,
  });

  return {
    get load() {
      return thread.load;
    },
    async hash(blob) {
      const { id, answer, post } = thread.ask();
      Atomics.add(shared, 0, 1);
      shared[1] = busy() ? BUSY_PATIENCE_MS : 0;
      blob.retain();
      try {
        let sent = 0;
        while (blob.state === 'growing') {
          await Promise.race([blob.reaches((sent + STEP_CHUNKS) * BLOB_CHUNK_BYTES), answer]);
          if (blob.state !== 'growing') break;
          const whole = Math.floor(blob.length / BLOB_CHUNK_BYTES);
          post({ id, step: 'more', chunks: blob.chunks().slice(sent, whole) });
          sent = whole;
        }
        if (blob.state === 'failed') {
          // The thread may still read a chunk: only its answer makes the memory free again.
          post({ id, step: 'drop' });
          await answer;
          throw new TributaryError('blob_failed', 'the bytes stopped before they were whole');
        }
        post({ id, step: 'end', ...ending(blob, sent) });
        const { hash } = await answer;
        if (!hash) throw new TributaryError('internal', 'a hashing thread gave no hash');
        return hash;
      } finally {
        // A thread that died has answered none of them.
        if (thread.load === 0) shared[0] = 0;
        blob.release();
      }
    },
    close: () => thread.close(),
  };
}

function ending(blob: Blob, sent: number) {
  const chunks = blob.chunks();
  const whole = Math.floor(blob.length / BLOB_CHUNK_BYTES);
  return {
    chunks: chunks.slice(sent, whole),
    last: chunks[whole],
    lastBytes: blob.length - whole * BLOB_CHUNK_BYTES,
  };
}

function closedError(): TributaryError {
  return new TributaryError('hashing_closed', 'hashing was closed');
}
