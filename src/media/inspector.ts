import type { Inspection } from './inspection.ts';
import type { InspectorItem } from './inspector-thread.ts';
import { createThreadPool } from './thread-pool.ts';

/**
 * A structural reading takes a few milliseconds; a decode stops by itself after 10 s. This is for
 * a decoder that hangs inside FFmpeg.
 */
const LIMIT_MS_DEFAULT = 20_000;

export interface Inspector {
  /**
   * Says what the first `length` bytes of the chunks contain. Never rejects: a file on which a
   * thread hangs or dies has the problem `inspector_failed`. The chunks may be reused once it has
   * settled.
   */
  inspect(chunks: readonly SharedArrayBuffer[], length: number): Promise<Inspection>;
  close(): Promise<void>;
}

/** Inspects files in threads; each takes one file at a time. */
export function createInspector(options: {
  readonly threads: number;
  /** Milliseconds after which a file is given up and another thread starts. Default: 20,000. */
  readonly limitMs?: number;
}): Inspector {
  const { threads, limitMs = LIMIT_MS_DEFAULT } = options;
  const pool = createThreadPool<InspectorItem, Inspection>({
    module: new URL('./inspector-thread.ts', import.meta.url),
    threads,
  });
  return {
    async inspect(chunks, length) {
      const outcome = await pool.run({ chunks, length }, { limitMs });
      if (outcome.ok) return outcome.value;
      return {
        container: 'unknown',
        bytes: length,
        method: 'structure',
        problems: ['inspector_failed'],
      };
    },
    close: () => pool.close(),
  };
}
