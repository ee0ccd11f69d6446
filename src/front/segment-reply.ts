import type { Instant } from '../base/clock.ts';
import type { Exchange } from '../http/exchange.ts';
import type { ObjectStore, Segment } from '../protocol/segment.ts';
import { resultTexts } from '../protocol/texts.ts';
import {
  encodeTranscodeResult,
  type ResultRendition,
  signResult,
} from '../protocol/transcode-result.ts';
import type { SegmentDetail } from './job.ts';
import { upload } from './object-store.ts';
import { orchestratorInfo } from './orchestrator-info.ts';
import type { FrontParts } from './parts.ts';
import type { Job, JobOutcome, Rendition } from './relay.ts';

/** A segment that was accepted, and what it comes to. */
export interface Accepted {
  readonly segment: Segment;
  readonly outcome: Promise<JobOutcome>;
  /** Undefined when no worker had to be asked. */
  readonly job: Job<SegmentDetail> | undefined;
}

/**
 * Waits for the outcome, stores the renditions for the gateway and writes the TranscodeResult that
 * ends the reply. wire: go-livepeer server/segment_rpc.go:ServeSegment.
 */
export async function replyToSegment(
  parts: FrontParts,
  exchange: Exchange,
  { segment, outcome, job }: Accepted,
  startedAt: Instant,
): Promise<void> {
  const came = await outcome;
  const result = came.ok
    ? await store(parts, segment, job as Job<SegmentDetail>, came.renditions)
    : ({ kind: 'failed', text: came.text } as const);
  const info = segment.authToken && orchestratorInfo(parts, segment.authToken);
  await exchange.end(encodeTranscodeResult({ seq: segment.seq, result, info }));

  const seconds = (parts.clock.now() - startedAt) / 1000;
  const reason = came.ok ? result.kind : came.reason;
  parts.metrics.segments.inc({ outcome: reason === 'done' ? 'ok' : reason });
  parts.metrics.segmentSeconds.observe(seconds);
}

type Result =
  | { readonly kind: 'done'; renditions: readonly ResultRendition[]; readonly sig: Uint8Array }
  | { readonly kind: 'failed'; readonly text: string };

async function store(
  parts: FrontParts,
  segment: Segment,
  job: Job<SegmentDetail>,
  renditions: readonly Rendition[],
): Promise<Result> {
  try {
    const stored: ResultRendition[] = [];
    for (const [index, rendition] of renditions.entries()) {
      const place = { index, extension: segment.profiles[index]?.format === 'mp4' ? 'mp4' : 'ts' };
      const url = segment.storage
        ? await storeOutside(parts, segment.storage, segment, place, rendition)
        : storeHere(
            parts,
            job,
            segment,
            { ...place, extension: place.extension as 'ts' },
            rendition,
          );
      // One entry per profile or an error: a shorter list is taken for success by stock gateways.
      if (!url) return { kind: 'failed', text: resultTexts.unavailable };
      stored.push({
        url,
        pixels: rendition.pixels,
        ...phashOf(parts, job, segment, index, rendition),
      });
    }
    const hashes = renditions.map(({ hash }) => hash);
    return { kind: 'done', renditions: stored, sig: signResult(parts.signer, hashes) };
  } finally {
    for (const { blob, phash } of renditions) {
      blob.release();
      phash?.release();
    }
  }
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
