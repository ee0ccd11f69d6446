import { randomBytes } from 'node:crypto';
import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import {
  type ConnectionId,
  type JobId,
  newJobId,
  type RandomBytes,
  type SessionId,
  type TaskId,
  type WorkerId,
} from '../base/ids.ts';
import { type Pixels, pixels } from '../base/money.ts';

/** Renditions of one job: go-livepeer ladders have at most about ten; this bounds one row. */
export const RENDITIONS_MAX = 64;
/** A reason is a word of a closed union such as `wrong_frame_count`, never text of a peer. */
const REASON = /^[a-z][a-z0-9_]{0,63}$/;
/** Hashes are keccak-256. */
const HASH_BYTES = 32;

/** One stored contribution: a UUID of version 7, named before the row is written. */
export type ContributionId = string & { readonly __brand: 'ContributionId' };

/** A new id that sorts by `nowMs`. */
export function newContributionId(
  nowMs: number,
  random: RandomBytes = randomBytes,
): ContributionId {
  return newJobId(nowMs, random) as string as ContributionId;
}

/** One rendition as the pool measured it, never as the worker claimed it. */
export interface ContributedRendition {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** width x height x frames, counted from the bitstream. */
  readonly pixels: Pixels;
  readonly bytes: number;
  /** keccak-256 of the rendition, 32 bytes. */
  readonly hash: Uint8Array;
}

/** Milliseconds since the job came in; what did not happen is left out. */
export interface Timings {
  /** The task was handed to the worker. */
  readonly queuedMs?: number;
  /** The worker had read the whole source. */
  readonly fetchedMs?: number;
  /** The first byte of the result came in. */
  readonly transcodedMs?: number;
  /** The last byte of the result came in. */
  readonly uploadedMs?: number;
  /** The verdict was there. */
  readonly verifiedMs?: number;
}

/** Why an attempt earned nothing, in one word; `reason` says more. */
export const failedVerdicts = [
  /** The result did not pass verification. */
  'rejected',
  /** The worker answered with an error. */
  'errored',
  /** The worker's connection ended first. */
  'lost',
  /** The deadline of the attempt passed. */
  'late',
  /** Another attempt of the same job was taken. */
  'superseded',
] as const;

export type FailedVerdict = (typeof failedVerdicts)[number];

interface Attempt {
  readonly job: JobId;
  /** 1 for the first attempt of a job. */
  readonly attempt: number;
  readonly task: TaskId;
  readonly worker: WorkerId;
  readonly connection: ConnectionId;
  readonly session: SessionId;
  /** keccak-256 of the gateway's manifest id, 32 bytes. */
  readonly manifestHash?: Uint8Array;
  readonly sourceDurationMs: number;
  readonly sourceBytes: number;
  /** keccak-256 of the source, 32 bytes; unknown where the attempt ended before it was complete. */
  readonly sourceHash?: Uint8Array;
  readonly timings: Timings;
  readonly at: Instant;
}

/** Work that passed and is paid by its pixels. */
export interface CreditedContribution extends Attempt {
  readonly verdict: 'credited';
  readonly sourceHash: Uint8Array;
  readonly profiles: readonly ContributedRendition[];
  /** The sum over `profiles`. */
  readonly pixels: Pixels;
  /** Wei per pixel that the gateway pays; undefined where nobody does. Kept in the receipt. */
  readonly price?: { readonly numerator: bigint; readonly denominator: bigint };
  /** SHA-256 of the gateway's signature of the segment, 32 bytes. Kept in the receipt. */
  readonly gatewaySignatureHash?: Uint8Array;
}

/** An attempt that earned nothing. */
export interface FailedContribution extends Attempt {
  readonly verdict: FailedVerdict;
  /** One word of a closed union, for example of verify: `wrong_frame_count`. */
  readonly reason: string;
}

/** What one attempt of one job came to: appended once, never changed. */
export type Contribution = CreditedContribution | FailedContribution;

/** A contribution as read back. */
export type StoredContribution = Contribution & { readonly id: ContributionId };

/** What a worker did so far. */
export interface WorkerTotals {
  readonly worker: WorkerId;
  /** Credited jobs. */
  readonly segments: number;
  readonly pixels: Pixels;
  readonly sourceDurationMs: number;
  /** Attempts that ended other than credited; a hedge that came second is not one of them. */
  readonly failedAttempts: number;
  /** Null: all of it came out of published epochs after a backup was restored. */
  readonly lastAt: Instant | null;
}

/**
 * Checks what the database would refuse, before a whole batch suffers from one bad row. Throws
 * `internal`: a contribution is made by our own code.
 */
export function checkContribution(entry: Contribution): void {
  const fault = faultOf(entry);
  if (fault === undefined) return;
  throw new TributaryError('internal', `a contribution is not well formed: ${fault}`, {
    facts: { job: entry.job, attempt: entry.attempt },
  });
}

function faultOf(entry: Contribution): string | undefined {
  if (!Number.isSafeInteger(entry.attempt) || entry.attempt < 1 || entry.attempt > 1000) {
    return 'attempt';
  }
  if (!isCount(entry.sourceBytes)) return 'sourceBytes';
  if (!isDuration(entry.sourceDurationMs)) return 'sourceDurationMs';
  if (!isHash(entry.sourceHash) || !isHash(entry.manifestHash)) return 'hash';
  for (const ms of Object.values(entry.timings)) {
    if (ms !== undefined && !isDuration(ms)) return 'timings';
  }
  if (entry.verdict !== 'credited') return REASON.test(entry.reason) ? undefined : 'reason';
  if (entry.profiles.length > RENDITIONS_MAX) return 'profiles';
  let sum = 0n;
  for (const { name, width, height, frames, bytes, hash, pixels: count } of entry.profiles) {
    if (name.includes('\0') || name.length > 256) return 'profile name';
    if (![width, height, frames, bytes].every(isCount)) return 'profile size';
    if (hash.length !== HASH_BYTES) return 'profile hash';
    // Read back through JSON, whose numbers are exact up to here.
    if (count > Number.MAX_SAFE_INTEGER) return 'profile pixels';
    sum += pixels(count);
  }
  if (sum !== entry.pixels) return 'pixels are not the sum of the renditions';
  if (!isHash(entry.gatewaySignatureHash)) return 'gatewaySignatureHash';
  return isPrice(entry.price, sum) ? undefined : 'price';
}

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
/** PostgreSQL's integer: 24 days, far above any deadline. */
const isDuration = (ms: number) => Number.isFinite(ms) && ms >= 0 && ms < 2 ** 31 - 1;
/** Receipts hold prices and amounts in 16 bytes. */
const U128_END = 2n ** 128n;
function isPrice(price: CreditedContribution['price'], units: bigint): boolean {
  if (!price) return true;
  const { numerator, denominator } = price;
  if (numerator < 0n || numerator >= U128_END) return false;
  if (denominator <= 0n || denominator >= U128_END) return false;
  return (units * numerator) / denominator < U128_END;
}
const isHash = (hash: Uint8Array | undefined) => hash === undefined || hash.length === HASH_BYTES;
