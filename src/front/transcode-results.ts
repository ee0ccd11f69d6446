import type { Blob } from '../base/blob.ts';
import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import { parseTaskId } from '../base/ids.ts';
import { BodyError, type Exchange } from '../http/exchange.ts';
import { createMultipartReader, MultipartError, type PartReader } from '../protocol/multipart.ts';
import {
  cleanErrorText,
  inputTexts,
  isNonRetryable,
  postTexts,
  resultTexts,
} from '../protocol/texts.ts';
import type { SegmentDetail } from './job.ts';
import { judgeResult, type ReceivedRendition } from './judge-result.ts';
import type { FrontParts } from './parts.ts';
import type { Task } from './relay.ts';
import { acknowledgements, plain, refusals } from './replies.ts';

/** wire: go-livepeer server/ot_rpc.go, the header of every post of a transcoder. */
export const TRANSCODER_AUTHORIZATION = 'Livepeer-Transcoder-1.0';
/** Base64 of a signed receipt, on the answer to what was credited. */
const RECEIPT_HEADER = 'tributary-receipt';
/** An error text has less than a hundred bytes; a Go network error with a long URL a few hundred. */
const ERROR_BYTES_MAX = 8 * 1024;
/** A perceptual hash of a segment has some kilobytes per minute of video. */
const PHASH_BYTES_MAX = 4 * 1024 * 1024;
/** A result is posted at once; a worker that pauses this long in the middle has stalled. */
const BODY_IDLE_MS = 5_000;
/** Headers of one part: go-livepeer writes three lines. */
const PART_HEADER_BYTES_MAX = 4 * 1024;
/** Room for a rendition beyond its bitrate: rate control overshoots most on short segments. */
const RENDITION_BYTES_SLACK = 8 * 1024 * 1024;
const RENDITION_BITRATE_FACTOR = 8;
/** wire: go-livepeer common/util.go MaxSegSize. */
const RENDITION_BYTES_MAX = 300_000_000;
/** Constant-quality profiles have no bitrate; 100 Mbit/s is above any of them. */
const BITRATE_UNKNOWN = 100_000_000;

/**
 * POST /transcodeResults: a worker hands in the renditions of one task, or says why it has none.
 * wire: go-livepeer server/ot_rpc.go:TranscodeResults.
 */
export async function postTranscodeResults(parts: FrontParts, exchange: Exchange): Promise<void> {
  const { headers } = exchange;
  const worker =
    headers.authorization === TRANSCODER_AUTHORIZATION
      ? parts.workers.authenticate(headers.credentials ?? '')
      : undefined;
  if (!worker) return plain(exchange, 401, postTexts.unauthorized);

  const media = parseMediaType(headers['content-type']);
  if (!media) return plain(exchange, 415, postTexts.mediaType);
  const taskId = parseTaskId(headers.taskid ?? '');
  if (!taskId) return plain(exchange, 400, postTexts.taskId);

  const claim = parts.relay.claim(taskId, worker.id);
  if (!claim.ok) {
    const { status, text } = refusals[claim.reason];
    return plain(exchange, status, text);
  }
  const outcome = await settle(parts, exchange, claim.task, media).catch(async (error: unknown) => {
    // A fault of ours: without this the segment would wait for this answer until its deadline.
    await parts.relay.unread(claim.task, resultTexts.unavailable);
    throw error;
  });
  crashPoint('before_worker_answer');
  const { status, text } = acknowledgements[outcome];
  await plain(exchange, status, text, await receiptHeader(claim.task));
}

/** What a worker of ours keeps; stock transcoders read no header of the answer. */
async function receiptHeader({ receipt }: Task<SegmentDetail>): Promise<Record<string, string>> {
  // What cannot be signed now can be fetched later: the work is credited all the same.
  const signed = await receipt?.catch(() => undefined);
  return signed ? { [RECEIPT_HEADER]: Buffer.from(signed).toString('base64') } : {};
}

type MediaType = { readonly type: string; readonly boundary: string | undefined };

async function settle(
  parts: FrontParts,
  exchange: Exchange,
  task: Task<SegmentDetail>,
  media: MediaType,
) {
  const { relay } = parts;
  if (media.type === 'livepeer/transcoding-error') {
    const text = cleanErrorText(await readText(exchange));
    return relay.failed(task, text, !isNonRetryable(text));
  }
  if (!/^-?\d{1,19}$/.test(exchange.headers.pixels ?? '')) {
    return relay.failed(task, postTexts.pixels, true);
  }
  if (media.type !== 'multipart/mixed' || !media.boundary) {
    return relay.failed(task, postTexts.mediaType, true);
  }
  // All of them at once, so that hashing knows how many are to come.
  const opened = task.job.detail.segment.profiles.map(() => openRendition(parts));
  const received: ReceivedRendition[] = [];
  try {
    const fault = await receive(parts, exchange, task, media.boundary, { opened, received });
    if (fault === resultTexts.busy) return await relay.unread(task, fault);
    if (fault) return await relay.failed(task, fault, true);
    task.arrivedAt = parts.clock.now();
    const { verdict, renditions } = await judgeResult(parts, task, received);
    if (!verdict.ok) {
      parts.metrics.rejected.inc({ reason: verdict.reason });
      parts.log.warn('result_rejected', {
        worker: task.worker,
        job: task.job.id,
        reason: verdict.reason,
      });
    }
    if (!verdict.ok && verdict.reason === 'source_unreadable') {
      return await relay.failed(task, inputTexts.video, false);
    }
    return await relay.judged(task, verdict, renditions);
  } finally {
    for (const { blob, phash } of opened) {
      blob.fail(); // does nothing to one that is complete
      blob.release();
      phash?.fail();
      phash?.release();
    }
  }
}

