import type { WorkerId } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import { noteEvents } from './events-store.ts';
import { noticeKinds } from './kinds.ts';
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

/** As often as of a worker that comes and goes: an alarm that comes back, or is of something else now. */
const AGAIN_AFTER_MS = noticeKinds.worker_offline.atMostEveryMs;

/** An alarm as the duties on chain raise it. */
export interface StandingAlarm {
  readonly kind: string;
  readonly since: number;
  readonly text: string;
  readonly advice: string;
  /** What it is of, where that may change while it stands: names without figures. At most 4,000 characters count. */
  readonly about?: string;
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
        const names = standing.map(nameOf);
        const kept = await standingOf(tx, names);
        const last = await standingOf(tx, names.map(lastName));
        const written: NamedStanding[] = [];
        const toldNow: NamedStanding[] = [];
        const events: Parameters<typeof noteEvents>[1][number][] = [];
        for (const alarm of standing) {
          const name = nameOf(alarm);
          const { text, advice } = alarm;
          const about = (alarm.about ?? '').slice(0, ABOUT_CHARACTERS_MAX);
          const before = last.get(lastName(name));
          const { standing: next, tell } = seenNow(kept.get(name), alarm.since, {
            ...{ ...rule, againAfterMs: AGAIN_AFTER_MS },
            ...(before && { lastTold: { at: before.since, isSame: before.text === about } }),
          });
          written.push({ ...next, name, text });
          const { since } = next;
          const facts = { source: 'alarm', text, advice, since } as const;
          if (tell === 'on') {
            events.push({
              key: `${name}:${since}:on`,
              at: since,
              facts: { ...facts, state: 'on' },
            });
          } else if (tell === 'changed') {
            const key = `${name}:${since}:changed:${now}`;
            events.push({ key, at: now, facts: { ...facts, state: 'changed' } });
          }
          if (tell) {
            const until = now + AGAIN_AFTER_MS;
            toldNow.push({ name: lastName(name), since: now, until, told: true, text: about });
          }
        }
        await writeStanding(tx, [...written, ...toldNow]);
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
        // One that this node was the last to see, and sees no more, has ended: no other node has it.
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

/** As much as is kept of a text. */
const ABOUT_CHARACTERS_MAX = 4_000;
const PREFIX = 'alarm ';
/** Under which it is kept when people were last told of an alarm, and of what; there are few alarms. */
const lastName = (name: string) => `told ${name}`;
const nameOf = ({ kind }: StandingAlarm) => `${PREFIX}${kind}`;
