import type { Database } from '../../database/database.ts';
import type { Dispatch } from '../../dispatch/dispatch-types.ts';
import { createRefunds, type Refunds } from '../../ledger/refunds.ts';
import { startDemand } from '../../workers/demand.ts';
import { createFacts, type Facts } from '../../workers/facts.ts';
import { startHistory } from '../../workers/history.ts';
import { createIncidents, type Incidents } from '../../workers/incidents.ts';
import type { Presence } from '../../workers/presence.ts';
import type { PoolBase } from './pool.ts';

/** What is measured once, for pages, settlement and notices. */
export interface Measuring {
  readonly facts: Facts;
  readonly refunds: Refunds;
  readonly incidents: Incidents;
}

/**
 * Starts what measures demand and history, and notes how long the pool was away. Stopped by
 * `started`, demand before what it counts for.
 */
export async function openMeasuring(
  { clock, log, metrics }: PoolBase,
  parts: {
    readonly database: Database;
    readonly presence: Presence;
    readonly dispatch: Dispatch;
    /** Milliseconds that the pool added to segments, by bucket of a histogram. */
    added(): readonly number[];
  },
  started: AsyncDisposableStack,
): Promise<Measuring> {
  const { database, presence, dispatch, added } = parts;
  const base = { database, clock, log };
  const incidents = createIncidents(base);
  const back = await incidents.noteDowntime(presence.node, clock.now());
  if (back) log.warn('pool_was_down', { ms: (back.endsAt ?? back.startsAt) - back.startsAt });
  const { planned } = incidents;
  const history = startHistory({ ...base, metrics, planned });
  started.defer(() => history.close());
  const demand = startDemand({ ...base, dispatch, node: presence.node, added });
  started.defer(() => demand.close());
  return { facts: createFacts(base), refunds: createRefunds(base), incidents };
}
