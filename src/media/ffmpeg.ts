import { AV_LOG_QUIET, AVSEEK_CUR, AVSEEK_END, AVSEEK_SIZE } from 'node-av/constants';
import { Dictionary, FFmpegError, IOContext, Log } from 'node-av/lib';

/** FFmpeg's own "end of file"; node-av types it, but not as a plain number. */
export const END_OF_FILE = -541478725;
/** `AVERROR(EAGAIN)`: nothing to give yet. -35 on macOS. */
export const TRY_AGAIN = process.platform === 'darwin' ? -35 : -11;
/** `AV_NOPTS_VALUE`. */
export const NO_TIMESTAMP = -(2n ** 63n);

/**
 * FFmpeg reads and writes memory through callbacks; 256 KiB a call keeps their cost small: with
 * 4 KiB a 2 MB segment would take 500 calls.
 */
const IO_BUFFER_BYTES = 256 * 1024;

/**
 * The containers that a segment may come in. Everything else is refused before it is parsed:
 * playlists and concatenations (hls, dash, concat) would make FFmpeg open further files and URLs.
 */
const INPUT_FORMATS = 'mpegts,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,flv,h264,hevc,ivf';

/** A fault of the media or the device, with the text that a stock transcoder posts for it. */
export class MediaFault extends Error {
  override readonly name = 'MediaFault';
}

/** Throws a {@link MediaFault} with `text`, or FFmpeg's own text, when `code` is an error. */
export function check(code: number, text?: string): number {
  if (code < 0) throw new MediaFault(text ?? errorText(code));
  return code;
}

/** FFmpeg's text of an error number, as `av_strerror` writes it. */
export function errorText(code: number): string {
  return FFmpegError.strerror(code);
}

/** Keeps FFmpeg and the encoders from writing to standard error. Holds for the whole process. */
export function silenceFfmpeg(): void {
  Log.setLevel(AV_LOG_QUIET);
}

/** A dictionary of options; the caller frees it (`using`). */
export function optionsOf(options: Readonly<Record<string, string | number>>): Dictionary {
  return Dictionary.fromObject({ ...options });
}

/** Options under which untrusted bytes are opened: known containers, no further files. */
export function untrustedInput(): Dictionary {
  return optionsOf({ format_whitelist: INPUT_FORMATS, protocol_whitelist: 'none' });
}

/** A seekable input over bytes in memory. */
export function memoryInput(bytes: Uint8Array): IOContext {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;
  const io = new IOContext();
  io.allocContextWithCallbacks(
    IO_BUFFER_BYTES,
    0,
    (size) => {
      if (position >= all.length) return null;
      // A copy: node-av may not take memory that is shared between threads.
      const part = Buffer.from(all.subarray(position, position + size));
      position += part.length;
      return part;
    },
    null,
    (offset, whence) => {
      if (whence === AVSEEK_SIZE) return BigInt(all.length);
      const base = whence === AVSEEK_CUR ? position : whence === AVSEEK_END ? all.length : 0;
      position = Math.min(Math.max(base + Number(offset), 0), all.length);
      return BigInt(position);
    },
  );
  return io;
}

export interface MemoryOutput {
  readonly io: IOContext;
  /** What was written, in one piece; the memory is the caller's. */
  take(): Uint8Array<ArrayBuffer>;
}

/** A seekable output that grows in memory. */
export function memoryOutput(expectedBytes = 1 << 20): MemoryOutput {
  let held = new Uint8Array(expectedBytes);
  let length = 0;
  let position = 0;
  const io = new IOContext();
  io.allocContextWithCallbacks(
    IO_BUFFER_BYTES,
    1,
    null,
    (part) => {
      const end = position + part.length;
      if (end > held.length) {
        const grown = new Uint8Array(Math.max(end, held.length * 2));
        grown.set(held.subarray(0, length));
        held = grown;
      }
      held.set(part, position);
      position = end;
      length = Math.max(length, end);
      return part.length;
    },
    (offset, whence) => {
      if (whence === AVSEEK_SIZE) return BigInt(length);
      const base = whence === AVSEEK_CUR ? position : whence === AVSEEK_END ? length : 0;
      position = Math.max(base + Number(offset), 0);
      return BigInt(position);
    },
  );
  return { io, take: () => held.slice(0, length) };
}
