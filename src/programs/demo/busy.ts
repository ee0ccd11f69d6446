import { availableParallelism, loadavg } from 'node:os';
import { TributaryError } from '../../base/errors.ts';

/** The demo alone keeps two cores busy; from twice as much on, what is live falls behind. */
const WAITING_PER_CORE = 2;

/** How much wants to run on this machine. */
export interface Load {
  /** Processes that run or wait for a core, over the last minute. */
  readonly waiting: number;
  readonly cores: number;
}

/** What the operating system says; nothing waits where it says nothing. */
export function loadNow(): Load {
  return { waiting: loadavg()[0] ?? 0, cores: availableParallelism() };
}

/**
 * What to say of the machine when a check failed: undefined when nothing tells that it lacked CPU.
 *
 * @param addedMs how late renditions came, usually; more than a segment is long, and it fell behind
 */
export function busyText(load: Load, addedMs: number | undefined): string | undefined {
  const isBehind = addedMs !== undefined && addedMs > 2_000;
  if (load.waiting <= load.cores * WAITING_PER_CORE && !isBehind) return undefined;
  return `Too little CPU may be why: ${loadText(load)}. Run it again when less else runs here.`;
}

/** The demo waited in vain for something that still runs. */
export function tookTooLong(what: string, waitedMs: number, load: Load = loadNow()) {
  const waited = `${Math.round(waitedMs / 1_000)} s`;
  return new TributaryError('demo_slow', `${what} within ${waited}: ${loadText(load)}.`);
}

function loadText({ waiting, cores }: Load): string {
  return `the load of this machine is ${waiting.toFixed(1)} on ${cores} ${cores === 1 ? 'core' : 'cores'}`;
}
