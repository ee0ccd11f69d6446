import { inspect, inspectStructure } from './inspect.ts';
import type { Inspection } from './inspection.ts';
import { serveThread } from './thread-serve.ts';

/** A file in recycled shared chunks, of which the last one is filled in part. */
export interface InspectorItem {
  readonly chunks: readonly SharedArrayBuffer[];
  readonly length: number;
}

/** Larger files get memory of their own, which goes when they are done. */
const KEPT_BYTES = 8 << 20;

let kept = new Uint8Array(1 << 20);

/**
 * Copies the chunks into private memory first: whoever shares them could change the bytes between
 * two looks at them.
 */
function gather({ chunks, length }: InspectorItem): Uint8Array {
  if (length > kept.length && length <= KEPT_BYTES) kept = new Uint8Array(length);
  const whole = length > kept.length ? new Uint8Array(length) : kept;
  let filled = 0;
  for (const chunk of chunks) {
    const part = new Uint8Array(chunk, 0, Math.min(chunk.byteLength, length - filled));
    whole.set(part, filled);
    filled += part.length;
    if (filled === length) break;
  }
  return whole.subarray(0, filled);
}

serveThread<InspectorItem, Inspection>((item) => {
  const { inspection, unsure } = inspectStructure(gather(item), { overwrite: true });
  return unsure ? inspect(gather(item)) : inspection;
});
