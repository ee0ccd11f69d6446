import { hex } from '../base/bytes.ts';

/** Some 20,000 segments with three renditions: hours of a busy pool in a few megabytes. */
const HASHES_MAX = 60_000;

/** Remembers which source each recent output came from, to notice one that is handed in again. */
export interface OutputMemory {
  /** Hash of the source whose result this was, both in hex; undefined when the output is new. */
  sourceOf(output: string): string | undefined;
  remember(outputs: readonly Uint8Array[], source: Uint8Array): void;
}

export function createOutputMemory(): OutputMemory {
  const sources = new Map<string, string>();
  return {
    sourceOf: (output) => sources.get(output),
    remember(outputs, source) {
      for (const output of outputs) sources.set(hex(output), hex(source));
      for (const oldest of sources.keys()) {
        if (sources.size <= HASHES_MAX) break;
        sources.delete(oldest);
      }
    },
  };
}
