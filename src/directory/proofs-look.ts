import { once } from 'node:events';
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

/**
 * Looks at the proofs of one pool on a thread of its own, whatever they hold: it ends after minutes,
 * and at a limit of memory. Never rejects.
 */
export async function lookAtProofs(task: ProofsTask, signal: AbortSignal): Promise<ProofsOutcome> {
  const thread = startThread(new URL('./proofs-thread.ts', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
  });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
  try {
    const [outcome] = (await once(thread, 'message', { signal: limit })) as [ProofsOutcome];
    return outcome;
  } catch {
    const minutes = LOOK_MS / 60_000;
    return limit.aborted
      ? { ok: false, fault: 'slow', text: `checking them took longer than ${minutes} min` }
      : { ok: false, fault: 'too_large', text: 'checking them took more than this directory has' };
  } finally {
    await thread.terminate();
  }
}
