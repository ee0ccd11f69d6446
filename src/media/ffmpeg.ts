import { AV_LOG_QUIET } from 'node-av/constants';
import { Dictionary, FFmpegError, Log } from 'node-av/lib';

/** FFmpeg's own "end of file"; node-av types it, but not as a plain number. */
export const END_OF_FILE = -541478725;
/** `AVERROR(EAGAIN)`: nothing to give yet. -35 on macOS. */
export const TRY_AGAIN = process.platform === 'darwin' ? -35 : -11;
/** `AV_NOPTS_VALUE`. */
export const NO_TIMESTAMP = -(2n ** 63n);

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

/** Options under which untrusted files are opened: known containers, nothing from the network. */
export function untrustedInput(): Dictionary {
  return optionsOf({ format_whitelist: INPUT_FORMATS, protocol_whitelist: 'file' });
}
