import type { Clock, Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { poolOnline } from '../workers/presence-store.ts';
import { gapsIn } from '../workers/stretches.ts';
import { type AbsenceStep, absenceStep } from './absence.ts';
import { type NotedEvent, noteEvents } from './events-store.ts';
import { createLookStanding, type Quarantined, type StandingAlarm } from './look-standing.ts';
import { failedChecks, lockLook, noteAway, noteBack, seenWorkers, workNow } from './look-store.ts';
import { leftTogether } from './standing.ts';

const HOUR_MS = 3_600_000;
/** Who is away for longer has left: that many of them left at once is no news any more. */
const LEFT_MS = 24 * HOUR_MS;
/** Whoever came back is written down 15 s later at most: sooner nobody can be said to be away. */
const WRITTEN_MS = 20_000;

/** What is looked at, since nobody else notes it. */
export interface LookParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a worker may be away until that is told. */
  readonly offlineAfterMs: number;
  readonly everyMs: number;
  /** Workers that this node has in quarantine, with their end. */
  quarantined(): Iterable<Quarantined>;
  alarms(): readonly StandingAlarm[];
  /** Something may have to be told. */
  looked(): void;
}

/** Looks again and again at what is only seen over time. */
export interface Looking {
  /** Looks now. Throws what the database throws. */
  look(): Promise<void>;
  /** Alarms that stand now, seen by this node or told of by another one. */
  alarms(): Promise<readonly StandingAlarm[]>;
  close(): Promise<void>;
}

/** Starts looking. */
export function startLooking(parts: LookParts): Looking {
  const { database, clock, log } = parts;
  const standing = createLookStanding(database, clock.now());
  let timer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();
  let closed = false;
  /** Of the last look, where this node was the one that looked at workers. */
  let left: StandingAlarm | undefined;
  const here = () => [...parts.alarms(), ...(left ? [left] : [])];

  async function look(): Promise<void> {
    const now = clock.now();
    left = await database.transact(async (tx) => {
      if (!(await lockLook(tx))) return undefined;
      const checks = await failedChecks(tx);
      const work = await workNow(tx, now);
      await noteEvents(tx, [
        ...checks.map(({ worker, last, until, ...facts }) => {
          const key = `checks:${worker}:${last}`;
          return { key, worker, at: until, facts: { source: 'checks', ...facts } as const };
        }),
        ...work.map(({ id, what, at }) => {
          const key = `incident:${id}:${what}`;
          return { key, at, facts: { source: 'incident', incident: id, what } as const };
        }),
      ]);
      return lookAtWorkers(tx, now);
    });
    await standing.quarantines(parts.quarantined(), now);
    await standing.alarms(here(), now);
    parts.looked();
  }

  /** Notes who went and who is back; returns an alarm where many left at once. */
  async function lookAtWorkers(tx: Transaction, now: number): Promise<StandingAlarm | undefined> {
    const upSince = await poolUpSince(tx, now, parts.offlineAfterMs);
    const rule = { now, afterMs: parts.offlineAfterMs + WRITTEN_MS, upSince };
    const all = await seenWorkers(tx, now);
    const steps = all.map((seen) => ({ seen, decided: absenceStep(seen, rule) }));
    const away: Away[] = [];
    const gone: Parameters<typeof noteAway>[1][number][] = [];
    const back: { worker: WorkerId; since: number; tell: boolean }[] = [];
    for (const { seen, decided } of steps) {
      const { worker } = seen;
      const since = awaySince(seen.away, decided);
      if (since !== undefined) away.push({ worker, since });
      if (decided.step === 'away') gone.push({ worker, since: decided.since, told: decided.tell });
      if (decided.step === 'back') back.push({ worker, ...decided });
    }
    const here = all.filter((seen) => seen.here).length;
    const lately = away.filter(({ since }) => now - since < LEFT_MS);
    const together = leftTogether(lately, here);
    await noteAway(tx, gone);
    await noteBack(
      tx,
      back.map(({ worker }) => worker),
    );
    await noteEvents(tx, [
      ...gone
        .filter(({ told }) => told)
        .map(({ worker, since }): NotedEvent => {
          const key = `offline:${worker}:${Math.round(since)}`;
          const others = (together.get(worker) ?? 1) - 1;
          const facts = { source: 'offline', since, ...(others > 0 ? { others } : {}) } as const;
          return { key, worker, at: since, facts };
        }),
      ...back
        .filter(({ tell }) => tell)
        .map(({ worker, since }): NotedEvent => {
          const key = `back:${worker}:${Math.round(since)}`;
          return { key, worker, at: now, facts: { source: 'back', since } };
        }),
    ]);
    return leftAlarm(lately, together, here);
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
    alarms: () => standing.shown(here()),
    async close() {
      closed = true;
      timer?.cancel();
      await running;
    },
  };
}

interface Away {
  readonly worker: WorkerId;
  readonly since: number;
}

/** Since when a worker is away, once that is noted; undefined: it is not. */
function awaySince(
  before: { readonly since: number } | undefined,
  decided: AbsenceStep,
): number | undefined {
  if (decided.step === 'away') return decided.since;
  return decided.step === 'none' ? before?.since : undefined;
}

/** For whoever runs the pool: workers do not go away by the hundred for reasons of their own. */
function leftAlarm(
  away: readonly Away[],
  together: ReadonlyMap<WorkerId, number>,
  here: number,
): StandingAlarm | undefined {
  const left = away.filter(({ worker }) => together.has(worker));
  if (left.length === 0) return undefined;
  return {
    kind: 'workers_left_together',
    since: Math.min(...left.map(({ since }) => since)),
    text: `${left.length} workers went away at once, and ${here} are there.`,
    advice:
      'Look from outside whether port, certificate and firewall of the pool are as they were: so many do not fail by themselves.',
  };
}

/** Since when at least one node of the pool runs, as far as it matters here. */
async function poolUpSince(from: Queryable, now: number, afterMs: number): Promise<number> {
  const since = now - afterMs - HOUR_MS;
  const up = await poolOnline(from, { since, until: now });
  const last = up.reduce((latest, { until }) => Math.max(latest, until), since);
  return gapsIn(up, { since, until: last }).at(-1)?.until ?? since;
}
