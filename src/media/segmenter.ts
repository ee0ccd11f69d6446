export interface FileSegment {
  readonly seq: number;
  /** MPEG-TS, starts with a key frame. */
  readonly bytes: Uint8Array;
  readonly durationMs: number;
  readonly startMs: number;
}

/**
 * Cuts a file into MPEG-TS segments at its key frames, without encoding. A segment is at least
 * `segmentMs` long (default 2000) where the key frames allow it.
 * Throws TributaryError `media_unreadable` when the file has no video or a codec that MPEG-TS
 * does not carry, `input_missing` when it does not exist.
 */
export declare function segmentFile(
  path: string,
  options?: { readonly segmentMs?: number },
): AsyncIterable<FileSegment>;
