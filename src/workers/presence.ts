import type { Clock, Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { type ConnectionId, newConnectionId, type WorkerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import { type Machine, type MachineLeft, noteMachines, noteMachinesLeft } from './machines.ts';
import { noteFirstOnline, noteOnline, notePoolOnline, type OnlineRow } from './presence-store.ts';
import { begun, type Growing, grown } from './stretches.ts';

/** How often what was seen is written down: as much is lost when the process is killed. */
const EVERY_MS = 15_000;
/** Who comes or goes is shown this soon; a whole fleet that reconnects is written at once. */
const SOON_MS = 1_000;
/** Who was not looked at for so long was not seen. A busy machine is late by seconds, not by this. */
const GAP_MS = 45_000;
/** Rows in one statement: a few milliseconds of one connection of the database. */
const ROWS_MAX = 500;
/** Stretches that wait while the database is away: hours of a fleet that reconnects every minute. */
const WAITING_MAX = 200_000;

/** Measures how long workers, and the pool itself, are there. */
export interface Presence {
  /** Names this run of the node in what it writes down. */
  readonly node: string;
  /** A worker's connection stands. */
  arrived(machine: Omit<Machine, 'joinedAt'>): void;
  /** It ended; `because` is a word of dispatch. */
  left(connection: ConnectionId, because: string): void;
  /** Writes down all that was seen until now. Throws what the database throws. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Here {
  readonly worker: WorkerId;
  stretch: Growing;
}

/**
 * Starts measuring. What is written is the whole of each stretch, so that to write it twice counts
 * once; several nodes of one database may see the same worker at the same time.
 */
export function startPresence(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}): Presence {
  const { database, clock, log } = parts;
  const node: string = newConnectionId();
  const here = new Map<ConnectionId, Here>();
  let pool = begun(clock.now());
  let poolOver: Growing[] = [];
  let over: OnlineRow[] = [];
  let machines: Machine[] = [];
  let gone: MachineLeft[] = [];
  let timer: Timer | undefined;
  let soonTimer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();
  let closed = false;

  function grow(connection: ConnectionId, entry: Here, now: number): void {
    const step = grown(entry.stretch, now, GAP_MS);
    entry.stretch = step.goesOn;
    for (const part of step.over) over.push({ ...part, connection, worker: entry.worker });
  }

  function look(now: number): void {
    const step = grown(pool, now, GAP_MS);
    pool = step.goesOn;
    poolOver.push(...step.over);
    for (const [connection, entry] of here) grow(connection, entry, now);
    if (over.length > WAITING_MAX) over.splice(0, over.length - WAITING_MAX);
  }

  /** `all`: those that stand, too; otherwise only who came, went or was there before. */
  async function write(all: boolean): Promise<void> {
    look(clock.now());
    const rows = over.splice(0);
    const poolRows = poolOver.splice(0);
    const came = machines.splice(0);
    const went = gone.splice(0);
    const standing = all ? [...here].map(rowOf) : [];
    try {
      await database.transact(async (tx) => {
        await notePoolOnline(tx, node, [...poolRows, pool]);
        await noteFirstOnline(tx, came);
        for (const some of slices(came)) await noteMachines(tx, some);
        for (const some of slices(went)) await noteMachinesLeft(tx, some);
      });
      for (const some of slices([...rows, ...standing])) {
        await database.transact((tx) => noteOnline(tx, some));
      }
    } catch (error) {
      // Nothing is lost: it is written with what comes next.
      over = [...rows, ...over];
      poolOver = [...poolRows, ...poolOver];
      machines = [...came, ...machines];
      gone = [...went, ...gone];
      throw error;
    }
  }

  /** One after the other, so that no older stretch is written behind a newer one. */
  function inTurn(all = true): Promise<void> {
    const mine = running.then(
      () => write(all),
      () => write(all),
    );
    running = mine.catch(() => undefined);
    return mine;
  }

  function later(): void {
    if (closed) return;
    timer = clock.after(EVERY_MS, () => {
      // At once, whatever the database does: the look is what counts.
      look(clock.now());
      inTurn()
        .catch((error: unknown) => log.warn('presence_not_written', { error: messageOf(error) }))
        .finally(later);
    });
  }
  later();

  function soon(): void {
    if (closed || soonTimer) return;
    soonTimer = clock.after(SOON_MS, () => {
      soonTimer = undefined;
      inTurn(false).catch((error: unknown) =>
        log.warn('presence_not_written', { error: messageOf(error) }),
      );
    });
  }

  function left(connection: ConnectionId, because: string): void {
    const entry = here.get(connection);
    if (!entry) return;
    const now = clock.now();
    grow(connection, entry, now);
    here.delete(connection);
    over.push({ ...entry.stretch, connection, worker: entry.worker });
    gone.push({ connection, at: now, because });
    soon();
  }

  return {
    node,
    arrived(machine) {
      const now = clock.now();
      here.set(machine.connection, { worker: machine.worker, stretch: begun(now) });
      machines.push({ ...machine, joinedAt: now });
      soon();
    },
    left,
    flush: () => (closed ? running : inTurn()),
    async close() {
      if (closed) return;
      closed = true;
      timer?.cancel();
      soonTimer?.cancel();
      for (const connection of [...here.keys()]) left(connection, 'pool_stopping');
      await inTurn().catch((error: unknown) =>
        log.warn('presence_not_written', { error: messageOf(error) }),
      );
    },
  };
}

function rowOf([connection, { worker, stretch }]: [ConnectionId, Here]): OnlineRow {
  return { ...stretch, connection, worker };
}

function slices<T>(rows: readonly T[]): readonly (readonly T[])[] {
  const all: (readonly T[])[] = [];
  for (let at = 0; at < rows.length; at += ROWS_MAX) all.push(rows.slice(at, at + ROWS_MAX));
  return all;
}