/**
 * Reads the parts into blobs that are hashed while they arrive and inspected as soon as each is
 * whole. Returns what is wrong, in words of the wire.
 */
async function receive(
  parts: FrontParts,
  exchange: Exchange,
  task: Task<SegmentDetail>,
  boundary: string,
  { opened, received }: Record<'opened' | 'received', ReceivedRendition[]>,
): Promise<string | undefined> {
  const { profiles, durationMs } = task.job.detail.segment;
  const most = profiles.map(({ bitrate }) => renditionBytesMax(bitrate, durationMs));
  const bytesMax = most.reduce((sum, bytes) => sum + bytes + PHASH_BYTES_MAX, 64 * 1024);
  const limits = {
    partsMax: 2 * profiles.length + 2,
    headerBytesMax: PART_HEADER_BYTES_MAX,
    partBytesMax: Math.max(PHASH_BYTES_MAX, ...most),
  };
  try {
    const reader = createMultipartReader(boundary, limits, ({ pixels, 'content-type': type }) => {
      if (pixels !== undefined) return renditionReader(parts, { opened, received });
      // Any other part is read over.
      return type === 'application/octet-stream' ? phashReader(parts, received.at(-1)) : undefined;
    });
    await exchange.receive({ bytesMax, idleMs: BODY_IDLE_MS }, reader.push);
    reader.end();
  } catch (error) {
    const expected = error instanceof BodyError || error instanceof MultipartError;
    if (expected || error instanceof UnexpectedPart) return error.message;
    const full = error instanceof TributaryError && error.code === 'blob_store_full';
    if (full) return resultTexts.busy;
    throw error;
  }
  return received.length === profiles.length ? undefined : resultTexts.mismatched;
}

function openRendition({ blobs, hashing }: FrontParts): ReceivedRendition {
  const blob: Blob = blobs.create();
  const hash = hashing.keccak256(blob);
  hash.catch(() => {}); // awaited by the judge; a failed upload never gets there
  return { blob, hash, inspection: undefined, phash: undefined };
}

/** A part that does not belong where it is; the message is for the worker. */
class UnexpectedPart extends Error {
  override readonly name = 'UnexpectedPart';
}

/** Takes the next rendition, and has it inspected once it is whole. */
function renditionReader(
  parts: FrontParts,
  { opened, received }: Record<'opened' | 'received', ReceivedRendition[]>,
): PartReader {
  const entry = opened[received.length];
  if (!entry) throw new UnexpectedPart(resultTexts.mismatched);
  received.push(entry);
  const { blob } = entry;
  return {
    data: blob.write,
    end() {
      blob.complete();
      const inspection = parts.inspector.inspect(blob.chunks(), blob.length);
      inspection.catch(() => {}); // awaited by the judge; a failed upload never gets there
      entry.inspection = inspection;
    },
  };
}

function phashReader({ blobs }: FrontParts, owner: ReceivedRendition | undefined): PartReader {
  if (!owner || owner.phash) throw new UnexpectedPart(postTexts.perceptualHash);
  const phash = blobs.create();
  owner.phash = phash;
  return { data: phash.write, end: phash.complete };
}

function renditionBytesMax(bitrate: number, durationMs: number): number {
  const bits = (bitrate > 0 ? bitrate : BITRATE_UNKNOWN) * RENDITION_BITRATE_FACTOR;
  const bytes = Math.ceil((bits * durationMs) / 8_000) + RENDITION_BYTES_SLACK;
  return Math.min(bytes, RENDITION_BYTES_MAX);
}

async function readText(exchange: Exchange): Promise<string> {
  const pieces: Buffer[] = [];
  try {
    await exchange.receive({ bytesMax: ERROR_BYTES_MAX, idleMs: BODY_IDLE_MS }, (bytes) => {
      pieces.push(Buffer.from(bytes));
    });
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
  }
  return Buffer.concat(pieces).toString('utf8') || 'the worker gave no reason';
}

/** The media type in lower case and its boundary; undefined when there is none. */
function parseMediaType(header: string | undefined): MediaType | undefined {
  const [first = '', ...parameters] = (header ?? '').split(';');
  const type = first.trim().toLowerCase();
  if (!/^[\w.+-]+\/[\w.+-]+$/.test(type)) return undefined;
  for (const parameter of parameters) {
    const match = /^\s*boundary=(?:"([^"]{1,70})"|([^\s"]{1,70}))\s*$/i.exec(parameter);
    if (match) return { type, boundary: match[1] ?? match[2] };
  }
  return { type, boundary: undefined };
}
