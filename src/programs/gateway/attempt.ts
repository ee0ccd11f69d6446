import type { Blob } from '../../base/blob.ts';
import type { Clock } from '../../base/clock.ts';
import type { Hashing } from '../../base/hashing.ts';
import { type Pixels, pixels } from '../../base/money.ts';
import type { Completion } from '../../payments/send-session.ts';
import type { CapabilityBits } from '../../protocol/capabilities.ts';
import type { OrchestratorInfo } from '../../protocol/gen/lp_rpc_pb.ts';
import { encodeSegment, flatten, type Segment } from '../../protocol/segment.ts';
import type { Signer } from '../../protocol/signature.ts';
import { isNonRetryable, resultTexts } from '../../protocol/texts.ts';
import {
  decodeTranscodeResult,
  resultSignedBy,
  type TranscodeResult,
} from '../../protocol/transcode-result.ts';
import type { VideoProfile } from '../../protocol/video-profile.ts';
import type { Session } from './sessions.ts';
import type { SubmitAnswer, Transport } from './transport.ts';

/** Until the status: connect, upload, checks. Wire: go-livepeer common/util.go, server/segment_rpc.go. */
const HEADERS_MS_MIN = 2_000;
const HEADERS_DURATIONS = 0.5;
/** Until the result. */
const RESULT_MS_MIN = 8_000;
const RESULT_DURATIONS = 4;
/** One rendition. Wire: go-livepeer core/os.go. */
const DOWNLOAD_MS = 4_000;

/** A segment of a stream, complete. */
export interface SourceSegment {
  readonly seq: number;
  readonly durationMs: number;
  readonly blob: Blob;
  /** Part of the segment to transcode, in ms from its start. */
  readonly clip?: { readonly fromMs: number; readonly toMs: number } | undefined;
  readonly forceSessionReinit?: boolean;
}

/** One rendition of a segment. Whoever receives it releases the blob. */
export interface Rendition {
  readonly profile: VideoProfile;
  readonly blob: Blob;
  /** As reported by the orchestrator, and equal to what was counted here. */
  readonly pixels: Pixels;
}

/** What an attempt at one orchestrator gave. */
export type AttemptOutcome =
  | {
      readonly ok: true;
      readonly renditions: readonly Rendition[];
      readonly info: OrchestratorInfo | undefined;
    }
  /** `blames: 'input'` or `'sender'`: no other orchestrator would do better. */
  | {
      readonly ok: false;
      readonly text: string;
      readonly blames: 'orchestrator' | 'input' | 'sender';
    };

/** What an attempt stands on. */
export interface AttemptParts {
  readonly transport: Transport;
  readonly signer: Signer;
  readonly hashing: Hashing;
  readonly clock: Clock;
  /** Counts width x height over the frames of a rendition; undefined when it is not a video. */
  countPixels(rendition: Blob): Promise<bigint | undefined>;
}

/** What all segments of a stream have in common. */
export interface Job {
  readonly manifestId: string;
  readonly profiles: readonly VideoProfile[];
  readonly bits: CapabilityBits;
}

/**
 * Sends one segment to one orchestrator and takes its answer only when every rendition was
 * downloaded, its signature is the orchestrator's and its pixels are what the orchestrator says.
 * Wire: go-livepeer server/segment_rpc.go:SubmitSegment, server/broadcast.go:downloadResults.
 */
export async function attempt(
  parts: AttemptParts,
  job: Job,
  session: Session,
  source: SourceSegment,
): Promise<AttemptOutcome> {
  const hash = await parts.hashing.keccak256(source.blob);
  // From here to the call nothing waits: token, parameters and payment are of one session.
  const { info, account } = session;
  const work = { profiles: job.profiles, durationMs: source.durationMs };
  const paying = account?.pay(info, work);
  if (paying && !paying.ok) return { ok: false, text: paying.text, blames: paying.blames };
  const answer = await parts.transport.submit({
    service: session.service,
    credentials: credentials(parts, job, info.authToken, source, hash),
    payment: paying?.header ?? '',
    source: source.blob,
    headersTimeoutMs: Math.max(HEADERS_MS_MIN, source.durationMs * HEADERS_DURATIONS),
    totalTimeoutMs: Math.max(RESULT_MS_MIN, source.durationMs * RESULT_DURATIONS),
  });
  const result = read(answer);
  paying?.end(completionOf(answer, result));
  if (!result.ok) return failed(result.text);
  const { done, info: newer } = result;
  // Who is paid is fixed with the session; what a reply says of its own signer counts off-chain only.
  const signer = account ? signerOf(info) : (newer ?? info).address;
  return collect(parts, job, done, signer, newer);
}

