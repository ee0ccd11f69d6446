import type { Blob } from '../base/blob.ts';
import { hex } from '../base/bytes.ts';
import type { Inspection } from '../media/inspection.ts';
import { judge, type Verdict } from '../verify/structure.ts';
import { NOTHING_FOUND, type SegmentDetail } from './job.ts';
import type { FrontParts } from './parts.ts';
import type { Rendition, Task } from './relay.ts';

/** A rendition as it came in, with what is being found out about it. */
export interface ReceivedRendition {
  readonly blob: Blob;
  readonly hash: Promise<Uint8Array>;
  /** Undefined until all of it is there. */
  inspection: Promise<Inspection> | undefined;
  phash: Blob | undefined;
}

/** Judges a complete answer by its bitstreams, never by what its worker said of it. */
export async function judgeResult(
  parts: FrontParts,
  task: Task<SegmentDetail>,
  received: readonly ReceivedRendition[],
): Promise<{ readonly verdict: Verdict; readonly renditions: readonly Rendition[] }> {
  const { segment, inspection } = task.job.detail;
  const [source, ...inspections] = await Promise.all([
    // An answer that came before the source was whole is an answer to something else.
    inspection ?? NOTHING_FOUND,
    ...received.map((rendition) => rendition.inspection ?? NOTHING_FOUND),
  ]);
  const hashes = await Promise.all(received.map(({ hash }) => hash));
  const sourceHash = hex(segment.hash);
  const verdict = judge({
    profiles: segment.profiles,
    source,
    renditions: inspections,
    sourceHash,
    outputHashes: hashes.map(hex),
    earlierOutputs: { get: parts.outputs.sourceOf },
    durationMs: segment.durationMs,
    ...(segment.clip ? { clip: segment.clip } : {}),
  });
  if (!verdict.ok) return { verdict, renditions: [] };
  const renditions = received.map(({ blob, phash }, index) => {
    const { width, height, frames, pixels } = verdict.perRendition[index] as JudgedPart;
    const hash = hashes[index] as Uint8Array;
    return { blob, hash, width, height, frames, pixels, ...(phash ? { phash } : {}) };
  });
  return { verdict, renditions };
}

type JudgedPart = Extract<Verdict, { ok: true }>['perRendition'][number];
