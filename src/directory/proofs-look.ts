import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../base/threads.ts';
import type { ProofsCheck, ProofsState } from './proofs.ts';

/** Of all that is read in one look; the rest of a big pool has its turn in the next. */
const LOOK_MS = 5 * 60_000;
/** Of a thread: an epoch of 20,000 workers takes a few hundred. */
const MEMORY_MIB = 1_024;

/** What the thread is told. */
export interface ProofsTask {
  readonly proofsUrl: string;
  readonly allowPrivate: readonly string[];
  readonly rpc: string | undefined;
  readonly controller: string | undefined;
  readonly before: ProofsState;
  readonly check: ProofsCheck;
}

/** What it answers: how far it got, or why the proofs cannot be read. */
export type ProofsOutcome =
  | { readonly ok: true; readonly state: ProofsState }
  | { readonly ok: false; readonly fault: string; readonly text: string };

/** A thread that checks proofs, one pool after the other. */
export interface ProofsLooker {
  /** Never rejects; ends early when `signal` is aborted. One at a time. */
  look(task: ProofsTask, signal: AbortSignal): Promise<ProofsOutcome>;
  close(): Promise<void>;
}

/**
 * Looks at proofs on a thread, whatever they hold: a look ends after minutes, and at a limit of
 * memory. The thread that was broken by a pool is replaced for the next one.
 */
export function createProofsLooker(): ProofsLooker {
  let thread: Worker | undefined;
  const end = async () => {
    await thread?.terminate();
    thread = undefined;
  };
  return {
    close: end,
    async look(task, signal) {
      thread ??= startThread(new URL('./proofs-thread.ts', import.meta.url), {
        resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
      });
      const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
      try {
        const answered = once(thread, 'message', { signal: limit });
        thread.postMessage(task);
        const [outcome] = (await answered) as [ProofsOutcome];
        return outcome;
      } catch {
        await end();
        const minutes = LOOK_MS / 60_000;
        return limit.aborted
          ? { ok: false, fault: 'slow', text: `checking them took longer than ${minutes} min` }
          : {
              ok: false,
              fault: 'too_large',
              text: 'checking them took more than this directory has',
            };
      }
    },
  };
}
