import type { IntentId } from '../chain/journal-types.ts';
import { ownError } from '../chain/rpc-refusal.ts';
import type { Transactions } from '../chain/transactions.ts';
import type { Duty, DutyEnd, DutyMetrics } from './duty-metrics.ts';
import type { DutiesParts } from './parts.ts';
import type { Call } from './plan-types.ts';
import { encode, estimate, intentOf, journalFor, landed } from './sending.ts';

/** What every duty stands on. */
export type DutyParts = Pick<
  DutiesParts,
  'providers' | 'contracts' | 'orchestrator' | 'node' | 'transactions' | 'watch' | 'clock' | 'log'
> & { readonly counts: DutyMetrics };

/** How one call of a duty went. */
export type DutyOutcome = DutyEnd | 'unavailable';

/**
 * Sends one call through the journal, once for each id whatever restarts in between, and waits until
 * it is in a block or will not be. Never rejects; `unavailable`: nothing is known, ask again.
 */
export async function callOnce(
  parts: DutyParts,
  duty: Duty,
  { id, call, worthWei }: { id: string; call: Call; worthWei?: bigint },
): Promise<DutyOutcome> {
  const journal = journalFor(parts, call.from);
  if (!journal) return 'refused';
  try {
    const outcome = await send(parts, journal, { id, call, ...(worthWei && { worthWei }) });
    parts.counts.ended(duty, outcome);
    const say = outcome === 'done' ? parts.log.info : parts.log.warn;
    say('duty_call_ended', { name: duty, reason: outcome });
    return outcome;
  } catch (error) {
    const own = ownError(error);
    parts.log.warn('duty_call_unavailable', { name: duty, code: own?.code ?? 'internal' });
    return 'unavailable';
  }
}

async function send(
  parts: DutyParts,
  journal: Transactions,
  { id, call, worthWei }: { id: string; call: Call; worthWei?: bigint },
): Promise<DutyEnd> {
  const intentId = id as IntentId;
  if (!(await journal.fate(intentId))) {
    const bytes = encode(parts, call);
    const tried = await estimate(parts.providers, bytes);
    if (!tried.ok) return 'would_fail';
    const more = worthWei === undefined ? tried : { ...tried, worthWei };
    await journal.submit(intentOf(id, bytes, more));
  }
  const landing = await landed(parts, journal, intentId);
  if (landing.ok) return 'done';
  return landing.reason === 'not_needed' ? 'withdrawn' : landing.reason;
}