/** What an answer holds, or why it is of no use. */
type Read =
  | { readonly ok: true; readonly done: Done; readonly info: OrchestratorInfo | undefined }
  | { readonly ok: false; readonly text: string };

function read(answer: SubmitAnswer): Read {
  if (!answer.ok) return answer;
  const decoded = decodeTranscodeResult(answer.value);
  if (!decoded.ok) return { ok: false, text: resultProblems[decoded.reason] };
  const { result, info } = decoded.result;
  if (result.kind === 'failed') return { ok: false, text: result.text };
  return { ok: true, done: result, info };
}

/** Wire: go-livepeer server/segment_rpc.go:completeBalanceUpdate. */
function completionOf(answer: SubmitAnswer, result: Read): Completion {
  if (!answer.ok && !answer.taken) return { kind: 'unsent' };
  if (!result.ok) return { kind: 'lost' };
  return {
    kind: 'done',
    pixels: result.done.renditions.reduce((sum, { pixels }) => sum + pixels, 0n),
  };
}

/** The account that signs results, else the one that is paid. Wire: go-livepeer verification/verify.go. */
function signerOf({ address, ticketParams }: OrchestratorInfo): Uint8Array {
  return isZero(address) ? (ticketParams?.recipient ?? address) : address;
}

const resultProblems = {
  malformed: 'the result is not a TranscodeResult',
  unset: 'UnknownResponse',
  too_many_renditions: resultTexts.mismatched,
} as const;

type Done = Extract<TranscodeResult['result'], { kind: 'done' }>;

/** The `Livepeer-Segment` header. Its hash is taken while a pushed segment still arrives. */
function credentials(
  parts: AttemptParts,
  job: Job,
  authToken: Segment['authToken'],
  source: SourceSegment,
  hash: Uint8Array,
): string {
  const unsigned: Segment = {
    manifestId: Buffer.from(job.manifestId, 'utf8'),
    seq: BigInt(source.seq),
    hash,
    profiles: job.profiles,
    sig: new Uint8Array(0),
    durationMs: Math.max(1, Math.trunc(source.durationMs)),
    caps: { bits: job.bits, words: 1, minVersion: '' },
    authToken,
    calcPerceptualHash: false,
    clip: source.clip,
    forceSessionReinit: source.forceSessionReinit ?? false,
  };
  return encodeSegment({ ...unsigned, sig: parts.signer.sign(flatten(unsigned)) });
}

async function collect(
  parts: AttemptParts,
  job: Job,
  done: Done,
  signer: Uint8Array,
  info: OrchestratorInfo | undefined,
): Promise<AttemptOutcome> {
  // One rendition per profile, in order, is what the wire promises.
  if (done.renditions.length !== job.profiles.length) return failed(resultTexts.mismatched);
  const downloads = await Promise.all(
    done.renditions.map((segment) => parts.transport.download(segment.url, DOWNLOAD_MS)),
  );
  const blobs = downloads.flatMap((download) => (download.ok ? [download.value] : []));
  const release = () => {
    for (const blob of blobs) blob.release();
  };
  try {
    const missing = downloads.find((download) => !download.ok);
    const text =
      (missing && !missing.ok ? missing.text : undefined) ??
      (await judge(parts, done, blobs, signer));
    if (text !== undefined) {
      release();
      return failed(text);
    }
  } catch (error) {
    release();
    throw error;
  }
  const renditions = job.profiles.map((profile, index) => ({
    profile,
    blob: blobs[index] as Blob,
    pixels: pixels(done.renditions[index]?.pixels ?? 0n),
  }));
  return { ok: true, renditions, info };
}

/** The stock gateway's own words for what is wrong with a result; undefined when nothing is. */
async function judge(
  parts: AttemptParts,
  done: Done,
  blobs: readonly Blob[],
  signer: Uint8Array,
): Promise<string | undefined> {
  if (!isZero(signer)) {
    const hashes = await Promise.all(blobs.map((blob) => parts.hashing.keccak256(blob)));
    if (!resultSignedBy(signer, hashes, done.sig)) return 'PM Check Failed';
  }
  const counted = await Promise.all(blobs.map((blob) => parts.countPixels(blob)));
  const differs = counted.some((count, index) => count !== done.renditions[index]?.pixels);
  return differs ? 'PixelMismatch' : undefined;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function failed(text: string): AttemptOutcome {
  return { ok: false, text, blames: isNonRetryable(text) ? 'input' : 'orchestrator' };
}
