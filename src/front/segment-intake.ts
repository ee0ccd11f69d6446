import type { Blob } from '../base/blob.ts';
import { type Instant, instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { newJobId } from '../base/ids.ts';
import { BodyError, type Exchange } from '../http/exchange.ts';
import type { Rational } from '../payments/rational.ts';
import { sameBytes } from '../protocol/fixed-bytes.ts';
import { inputTexts, segmentTexts } from '../protocol/texts.ts';
import type { VideoProfile } from '../protocol/video-profile.ts';
import { NOTHING_FOUND, type SegmentDetail } from './job.ts';
import type { FrontParts } from './parts.ts';
import type { Job } from './relay.ts';
import { BUSY, bytesMaxOf, type CheckedSegment, needsOf, type Refusal } from './segment-checks.ts';

/** wire: go-livepeer server/segment_rpc.go, a body that names the segment instead of being it. */
const URI_TYPE = 'application/vnd+livepeer.uri';
const URI_BYTES_MAX = 4 * 1024;
/** A gateway that pauses this long has lost its own limit for the upload (2 s or more). */
const BODY_IDLE_MS = 5_000;
/** wire: go-livepeer core/os.go, time to fetch a segment by its URL. */
const URI_FETCH_MS = 4_000;
/** wire: go-livepeer common/util.go, the whole call may take max(8 s, 4 x duration). */
const CALL_MS_MIN = 8_000;
const CALL_DURATION_FACTOR = 4;
/** Left for the reply to reach the gateway and for it to begin its downloads. */
const REPLY_MS = 400;
/**
 * A source up to this length is offered to a worker while it still arrives. A longer one could
 * arrive so slowly that the worker's own limit of 4 s for the download passes.
 */
const STREAMED_BYTES_MAX = 16 * 1024 * 1024;

/** A segment whose body may come. */
export interface IntakeRequest extends Pick<CheckedSegment, 'segment' | 'session' | 'begins'> {
  readonly startedAt: Instant;
  /** Wei per pixel; undefined off-chain. */
  readonly price?: Rational;
}

/** Takes one segment in: bytes into shared memory, hashed and offered to a worker as they come. */
export function createIntake(parts: FrontParts, exchange: Exchange, request: IntakeRequest) {
  const { segment, session, begins, startedAt, price } = request;
  const { clock, relay, blobs, hashing, inspector } = parts;
  const byUri = exchange.headers['content-type'] === URI_TYPE;
  const declared = byUri ? undefined : exchange.contentLength;
  const source: Blob = blobs.create(declared ?? 0);
  const hash = hashing.keccak256(source);
  hash.catch(() => {}); // awaited below unless the body failed first
  let job: Job<SegmentDetail> | undefined;
  let judged: SegmentDetail['inspection'];

  function submit(): Job<SegmentDetail> {
    if (job) return job;
    const detail: SegmentDetail = {
      segment,
      declaredBytes: declared,
      ...(price && { price }),
      ...(parts.tracing?.wants() && { attempts: [] }),
    };
    const callMs = Math.max(CALL_MS_MIN, CALL_DURATION_FACTOR * segment.durationMs);
    job = relay.submit({
      job: newJobId(clock.now()),
      session,
      needs: needsOf(segment),
      durationMs: segment.durationMs,
      deadlineAt: instant(startedAt + callMs - REPLY_MS),
      renditionCount: segment.profiles.length,
      loadPixelsPerSecond: loadOf(segment.profiles),
      sourceStreaming: source.state === 'growing',
      detail,
      source,
    });
    return job;
  }

  async function receive(): Promise<Omit<Refusal, 'ok'> | undefined> {
    const fault = byUri ? await fetchByUri() : await readBody();
    if (fault) return fault;
    source.complete();
    const forbidden = { status: 403, text: segmentTexts.forbidden };
    if (source.length === 0) {
      // Answered without asking a worker.
      return sameBytes(await hash, segment.hash) ? undefined : forbidden;
    }
    const inspection = inspector.inspect(source.chunks(), source.length);
    const rightful = hash.then((computed) => sameBytes(computed, segment.hash));
    judged = rightful.then((right) => (right ? inspection : NOTHING_FOUND));
    judged.catch(() => {}); // awaited by the judge, if a result ever comes
    // A quick worker answers a source that was offered early before its hash is known here.
    if (job) job.detail.inspection = judged;
    return (await rightful) ? undefined : forbidden;
  }

  /** The job with all of its source, once its session may begin. */
  async function completed(): Promise<Job<SegmentDetail>> {
    await begins;
    const whole = submit();
    if (judged) whole.detail.inspection = judged;
    whole.detail.completeAt = clock.now();
    relay.sourceComplete(whole.id);
    return whole;
  }

  async function readBody(): Promise<Omit<Refusal, 'ok'> | undefined> {
    const known = declared !== undefined && declared > 0;
    const early = known && declared <= STREAMED_BYTES_MAX && !begins;
    try {
      await exchange.receive({ bytesMax: bytesMaxOf(segment), idleMs: BODY_IDLE_MS }, (bytes) => {
        source.write(bytes);
        if (early) submit();
      });
    } catch (error) {
      if (error instanceof TributaryError && error.code === 'blob_store_full') {
        return { status: BUSY.status, text: BUSY.text };
      }
      if (!(error instanceof BodyError)) throw error;
      return { status: 500, text: segmentTexts.internal };
    }
    const short = declared !== undefined && source.length !== declared;
    return short ? { status: 500, text: segmentTexts.internal } : undefined;
  }

  async function fetchByUri(): Promise<Omit<Refusal, 'ok'> | undefined> {
    const badRequest = { status: 400, text: segmentTexts.badRequest };
    const pieces: Buffer[] = [];
    try {
      for await (const piece of exchange.body({ bytesMax: URI_BYTES_MAX, idleMs: BODY_IDLE_MS })) {
        pieces.push(Buffer.from(piece));
      }
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      return badRequest;
    }
    const fetched = await parts.fetch.get(Buffer.concat(pieces).toString('utf8').trim(), {
      into: source,
      bytesMax: bytesMaxOf(segment),
      timeoutMs: URI_FETCH_MS,
    });
    return fetched.ok ? undefined : badRequest;
  }

  return {
    receive,
    /** The job that carries the segment, or at once the failure of one that has no bytes. */
    async submitted() {
      if (source.length === 0) {
        return { segment, outcome: Promise.resolve(EMPTY_SOURCE), job: undefined };
      }
      const whole = await completed();
      return { segment, outcome: whole.outcome, job: whole };
    },
    /** Gives the bytes back; a job that was begun and not completed is abandoned. */
    release() {
      if (source.state === 'growing') source.fail();
      if (job && job.detail.completeAt === undefined) relay.abandon(job.id);
      source.release();
    },
  };
}

/** What a transcoder says of a file in which it finds no video. */
const EMPTY_SOURCE = { ok: false, reason: 'bad_input', text: inputTexts.video } as const;

/** Output pixels per second of media; a pass-through rate counts as 30. */
function loadOf(profiles: readonly VideoProfile[]): number {
  return profiles.reduce((sum, { width, height, fps, fpsDen }) => {
    const rate = fps === 0 ? 30 : fps / Math.max(1, fpsDen);
    return sum + width * height * rate;
  }, 0);
}
