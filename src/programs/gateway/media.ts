import type { Blob } from '../../base/blob.ts';
import type { Inspection } from '../../media/inspection.ts';
import { createInspector } from '../../media/inspector.ts';
import type { JobShape } from '../../protocol/capabilities.ts';
import { codecNames } from './codecs.ts';
import type { VariantFacts } from './hls-folder.ts';

/** What a gateway reads out of segments and renditions, off the event loop. */
export interface Media {
  /** Width x height over all frames; 0 of a file without video, undefined of what is no media. */
  countPixels(segment: Blob): Promise<bigint | undefined>;
  /** What a master playlist says; undefined without video. */
  describe(segment: Blob): Promise<VariantFacts | undefined>;
  /** What a job needs to know of its input; undefined where no codec of the protocol is in it. */
  inputOf(segment: Blob): Promise<JobShape['input'] | undefined>;
  close(): Promise<void>;
}

/** Starts one thread: a segment takes it some milliseconds. */
export function createMedia(): Media {
  const inspector = createInspector({ threads: 1 });
  const inspect = async (blob: Blob): Promise<Inspection> => {
    blob.retain();
    try {
      return await inspector.inspect(blob.chunks(), blob.length);
    } finally {
      blob.release();
    }
  };
  return {
    async countPixels(segment) {
      const { container, video, problems } = await inspect(segment);
      if (video) return video.pixels;
      const merelyWithout = problems.every((problem) => problem === 'no_video');
      return container !== 'unknown' && merelyWithout ? 0n : undefined;
    },
    async describe(segment) {
      const inspection = await inspect(segment);
      const { video } = inspection;
      if (!video) return undefined;
      const first = segment.chunks()[0];
      const { width, height, fps } = video;
      return {
        width,
        height,
        frameRate: fps > 0 ? fps : undefined,
        codecs: first ? codecNames(inspection, new Uint8Array(first)) : [],
      };
    },
    async inputOf(segment) {
      const { video } = await inspect(segment);
      switch (video?.codec) {
        case 'h264':
        case 'hevc':
        case 'vp8':
        case 'vp9':
          return { codec: video.codec };
        default:
          return undefined;
      }
    },
    close: () => inspector.close(),
  };
}
