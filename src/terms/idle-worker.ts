import type { WorkerInput } from './settle-types.ts';
import { DEFAULT_GROUP } from './terms.ts';

/** What is known of a worker that did nothing in an epoch and never did before. */
export function idleWorker(worker: string): WorkerInput {
  return {
    worker,
    group: DEFAULT_GROUP,
    jobs: 0n,
    units: 0n,
    sourceMs: 0n,
    deviceMs: 0n,
    grossFee: {},
    failedAttempts: 0n,
    failedChecks: 0n,
    onlineMs: 0n,
    promisedMs: 0n,
    facts: {},
    evidence: [],
    cumulative: {},
    lastSequence: 0n,
    lastReceiptHash: '0'.repeat(64),
  };
}
