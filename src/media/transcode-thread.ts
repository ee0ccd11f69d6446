import { serveThread } from './thread-serve.ts';
import { type SegmentOutcome, type SegmentWork, transcodeSegment } from './transcode-segment.ts';

serveThread<SegmentWork, SegmentOutcome>(transcodeSegment, (outcome) =>
  outcome.ok ? outcome.renditions.map((rendition) => rendition.bytes.buffer) : [],
);
