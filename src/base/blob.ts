import { TributaryError } from './errors.ts';

/**
 * Bytes per chunk. One hashing step of 0.6 ms: short enough to follow an upload closely, long
 * enough that the message about it costs nothing beside it.
 */
export const BLOB_CHUNK_BYTES = 256 * 1024;
/** Recycled chunks kept for later: the working set of a few segments, 24 MiB. */
const FREE_CHUNKS_MAX = 96;

/**
 * Bytes that arrive, are read and are hashed at the same time, in recycled shared memory. Counted
 * by reference: whoever creates it holds it once.
 */
export interface Blob {
  /** Bytes written so far. */
  readonly length: number;
  readonly state: 'growing' | 'complete' | 'failed';
  /**
   * Copies the bytes in, once. Throws `blob_store_full` at the store's limit, and `internal` when
   * the blob no longer grows or was released.
   */
  write(bytes: Uint8Array): void;
  /** No more bytes will come. Does nothing unless growing. */
  complete(): void;
  /** The bytes will never be whole: readers throw. Does nothing unless growing. */
  fail(): void;
  /**
   * From the first byte, following the growth; ends at `complete`, throws `blob_failed` at `fail`.
   * A piece is good until the next one is asked for. The iteration holds the blob from its first
   * step to its end, so let it end: by exhausting, leaving or throwing out of the loop.
   */
  read(): AsyncIterable<Uint8Array>;
  /** True when complete, false when failed. Never rejects. */
  readonly finished: Promise<boolean>;
  /** Resolves as soon as `length` is at least `bytes`, or nothing more will come. */
  reaches(bytes: number): Promise<void>;
  /** Each of BLOB_CHUNK_BYTES; only the first `length` bytes of them all mean something. */
  chunks(): readonly SharedArrayBuffer[];
  retain(): void;
  /** The last release gives the chunks back, for other blobs to overwrite. */
  release(): void;
}

/** Where blobs get their memory. */
export interface BlobStore {
  /**
   * An empty blob held once by the caller. `reservedBytes` count as in use from now on, so that
   * many uploads admitted at once cannot exceed the limit together.
   */
  create(reservedBytes?: number): Blob;
  /** Bytes of chunks that blobs hold or have reserved. */
  readonly bytesInUse: number;
  readonly bytesMax: number;
  /** Whether so many more bytes fit. */
  hasRoom(bytes: number): boolean;
}

interface Pool {
  take(): SharedArrayBuffer;
  give(chunks: readonly SharedArrayBuffer[], reserved: number): void;
  reserve(chunks: number): void;
}

/** Creates a store of at most `bytesMax` bytes in use, rounded down to whole chunks. */
export function createBlobStore(options: { bytesMax: number }): BlobStore {
  const chunksMax = Math.floor(options.bytesMax / BLOB_CHUNK_BYTES);
  const free: SharedArrayBuffer[] = [];
  let inUse = 0;

  const pool: Pool = {
    take() {
      if (inUse >= chunksMax) {
        throw new TributaryError('blob_store_full', 'no memory is left for segments in flight', {
          facts: { bytesMax: options.bytesMax },
        });
      }
      inUse += 1;
      return free.pop() ?? new SharedArrayBuffer(BLOB_CHUNK_BYTES);
    },
    reserve(chunks) {
      inUse += chunks;
    },
    give(chunks, reserved) {
      inUse -= chunks.length + reserved;
      for (const chunk of chunks) if (free.length < FREE_CHUNKS_MAX) free.push(chunk);
    },
  };

  return {
    create: (reservedBytes = 0) => createBlob(pool, chunksOf(reservedBytes)),
    get bytesInUse() {
      return inUse * BLOB_CHUNK_BYTES;
    },
    bytesMax: options.bytesMax,
    hasRoom: (bytes) => inUse + chunksOf(bytes) <= chunksMax,
  };
}

function chunksOf(bytes: number): number {
  return Math.ceil(bytes / BLOB_CHUNK_BYTES);
}

function createBlob(pool: Pool, reservedChunks: number): Blob {
  const chunks: SharedArrayBuffer[] = [];
  let reserved = reservedChunks;
  let length = 0;
  let state: Blob['state'] = 'growing';
  let holders = 1;
  let waiters: { bytes: number; wake: () => void }[] = [];
  let tail: Uint8Array | undefined;
  const finished = Promise.withResolvers<boolean>();
  pool.reserve(reserved);

  const wake = () => {
    const isDue = (waiter: { bytes: number }) => length >= waiter.bytes || state !== 'growing';
    if (!waiters.some(isDue)) return;
    const due = waiters.filter(isDue);
    waiters = waiters.filter((waiter) => !due.includes(waiter));
    for (const waiter of due) waiter.wake();
  };

  const finish = (end: 'complete' | 'failed') => {
    if (state !== 'growing') return;
    state = end;
    pool.give([], reserved);
    reserved = 0;
    finished.resolve(end === 'complete');
    wake();
  };

  const nextChunk = (): Uint8Array => {
    if (reserved > 0) {
      // Its place was counted at creation.
      pool.give([], 1);
      reserved -= 1;
    }
    const chunk = pool.take();
    chunks.push(chunk);
    return new Uint8Array(chunk);
  };

  const blob: Blob = {
    get length() {
      return length;
    },
    get state() {
      return state;
    },
    finished: finished.promise,
    write(bytes) {
      if (state !== 'growing' || holders === 0) {
        throw new TributaryError('internal', 'a blob that no longer grows was written to', {
          facts: { state, holders },
        });
      }
      for (let done = 0; done < bytes.length; ) {
        const offset = length % BLOB_CHUNK_BYTES;
        if (offset === 0) tail = nextChunk();
        const piece = bytes.subarray(done, done + BLOB_CHUNK_BYTES - offset);
        (tail as Uint8Array).set(piece, offset);
        done += piece.length;
        length += piece.length;
      }
      wake();
    },
    complete: () => finish('complete'),
    fail: () => finish('failed'),
    reaches(bytes) {
      if (length >= bytes || state !== 'growing') return Promise.resolve();
      return new Promise((wakeUp) => waiters.push({ bytes, wake: wakeUp }));
    },
    async *read() {
      blob.retain();
      try {
        for (let offset = 0; ; ) {
          if (offset === length) await blob.reaches(offset + 1);
          if (state === 'failed') {
            throw new TributaryError('blob_failed', 'the bytes stopped before they were whole');
          }
          if (offset === length) return;
          const piece = pieceAt(chunks, offset, length);
          offset += piece.length;
          yield piece;
        }
      } finally {
        blob.release();
      }
    },
    chunks: () => chunks,
    retain() {
      if (holders === 0) throw new TributaryError('internal', 'a released blob was retained');
      holders += 1;
    },
    release() {
      if (holders === 0) throw new TributaryError('internal', 'a blob was released too often');
      holders -= 1;
      if (holders > 0) return;
      finish('failed');
      pool.give(chunks, 0);
      chunks.length = 0;
      tail = undefined;
    },
  };
  return blob;
}

/** The longest run of written bytes from `offset` that lies in one chunk. */
function pieceAt(
  chunks: readonly SharedArrayBuffer[],
  offset: number,
  length: number,
): Uint8Array<SharedArrayBuffer> {
  const index = Math.floor(offset / BLOB_CHUNK_BYTES);
  const from = offset - index * BLOB_CHUNK_BYTES;
  const size = Math.min(BLOB_CHUNK_BYTES - from, length - offset);
  // A Buffer: Node's streams would otherwise wrap every piece again.
  return Buffer.from(chunks[index] as SharedArrayBuffer, from, size);
}
