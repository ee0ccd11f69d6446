import { sweepScratch } from './scratch.ts';
import { serveThread } from './thread-serve.ts';
import { type SegmentOutcome, type SegmentWork, transcodeSegment } from './transcode-segment.ts';

sweepScratch();

serveThread<SegmentWork, SegmentOutcome>(transcodeSegment, (outcome) =>
  outcome.ok ? outcome.renditions.map((rendition) => rendition.bytes.buffer) : [],
);
