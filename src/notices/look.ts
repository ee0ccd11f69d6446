import type { Clock, Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { poolOnline } from '../workers/presence-store.ts';
import { gapsIn } from '../workers/stretches.ts';
import { absenceStep } from './absence.ts';
import { noteEvent } from './events-store.ts';
import { failedChecks, lockLook, noteAway, noteBack, seenWorkers, workNow } from './look-store.ts';

/** What stands for less is not told: it came and went by itself. */
const ALARM_AFTER_MS = 120_000;
const HOUR_MS = 3_600_000;
/** Whoever came back is written down 15 s later at most: sooner nobody can be said to be away. */
const WRITTEN_MS = 20_000;

/** An alarm as the duties on chain raise it. */
export interface StandingAlarm {
  readonly kind: string;
  readonly since: number;
  readonly text: string;
  readonly advice: string;
}

/** What is looked at, since nobody else notes it. */
export interface LookParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a worker may be away until that is told. */
  readonly offlineAfterMs: number;
  readonly everyMs: number;
  /** Workers that this node has in quarantine, with their end. */
  quarantined(): Iterable<{ readonly worker: WorkerId; readonly until: number }>;
  alarms(): readonly StandingAlarm[];
  /** Something may have to be told. */
  looked(): void;
}

/** Looks again and again at what is only seen over time. */
export interface Looking {
  /** Looks now. Throws what the database throws. */
  look(): Promise<void>;
  close(): Promise<void>;
}

/** Starts looking. */
export function startLooking(parts: LookParts): Looking {
  const { database, clock, log } = parts;
  const quarantines = new Map<WorkerId, number>();
  const alarms = new Map<string, StandingAlarm>();
  let timer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();
  let closed = false;

  async function look(): Promise<void> {
    const now = clock.now();
    await database.transact(async (tx) => {
      if (!(await lockLook(tx))) return;
      await lookAtWorkers(tx, now);
      for (const { worker, last, until, ...facts } of await failedChecks(tx)) {
        const key = `checks:${worker}:${last}`;
        await noteEvent(tx, { key, worker, at: until, facts: { source: 'checks', ...facts } });
      }
      for (const { id, what, at } of await workNow(tx, now)) {
        const key = `incident:${id}:${what}`;
        await noteEvent(tx, { key, at, facts: { source: 'incident', incident: id, what } });
      }
    });
    await lookAtQuarantines(now);
    await lookAtAlarms(now);
    parts.looked();
  }

  async function lookAtWorkers(tx: Transaction, now: number): Promise<void> {
    const upSince = await poolUpSince(tx, now, parts.offlineAfterMs);
    const rule = { now, afterMs: parts.offlineAfterMs + WRITTEN_MS, upSince };
    for (const seen of await seenWorkers(tx, now)) {
      const { worker } = seen;
      const decided = absenceStep(seen, rule);
      if (decided.step === 'none') continue;
      const { since, tell } = decided;
      const isAway = decided.step === 'away';
      if (isAway) await noteAway(tx, { worker, since, told: tell });
      else await noteBack(tx, worker);
      if (!tell) continue;
      const source = isAway ? 'offline' : 'back';
      const key = `${source}:${worker}:${Math.round(since)}`;
      await noteEvent(tx, { key, worker, at: isAway ? since : now, facts: { source, since } });
    }
  }

  async function lookAtQuarantines(now: number): Promise<void> {
    const standing = new Set<WorkerId>();
    for (const { worker, until } of parts.quarantined()) {
      standing.add(worker);
      // The end is reckoned from another clock each time, and differs by little.
      if (until <= (quarantines.get(worker) ?? 0) + 1_000) continue;
      quarantines.set(worker, until);
      const key = `quarantine:${worker}:${Math.round(until)}`;
      await noteEvent(database, { key, worker, at: now, facts: { source: 'quarantine', until } });
    }
    for (const worker of quarantines.keys()) if (!standing.has(worker)) quarantines.delete(worker);
  }

  async function lookAtAlarms(now: number): Promise<void> {
    const standing = parts.alarms();
    const kinds = new Set(standing.map(({ kind }) => kind));
    for (const alarm of standing) {
      if (alarms.has(alarm.kind) || now - alarm.since < ALARM_AFTER_MS) continue;
      alarms.set(alarm.kind, alarm);
      await noteAlarm(database, alarm, 'on', alarm.since);
    }
    for (const alarm of [...alarms.values()].filter(({ kind }) => !kinds.has(kind))) {
      alarms.delete(alarm.kind);
      await noteAlarm(database, alarm, 'over', now);
    }
  }

  function inTurn(): Promise<void> {
    const mine = running.then(look, look);
    running = mine.catch(() => undefined);
    return mine;
  }

  function later(): void {
    if (closed) return;
    timer = clock.after(parts.everyMs, () => {
      inTurn()
        .catch((error: unknown) => log.warn('notices_not_looked', { error: messageOf(error) }))
        .finally(later);
    });
  }
  later();

  return {
    look: inTurn,
    async close() {
      closed = true;
      timer?.cancel();
      await running;
    },
  };
}

function noteAlarm(
  to: Queryable,
  { kind, since, text, advice }: StandingAlarm,
  state: 'on' | 'over',
  at: number,
): Promise<boolean> {
  const facts = { source: 'alarm', state, text, advice, since } as const;
  return noteEvent(to, { key: `alarm:${kind}:${since}:${state}`, at, facts });
}

/** Since when at least one node of the pool runs, as far as it matters here. */
async function poolUpSince(from: Queryable, now: number, afterMs: number): Promise<number> {
  const since = now - afterMs - HOUR_MS;
  const up = await poolOnline(from, { since, until: now });
  const last = up.reduce((latest, { until }) => Math.max(latest, until), since);
  return gapsIn(up, { since, until: last }).at(-1)?.until ?? since;
}
