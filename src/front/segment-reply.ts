import type { Instant } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import { pixels } from '../base/money.ts';
import type { Exchange } from '../http/exchange.ts';
import type { PaidWork } from '../payments/accounts.ts';
import type { OrchestratorInfo } from '../protocol/gen/lp_rpc_pb.ts';
import type { ObjectStore, Segment } from '../protocol/segment.ts';
import { resultTexts } from '../protocol/texts.ts';
import { encodeTranscodeResult, type ResultRendition } from '../protocol/transcode-result.ts';
import type { SegmentDetail } from './job.ts';
import { upload } from './object-store.ts';
import type { FrontParts } from './parts.ts';
import type { Job, JobOutcome, Rendition } from './relay.ts';
import { segmentSpan } from './segment-span.ts';

/** A segment that was accepted, and what it comes to. */
export interface Accepted {
  readonly segment: Segment;
  readonly outcome: Promise<JobOutcome>;
  /** Undefined when no worker had to be asked. */
  readonly job: Job<SegmentDetail> | undefined;
  /** What the gateway pays its next segment with. */
  readonly info: OrchestratorInfo;
  readonly work: PaidWork;
}

/**
 * Waits for the outcome, stores the renditions for the gateway and writes the TranscodeResult that
 * ends the reply. wire: go-livepeer server/segment_rpc.go:ServeSegment.
 */
export async function replyToSegment(
  parts: FrontParts,
  exchange: Exchange,
  { segment, outcome, job, info, work }: Accepted,
  startedAt: Instant,
): Promise<void> {
  const came = await outcome;
  const result = came.ok
    ? await handOver(parts, { segment, work, job: job as Job<SegmentDetail> }, came.renditions)
    : ({ kind: 'failed', text: came.text } as const);
  if (came.ok) crashPoint('before_gateway_answer');
  await exchange.end(encodeTranscodeResult({ seq: segment.seq, result, info }));

  const endedAt = parts.clock.now();
  const seconds = (endedAt - startedAt) / 1000;
  const reason = came.ok ? result.kind : came.reason;
  const span = job && segmentSpan({ startedAt, endedAt, job, outcome: reason });
  if (span) parts.tracing?.record(span);
  parts.metrics.segments.inc({ outcome: reason === 'done' ? 'ok' : reason });
  parts.metrics.segmentSeconds.observe(seconds);
}

type Result =
  | { readonly kind: 'done'; renditions: readonly ResultRendition[]; readonly sig: Uint8Array }
  | { readonly kind: 'failed'; readonly text: string };

/** Signs, debits what we counted, and stores. A store of the gateway that fails costs it the work. */
async function handOver(
  parts: FrontParts,
  done: {
    readonly segment: Segment;
    readonly job: Job<SegmentDetail>;
    readonly work: PaidWork;
  },
  renditions: readonly Rendition[],
): Promise<Result> {
  const failed: Result = { kind: 'failed', text: resultTexts.unavailable };
  try {
    const sig = await sign(parts, renditions);
    // Without a signature the gateway has nothing that it would take, and pays nothing.
    if (!sig) return failed;
    crashPoint('result_signed');
    const counted = renditions.reduce((sum, rendition) => sum + rendition.pixels, 0n);
    const settled = done.work.settle(pixels(counted));
    const stored = await storeAll(parts, done, renditions);
    await settled;
    return stored ? { kind: 'done', renditions: stored, sig } : failed;
  } finally {
    for (const { blob, phash } of renditions) {
      blob.release();
      phash?.release();
    }
  }
}

async function sign(
  { signing, log }: FrontParts,
  renditions: readonly Rendition[],
): Promise<Uint8Array | undefined> {
  try {
    return await signing.signResult(renditions.map(({ hash }) => hash));
  } catch (error) {
    if (!(error instanceof TributaryError)) throw error;
    log.error('result_not_signed', { code: error.code });
    return undefined;
  }
}

/** One entry per profile or none: a shorter list is taken for success by stock gateways. */
async function storeAll(
  parts: FrontParts,
  { segment, job }: { readonly segment: Segment; readonly job: Job<SegmentDetail> },
  renditions: readonly Rendition[],
): Promise<readonly ResultRendition[] | undefined> {
  const stored: ResultRendition[] = [];
  for (const [index, rendition] of renditions.entries()) {
    const extension = segment.profiles[index]?.format === 'mp4' ? 'mp4' : 'ts';
    const url = segment.storage
      ? await storeOutside(parts, segment.storage, segment, { index, extension }, rendition)
      : storeHere(parts, job, segment, { index, extension }, rendition);
    if (!url) return undefined;
    stored.push({
      url,
      pixels: rendition.pixels,
      ...phashOf(parts, job, segment, index, rendition),
    });
  }
  return stored;
}

function storeHere(
  parts: FrontParts,
  job: Job<SegmentDetail>,
  { seq }: Segment,
  { index, extension }: { index: number; extension: 'ts' | 'mp4' },
  { blob }: Rendition,
): string {
  const path = parts.renditions.put({ session: job.session, index, seq, extension }, blob);
  return parts.serviceUri + path;
}

function phashOf(
  parts: FrontParts,
  { session }: Job<SegmentDetail>,
  { seq }: Segment,
  index: number,
  { phash }: Rendition,
): { perceptualHashUrl?: string } {
  if (!phash) return {};
  const path = parts.renditions.put({ session, index, seq, extension: 'phash' }, phash);
  return { perceptualHashUrl: parts.serviceUri + path };
}

/** Into the gateway's own bucket; undefined when that fails or its host is not allowed. */
async function storeOutside(
  parts: FrontParts,
  store: ObjectStore,
  { seq, profiles }: Segment,
  { index, extension }: { index: number; extension: string },
  { blob }: Rendition,
): Promise<string | undefined> {
  const name = profiles[index]?.name ?? String(index);
  const uploaded = await upload(parts.fetch, store, { name, file: `${seq}.${extension}`, blob });
  if (!uploaded.ok) parts.log.warn('object_store_failed', { reason: uploaded.reason });
  return uploaded.ok ? uploaded.url : undefined;
}
