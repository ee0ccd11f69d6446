import type { Blob } from '../base/blob.ts';
import { type Instant, instant } from '../base/clock.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import { newJobId, type SessionId } from '../base/ids.ts';
import { BodyError, type Exchange } from '../http/exchange.ts';
import { verifyAuthToken } from '../protocol/auth-token.ts';
import { compatible } from '../protocol/capabilities.ts';
import { sameBytes } from '../protocol/fixed-bytes.ts';
import { decodePayment } from '../protocol/payment.ts';
import { decodeSegment, flatten, type Segment } from '../protocol/segment.ts';
import { signedBy } from '../protocol/signature.ts';
import { inputTexts, segmentTexts } from '../protocol/texts.ts';
import type { VideoProfile } from '../protocol/video-profile.ts';
import { NOTHING_FOUND, type SegmentDetail } from './job.ts';
import { offeredBits, WIRE_VERSION } from './orchestrator-info.ts';
import type { FrontParts } from './parts.ts';
import type { Job } from './relay.ts';
import { plain } from './replies.ts';
import { replyToSegment } from './segment-reply.ts';

/** wire: go-livepeer server/segment_rpc.go, a body that names the segment instead of being it. */
const URI_TYPE = 'application/vnd+livepeer.uri';
const URI_BYTES_MAX = 4 * 1024;
/** wire: go-livepeer common/util.go MaxSegSize. */
const SEGMENT_BYTES_MAX = 300_000_000;
/** Room for a short segment of any quality, and 200 Mbit/s for longer ones. */
const SEGMENT_BYTES_SLACK = 32 * 1024 * 1024;
const SEGMENT_BYTES_PER_MS = 25_000;
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

/** POST /segment: a gateway hands in a segment and waits for its renditions. */
export async function postSegment(parts: FrontParts, exchange: Exchange): Promise<void> {
  const startedAt = parts.clock.now();
  const checked = checkSegment(parts, exchange, startedAt);
  if (!checked.ok) return refuse(parts, exchange, checked.status, checked.text);

  const job = createIntake(parts, exchange, { ...checked, startedAt });
  try {
    const fault = await job.receive();
    if (fault) return await refuse(parts, exchange, fault.status, fault.text);
    // Stock gateways wait for this status only max(2 s, half the duration).
    exchange.respond(200);
    await replyToSegment(parts, exchange, await job.submitted(), startedAt);
  } finally {
    job.release();
  }
}

type Checked =
  | {
      readonly ok: true;
      readonly segment: Segment;
      readonly session: SessionId;
      /** When the session can begin; undefined: at once. */
      readonly begins: Promise<void> | undefined;
    }
  | Refusal;
type Refusal = { readonly ok: false; readonly status: number; readonly text: string };

/** The checks before the body is read, in go-livepeer's order (server/segment_rpc.go). */
function checkSegment(parts: FrontParts, exchange: Exchange, now: Instant): Checked {
  const paid = decodePayment(exchange.headers['livepeer-payment']);
  if (!paid.ok) return paid;
  const decoded = decodeSegment(exchange.headers['livepeer-segment'] ?? '');
  if (!decoded.ok) return decoded;
  const { segment } = decoded;
  const forbidden = (text: string): Refusal => ({ ok: false, status: 403, text });

  if (!signatureHolds(parts, paid.payment.sender, segment)) {
    return forbidden(segmentTexts.signature);
  }
  const offered = { bits: offeredBits(parts), version: WIRE_VERSION };
  if (!compatible(segment.caps, offered)) return forbidden(segmentTexts.incompatible);

  const token = verifyAuthToken(parts.authSecrets(), segment.authToken, now);
  if (!token.ok) return forbidden(TOKEN_TEXTS[token.reason]);
  const session = token.sessionId;
  const place = findPlace(parts, exchange.peer, segment, session);
  if (!place) return forbidden(segmentTexts.capped);

  const wanted = exchange.contentLength ?? SEGMENT_BYTES_SLACK;
  if (wanted > bytesMaxOf(segment)) {
    return { ok: false, status: 500, text: segmentTexts.internal };
  }
  if (!parts.blobs.hasRoom(wanted)) {
    return { ok: false, status: 503, text: 'OrchestratorBusy' };
  }
  return { ok: true, segment, session, begins: place.begins };
}

const TOKEN_TEXTS = {
  token_missing: segmentTexts.tokenMissing,
  token_invalid: segmentTexts.tokenInvalid,
  token_expired: segmentTexts.tokenExpired,
} as const;

/** Off-chain there is no account to check against: go-livepeer accepts anything then. */
function signatureHolds(parts: FrontParts, sender: Uint8Array, segment: Segment): boolean {
  const offchain = parts.signer.address.every((byte) => byte === 0);
  return offchain || signedBy(sender, flatten(segment), segment.sig);
}

/**
 * The place of a session that goes on or may begin; undefined when there is none. A gateway renews
 * its token every 27 minutes and goes on under a new session id: in a full pool it takes over the
 * place of its own older session, as soon as the last segment there is done.
 */
function findPlace(
  parts: FrontParts,
  peer: string,
  segment: Segment,
  session: SessionId,
): { readonly begins: Promise<void> | undefined } | undefined {
  const { relay, dispatch, streams } = parts;
  const stream = { peer, manifestId: segment.manifestId };
  const needs = needsOf(segment);
  const full = () => !dispatch.hasCapacity(needs) || atSessionLimit(parts);
  let begins: Promise<void> | undefined;
  if (!relay.knows(session)) {
    if (parts.draining()) return undefined;
    if (full()) {
      const older = streams.sessionOf(stream);
      if (!older || older === session) return undefined;
      const over = relay.sessionIdle(older);
      relay.endSession(older);
      if (full()) begins = over;
    }
  }
  streams.used(stream, session);
  return { begins };
}

function atSessionLimit({ sessionsMax, dispatch }: FrontParts): boolean {
  return sessionsMax !== undefined && dispatch.summary().sessions >= sessionsMax;
}

function needsOf({ caps }: Segment) {
  return caps.minVersion === ''
    ? { bits: caps.bits }
    : { bits: caps.bits, minVersion: caps.minVersion };
}

interface IntakeRequest {
  readonly segment: Segment;
  readonly session: SessionId;
  readonly begins: Promise<void> | undefined;
  readonly startedAt: Instant;
}

/** Takes one segment in: bytes into shared memory, hashed and offered to a worker as they come. */
function createIntake(parts: FrontParts, exchange: Exchange, request: IntakeRequest) {
  const { segment, session, begins, startedAt } = request;
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
    const detail: SegmentDetail = { segment, declaredBytes: declared };
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
        return { status: 503, text: 'OrchestratorBusy' };
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

function bytesMaxOf({ durationMs }: Segment): number {
  return Math.min(SEGMENT_BYTES_MAX, SEGMENT_BYTES_SLACK + durationMs * SEGMENT_BYTES_PER_MS);
}

/** Output pixels per second of media; a pass-through rate counts as 30. */
function loadOf(profiles: readonly VideoProfile[]): number {
  return profiles.reduce((sum, { width, height, fps, fpsDen }) => {
    const rate = fps === 0 ? 30 : fps / Math.max(1, fpsDen);
    return sum + width * height * rate;
  }, 0);
}

async function refuse(
  parts: FrontParts,
  exchange: Exchange,
  status: number,
  text: string,
): Promise<void> {
  parts.metrics.refusedSegments.inc({ status: String(status) });
  parts.log.debug('segment_refused', { status, reason: messageOf(text) });
  await plain(exchange, status, text);
}
