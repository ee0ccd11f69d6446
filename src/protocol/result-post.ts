import { type MultipartBody, multipartBody, type PartToWrite } from './multipart.ts';
import { type Format, mediaTypeOf } from './video-profile.ts';

/** Where a transcoder posts its results. Wire: go-livepeer server/rpc.go. */
export const RESULT_PATH = '/transcodeResults';
/** The `Authorization` header of every post. Wire: go-livepeer server/ot_rpc.go. */
export const RESULT_AUTHORIZATION = 'Livepeer-Transcoder-1.0';
/** The content type of a post that carries an error text. */
export const ERROR_MEDIA_TYPE = 'livepeer/transcoding-error';
/** The content type of a body that is the URL of the segment. */
export const URL_MEDIA_TYPE = 'application/vnd+livepeer.uri';
/** Smallest rendition; less is `ZeroSegments`. Wire: core/orchestrator.go:transcodeSeg. */
export const RENDITION_BYTES_MIN = 25;

/** One rendition as a worker hands it in. */
export interface PostedRendition {
  readonly format: Format;
  /** Encoded output pixels: width x height x frames. */
  readonly pixels: bigint;
  readonly bytes: readonly Uint8Array[];
  /** Present when a perceptual hash was asked for, even if it is empty. */
  readonly perceptualHash?: Uint8Array | undefined;
}

/** A post of `/transcodeResults`: headers in the spelling and order of a stock transcoder. */
export interface ResultPost {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: MultipartBody | Uint8Array;
}

/** Who posts, and for which task. */
export interface ResultSender {
  readonly credential: string;
  readonly taskId: bigint;
}

/** The renditions of a task, in profile order. `pixels` counts the decoded input. */
export function resultPost(
  sender: ResultSender,
  renditions: readonly PostedRendition[],
  pixels: bigint,
): ResultPost {
  const parts = renditions.flatMap((rendition): PartToWrite[] => {
    const video = {
      headers: { 'Content-Type': mediaTypeOf(rendition.format), Pixels: `${rendition.pixels}` },
      body: rendition.bytes,
    };
    const hash = rendition.perceptualHash;
    if (!hash) return [video];
    return [video, { headers: { 'Content-Type': 'application/octet-stream' }, body: [hash] }];
  });
  const body = multipartBody(parts);
  const contentType = `multipart/mixed; boundary=${body.boundary}`;
  return { headers: headersOf(sender, contentType, pixels, body.length), body };
}

/** The error that a task ended in. */
export function errorPost(sender: ResultSender, text: string, pixels = 0n): ResultPost {
  const body = Buffer.from(text, 'utf8');
  return { headers: headersOf(sender, ERROR_MEDIA_TYPE, pixels, body.length), body };
}

function headersOf(sender: ResultSender, contentType: string, pixels: bigint, length: number) {
  return {
    Authorization: RESULT_AUTHORIZATION,
    Credentials: sender.credential,
    'Content-Type': contentType,
    TaskId: `${sender.taskId}`,
    Pixels: `${pixels}`,
    'Content-Length': `${length}`,
  };
}
