import type { WorkerId } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import { noteEvents } from './events-store.ts';
import { maySayOver, seenNow } from './standing.ts';
import {
  anyStanding,
  endStanding,
  lockStanding,
  type NamedStanding,
  standingOf,
  toldAlarms,
  writeStanding,
} from './standing-store.ts';

/** What stands for less is not told: it came and went by itself. */
const TELL_AFTER_MS = 120_000;
/** Seen by no node for so long, it is over. A restart, with a first look at the chain, is shorter. */
const OVER_AFTER_MS = 120_000;
/** Three looks: what is away for longer before it was told begins anew. */
const FORGOTTEN_AFTER_MS = 45_000;

/** An alarm as the duties on chain raise it. */
export interface StandingAlarm {
  readonly kind: string;
  readonly since: number;
  readonly text: string;
  readonly advice: string;
}

/** A worker that a node has in quarantine, with its end. */
export interface Quarantined {
  readonly worker: WorkerId;
  readonly until: number;
}

/** Notes what stands, once for all nodes of the pool and however often they start. */
export interface LookStanding {
  alarms(standing: readonly StandingAlarm[], now: number): Promise<void>;
  /**
   * What this node sees now, and what people were told that another one sees: each since when it was
   * told to stand.
   */
  shown(here: readonly StandingAlarm[]): Promise<readonly StandingAlarm[]>;
  quarantines(standing: Iterable<Quarantined>, now: number): Promise<void>;
}

/** @param lookingSince since when this node looks */
export function createLookStanding(database: Database, lookingSince: number): LookStanding {
  const quarantines = new Map<WorkerId, number>();
  /** Until when this node wrote that alarms stand: no other one has seen what has this end. */
  let own: ReadonlyMap<string, number> = new Map();

  return {
    async alarms(standing, now) {
      if (standing.length === 0 && !(await anyStanding(database, 'alarm'))) return;
      const rule = {
        ...{ now, lookingSince, tellAfterMs: TELL_AFTER_MS },
        ...{ overAfterMs: OVER_AFTER_MS, forgottenAfterMs: FORGOTTEN_AFTER_MS },
      };
      const seen = await database.transact(async (tx) => {
        await lockStanding(tx);
        const kept = await standingOf(tx, standing.map(nameOf));
        const written: NamedStanding[] = [];
        const events: Parameters<typeof noteEvents>[1][number][] = [];
        for (const alarm of standing) {
          const name = nameOf(alarm);
          const { text, advice } = alarm;
          const { standing: next, tell } = seenNow(kept.get(name), alarm.since, rule);
          written.push({ ...next, name, text });
          const { since } = next;
          const facts = { source: 'alarm', state: 'on', text, advice, since } as const;
          if (tell) events.push({ key: `${name}:${since}:on`, at: since, facts });
        }
        await writeStanding(tx, written);
        const over = maySayOver(rule) ? await endStanding(tx, 'alarm', now) : [];
        for (const { name, since, told, text } of over) {
          const facts = { source: 'alarm', state: 'over', text, advice: '', since } as const;
          if (told) events.push({ key: `${name}:${since}:over`, at: now, facts });
        }
        await noteEvents(tx, events);
        return written.map(({ name, until }) => [name, until] as const);
      });
      own = new Map([...[...own].filter(([, until]) => until > now - OVER_AFTER_MS), ...seen]);
    },
    async shown(here) {
      const told = await toldAlarms(database);
      const names = new Set(here.map(nameOf));
      const sinceOf = new Map(told.map(({ name, since }) => [name, since]));
      return [
        ...here.map((one) => ({ ...one, since: sinceOf.get(nameOf(one)) ?? one.since })),
        // What this node was the last to see, and does not see any more, is over as far as anybody knows.
        ...told
          .filter(({ name, until }) => !names.has(name) && own.get(name) !== until)
          .map(({ name, ...rest }) => ({ kind: name.slice(PREFIX.length), ...rest })),
      ];
    },
    async quarantines(standing, now) {
      const here = new Map<WorkerId, number>();
      for (const { worker, until } of standing) here.set(worker, until);
      // The end is reckoned from another clock each time, and differs by little.
      const fresh = [...here].filter(
        ([worker, until]) => until > (quarantines.get(worker) ?? 0) + 1_000,
      );
      for (const worker of quarantines.keys()) if (!here.has(worker)) quarantines.delete(worker);
      if (fresh.length === 0) return;
      await database.transact(async (tx) => {
        await lockStanding(tx);
        await endStanding(tx, 'quarantine', now);
        const kept = await standingOf(
          tx,
          fresh.map(([worker]) => `quarantine ${worker}`),
        );
        const written = fresh.map(([worker, until]) => {
          const name = `quarantine ${worker}`;
          const before = kept.get(name);
          const longest = Math.max(until, before?.until ?? 0);
          return { name, since: before?.since ?? now, until: longest, told: true, text: '' };
        });
        await writeStanding(tx, written);
        await noteEvents(
          tx,
          fresh
            .filter(([worker]) => !kept.has(`quarantine ${worker}`))
            .map(([worker, until]) => ({
              key: `quarantine:${worker}:${Math.round(until)}`,
              ...{ worker, at: now, facts: { source: 'quarantine', until } as const },
            })),
        );
      });
      for (const [worker, until] of fresh) quarantines.set(worker, until);
    },
  };
}

const PREFIX = 'alarm ';
const nameOf = ({ kind }: StandingAlarm) => `${PREFIX}${kind}`;
