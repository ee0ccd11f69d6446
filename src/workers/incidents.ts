import type { Clock, Instant } from '../base/clock.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import {
  addIncident,
  addUpdate,
  endIncident,
  type Incident,
  incidentsIn,
  plannedIn,
} from './incidents-store.ts';
import { lastPoolOnline, poolOnline } from './presence-store.ts';
import { coveredMs, gapsIn, type Stretch } from './stretches.ts';

/** Shorter gaps are a restart: gateways and workers come back by themselves within it. */
const DOWN_MS = 60_000;
const TITLE_CHARS_MAX = 200;
const TEXT_CHARS_MAX = 2_000;
/** A maintenance is a few hours; a plan over months would hide every downtime. */
const PLANNED_MS_MAX = 7 * 86_400_000;
/** Incidents that are listed at once. */
const LIST_MAX = 200;

export type IncidentRefusal = 'incident_unknown' | 'incident_closed' | 'incident_invalid';
export type IncidentResult =
  | { readonly ok: true; readonly incident: Incident }
  | { readonly ok: false; readonly reason: IncidentRefusal };

/** What went wrong, and what is planned: for everybody to read. */
export interface Incidents {
  /** Opens an incident now, or as of an earlier time. */
  open(incident: {
    readonly title: string;
    readonly text?: string;
    readonly startsAt?: number;
  }): Promise<IncidentResult>;
  /** Announces work on the pool. Only what is announced before it begins counts as planned. */
  plan(maintenance: {
    readonly title: string;
    readonly text?: string;
    readonly startsAt: number;
    readonly endsAt: number;
  }): Promise<IncidentResult>;
  /** Adds a text to one. */
  update(id: bigint, text: string): Promise<IncidentResult>;
  /** It is over, or will not take place. */
  close(id: bigint, text?: string): Promise<IncidentResult>;
  /** The last ones first; `before`: the last one of the page before. */
  list(page?: {
    readonly before?: { readonly startsAt: number; readonly id: bigint };
    readonly limit?: number;
  }): Promise<readonly Incident[]>;
  /** Announced maintenance within a period. */
  planned(period: Stretch): Promise<readonly Stretch[]>;
  /**
   * Opens and closes an incident for the time since the pool was up the last time, when that is more
   * than a minute and was not announced. For a node that has just started; `since`: from when on it
   * is up, `node`: how it is called.
   */
  noteDowntime(node: string, since: number): Promise<Incident | undefined>;
}

export function createIncidents(parts: { database: Database; clock: Clock }): Incidents {
  const { database, clock } = parts;

  async function one(tx: Transaction, id: bigint): Promise<Incident | undefined> {
    return (await incidentsIn(tx, { id, limit: 1 }))[0];
  }

  async function change(
    id: bigint,
    run: (tx: Transaction, incident: Incident) => Promise<IncidentRefusal | undefined>,
  ): Promise<IncidentResult> {
    return database.transact(async (tx) => {
      const found = await one(tx, id);
      if (!found) return refused('incident_unknown');
      const refusal = await run(tx, found);
      if (refusal) return refused(refusal);
      return { ok: true as const, incident: (await one(tx, id)) as Incident };
    });
  }

  async function add(
    incident: Omit<Parameters<typeof addIncident>[1], 'openedAt' | 'automatic'>,
    text: string | undefined,
  ): Promise<IncidentResult> {
    const { title } = incident;
    if (!isText(title, TITLE_CHARS_MAX)) return refused('incident_invalid');
    if (text !== undefined && !isText(text, TEXT_CHARS_MAX)) return refused('incident_invalid');
    return database.transact(async (tx) => {
      const openedAt = clock.now();
      const id = await addIncident(tx, { ...incident, automatic: false, openedAt });
      if (id === undefined) return refused('incident_invalid');
      if (text) await addUpdate(tx, id, { at: openedAt, text });
      return { ok: true as const, incident: (await one(tx, id)) as Incident };
    });
  }

  return {
    async open({ title, text, startsAt = clock.now() }) {
      if (startsAt > clock.now()) return refused('incident_invalid');
      return add({ kind: 'incident', title, startsAt }, text);
    },
    async plan({ title, text, startsAt, endsAt }) {
      const isPlan = endsAt > startsAt && endsAt - startsAt <= PLANNED_MS_MAX;
      if (!isPlan || endsAt <= clock.now()) return refused('incident_invalid');
      return add({ kind: 'maintenance', title, startsAt, endsAt }, text);
    },
    update: (id, text) =>
      change(id, async (tx) => {
        if (!isText(text, TEXT_CHARS_MAX)) return 'incident_invalid';
        await addUpdate(tx, id, { at: clock.now(), text });
        return undefined;
      }),
    close: (id, text) =>
      change(id, async (tx, { closedAt }) => {
        if (closedAt !== undefined) return 'incident_closed';
        if (text !== undefined && !isText(text, TEXT_CHARS_MAX)) return 'incident_invalid';
        if (text) await addUpdate(tx, id, { at: clock.now(), text });
        await endIncident(tx, id, clock.now());
        return undefined;
      }),
    list: ({ before, limit = LIST_MAX } = {}) =>
      incidentsIn(database, {
        ...(before ? { before } : {}),
        limit: Math.min(limit, LIST_MAX),
      }),
    planned: (period) => plannedIn(database, period),
    async noteDowntime(node, since) {
      const last = await lastPoolOnline(database, node);
      if (last === undefined || since - last <= DOWN_MS) return undefined;
      const gap = { since: last, until: since };
      // Another node was there all the time, or came before this one.
      const [down] = gapsIn(await poolOnline(database, gap), gap);
      if (!down || down.until - down.since <= DOWN_MS) return undefined;
      const planned = coveredMs(await plannedIn(database, down), down);
      if (down.until - down.since - planned <= DOWN_MS) return undefined;
      return database.transact(async (tx) => {
        const id = await addIncident(tx, {
          kind: 'incident',
          title: 'The pool could not be reached',
          startsAt: down.since,
          endsAt: down.until,
          closedAt: down.until,
          automatic: true,
          openedAt: clock.now(),
        });
        if (id === undefined) return undefined;
        await addUpdate(tx, id, { at: down.until, text: lastedText(down) });
        return one(tx, id);
      });
    },
  };
}

function lastedText({ since, until }: Stretch): string {
  const minutes = Math.round((until - since) / 60_000);
  const lasted = minutes === 1 ? '1 minute' : `${minutes} minutes`;
  return `No node of the pool ran for ${lasted}. It is back.`;
}

function isText(text: string, charsMax: number): boolean {
  return text.trim().length > 0 && text.length <= charsMax && !/[^\P{Cc}\n\t]/u.test(text);
}

const refused = (reason: IncidentRefusal) => ({ ok: false as const, reason });

/** When an incident ended, as far as it did. */
export function isOver({ kind, endsAt, closedAt }: Incident, now: Instant): boolean {
  return closedAt !== undefined || (kind === 'maintenance' && (endsAt ?? now) < now);
}
