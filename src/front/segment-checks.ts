import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import type { Exchange } from '../http/exchange.ts';
import { verifyAuthToken } from '../protocol/auth-token.ts';
import { compatible } from '../protocol/capabilities.ts';
import { decodePayment, type Payment } from '../protocol/payment.ts';
import { type AuthToken, decodeSegment, flatten, type Segment } from '../protocol/segment.ts';
import { resultTexts, segmentTexts } from '../protocol/texts.ts';
import { offeredBits, WIRE_VERSION } from './orchestrator-info.ts';
import type { FrontParts } from './parts.ts';

/** wire: go-livepeer common/util.go MaxSegSize. */
const SEGMENT_BYTES_MAX = 300_000_000;
/** Room for a short segment of any quality, and 200 Mbit/s for longer ones. */
const SEGMENT_BYTES_SLACK = 32 * 1024 * 1024;
const SEGMENT_BYTES_PER_MS = 25_000;

/** The status and the text that refuse a segment or a payment. */
export interface Refusal {
  readonly ok: false;
  readonly status: number;
  readonly text: string;
}

/** Who asks, for what, and pays with what: all of it vouched for. */
export interface Credentials {
  readonly ok: true;
  readonly payment: Payment;
  readonly segment: Segment;
  readonly authToken: AuthToken;
  readonly session: SessionId;
}

/** A segment that may be paid for and taken in. */
export interface CheckedSegment extends Credentials {
  /** When the session can begin; undefined: at once. */
  readonly begins: Promise<void> | undefined;
}

/**
 * The two headers that payments and segments come with, in go-livepeer's order
 * (server/segment_rpc.go:processPaymentAndSegmentHeaders).
 */
export async function checkCredentials(
  parts: FrontParts,
  exchange: Exchange,
  now: Instant,
): Promise<Credentials | Refusal> {
  const paid = decodePayment(exchange.headers['livepeer-payment']);
  if (!paid.ok) return paid;
  const { payment } = paid;
  const decoded = decodeSegment(exchange.headers['livepeer-segment'] ?? '');
  if (!decoded.ok) return decoded;
  const { segment } = decoded;

  const signed = await signatureHolds(parts, payment.sender, segment);
  if (signed !== true) return signed;
  const offered = { bits: offeredBits(parts), version: WIRE_VERSION };
  if (!compatible(segment.caps, offered)) return forbidden(segmentTexts.incompatible);

  const { authToken } = segment;
  const token = verifyAuthToken(parts.authSecrets(), authToken, now);
  if (!token.ok) return forbidden(TOKEN_TEXTS[token.reason]);
  if (!authToken) return forbidden(segmentTexts.tokenMissing);
  return { ok: true, payment, segment, authToken, session: token.sessionId };
}

const TOKEN_TEXTS = {
  token_missing: segmentTexts.tokenMissing,
  token_invalid: segmentTexts.tokenInvalid,
  token_expired: segmentTexts.tokenExpired,
} as const;

async function signatureHolds(
  { signatures }: FrontParts,
  address: Uint8Array,
  segment: Segment,
): Promise<true | Refusal> {
  const { sig } = segment;
  try {
    const holds = await signatures.hold({ address, message: flatten(segment), sig });
    return holds || forbidden(segmentTexts.signature);
  } catch (error) {
    if (error instanceof TributaryError && error.code === 'recovery_busy') return BUSY;
    throw error;
  }
}

/** What does not depend on who pays and how: place and room. */
export async function checkSegment(
  parts: FrontParts,
  exchange: Exchange,
  now: Instant,
): Promise<CheckedSegment | Refusal> {
  const known = await checkCredentials(parts, exchange, now);
  if (!known.ok) return known;
  const { segment, session } = known;
  const place = findPlace(parts, exchange.peer, segment, session);
  if (!place) return forbidden(segmentTexts.capped);

  const wanted = exchange.contentLength ?? SEGMENT_BYTES_SLACK;
  if (wanted > bytesMaxOf(segment)) {
    return { ok: false, status: 500, text: segmentTexts.internal };
  }
  return parts.blobs.hasRoom(wanted) ? { ...known, begins: place.begins } : BUSY;
}

/** Nothing is wrong with what was sent; another orchestrator or moment may do. */
export const BUSY: Refusal = { ok: false, status: 503, text: resultTexts.busy };

function forbidden(text: string): Refusal {
  return { ok: false, status: 403, text };
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
      // One that its gateway has ended has no place left to take over.
      if (!older || older === session || !relay.knows(older)) return undefined;
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

/** What a segment needs of its worker. */
export function needsOf({ caps }: Segment) {
  return caps.minVersion === ''
    ? { bits: caps.bits }
    : { bits: caps.bits, minVersion: caps.minVersion };
}

/** The longest body that is read for a segment. */
export function bytesMaxOf({ durationMs }: Segment): number {
  return Math.min(SEGMENT_BYTES_MAX, SEGMENT_BYTES_SLACK + durationMs * SEGMENT_BYTES_PER_MS);
}
