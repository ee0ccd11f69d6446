import type { AssetId } from '../base/asset.ts';
import type { Clock, Instant, Timer } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import { bookFeesShared } from './fees-shared.ts';
import { payoutsMetrics } from './metrics.ts';
import { endShortage, pause } from './pauses-store.ts';
import {
  booksAgainstThemselves,
  type Difference,
  moneyAgainstLedger,
  type ReconcileParts,
} from './reconcile.ts';
import { keepAgreed, setApart } from './reconcile-chain.ts';
import { type AssetFigures, readSolvency } from './solvency.ts';
import { bookStakeMoved } from './stake-moved.ts';

/** A look asks nodes some questions for each asset. */
const LOOK_MS = 60_000;
/** Reading every entry takes a database seconds: seldom. */
const BOOKS_MS = 3_600_000;
/** What is short for less is not told: an epoch is closed before its tickets are redeemed. */
const SHORT_MS = 10 * 60_000;

/** Whoever has that many differences looks at all of them anyway. */
const SAID_MAX = 5;

/** All differences are one alarm: a person looks at the books once, whatever else turns up in them. */
export const BOOKS_ALARM = 'books_differ';

const ADVICE =
  'See the lines that cause it with `tributary payouts reconcile`; once you know why, book it with `tributary ledger correct`.';

/** A difference that did not pass by itself. */
export interface StandingDifference extends Difference {
  /** When it was first seen. */
  readonly since: Instant;
}

/** What whoever runs the pool is told while the books do not agree. */
interface BooksAlarm {
  readonly kind: string;
  readonly since: Instant;
  readonly text: string;
  readonly advice: string;
  /** What differs, by names that stay while the figures change. */
  readonly about: string;
}

/** Looks again and again whether the books agree, and whether the pool has what it owes. */
export interface BooksWatch {
  /** What stood at two looks in a row. */
  differences(): readonly StandingDifference[];
  /** The same, as whoever runs the pool is told of it: at most one alarm. */
  alarms(): readonly BooksAlarm[];
  /**
   * Sets apart what the pool's accounts have before anything was booked of them, and books what became
   * of their stake without its journals, and what delegators got of fees. Never rejects; answers in
   * sentences what waits until a node tells of it.
   */
  begin(): Promise<readonly string[]>;
  /** Looks now. Throws what the database throws. */
  look(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts looking. Payouts wait by themselves where there is too little; what is done here is to write
 * that down and say it, once it has been so for a while, and once it is over.
 */
export function watchBooks(
  parts: ReconcileParts & {
    readonly clock: Clock;
    readonly log: Log;
    readonly metrics: Metrics;
  },
): BooksWatch {
  const { database, clock, log } = parts;
  const metrics = payoutsMetrics(parts.metrics);
  const shortSince = new Map<AssetId, Instant>();
  let seen: ReadonlyMap<string, StandingDifference> = new Map();
  let standing: readonly StandingDifference[] = [];
  let inside: { readonly at: Instant; readonly found: readonly Difference[] } | undefined;
  let timer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();
  let closed = false;

  async function look(): Promise<void> {
    await lookAtMoney();
    await lookAtBooks();
  }

  async function lookAtMoney(): Promise<void> {
    const { assets } = await parts.terms();
    const figures = await readSolvency(database, assets);
    const kinds = ['native', 'erc20', 'protocol'];
    metrics.covered(figures, (asset) => kinds.includes(assets[asset]?.kind ?? ''));
    for (const one of figures) await judge(one, clock.now());
  }

  async function judge({ asset, solvent }: AssetFigures, now: Instant): Promise<void> {
    if (solvent) {
      shortSince.delete(asset);
      return endShortage(database, { asset, at: now });
    }
    const since = shortSince.get(asset) ?? now;
    shortSince.set(asset, since);
    if (now - since < SHORT_MS) return;
    await pause(database, { asset, reason: 'insolvent', at: since });
  }

  async function lookAtBooks(): Promise<void> {
    const at = clock.now();
    // New terms may name an asset of which the accounts have something.
    const waits = await begin();
    const money = await moneyAgainstLedger(parts);
    await keepAgreed(database, money.agreed, at);
    // Whether what differed still does is asked at each look.
    if (!inside || at - inside.at >= BOOKS_MS || inside.found.length > 0) {
      inside = { at, found: await booksAgainstThemselves(database) };
    }
    // What a chain that does not answer hides is not over.
    const hidden = standing.filter(({ what }) => what === 'chain' && money.notCompared.length > 0);
    const found = [...money.differences, ...hidden, ...inside.found];
    const before = seen;
    seen = new Map(
      found.map((one) => {
        const key = `${one.what} ${one.about}`;
        return [key, { ...one, since: before.get(key)?.since ?? at }];
      }),
    );
    const known = new Set(standing.map(({ what, about }) => `${what} ${about}`));
    standing = [...seen].filter(([key]) => before.has(key)).map(([, one]) => one);
    for (const { what, about } of standing) {
      if (!known.has(`${what} ${about}`)) log.warn('books_differ', { name: about, reason: what });
    }
    metrics.compared(standing, money.notCompared.length + waits.length === 0);
  }

  async function begin(): Promise<readonly string[]> {
    const waits: string[] = [];
    // What one of them cannot ask of the chain holds up no other; at the next look it may answer.
    for (const step of [setApart, bookStakeMoved, bookFeesShared]) {
      try {
        const waiting = await step(parts, clock.now());
        if (waiting !== undefined) waits.push(waiting);
      } catch (error) {
        const code = error instanceof TributaryError ? error.code : 'internal';
        log.warn('books_not_compared', { code });
      }
    }
    if (waits.length > 0) log.warn('stake_not_read', { count: waits.length });
    return waits;
  }

  function inTurn(): Promise<void> {
    const mine = running.then(look, look);
    running = mine.catch(() => undefined);
    return mine;
  }

  function later(ms: number): void {
    if (closed) return;
    timer = clock.after(ms, () => {
      inTurn()
        .catch((error: unknown) => {
          const code = error instanceof TributaryError ? error.code : 'internal';
          log.warn('books_not_compared', { code });
        })
        .finally(() => later(LOOK_MS));
    });
  }
  later(LOOK_MS);

  return {
    differences: () => standing,
    alarms: () => alarmsOf(standing),
    begin,
    look: inTurn,
    async close() {
      closed = true;
      timer?.cancel();
      await running;
    },
  };
}

function alarmsOf(standing: readonly StandingDifference[]): readonly BooksAlarm[] {
  const [first] = standing.toSorted((a, b) => a.since - b.since);
  if (!first) return [];
  const more = standing.length - SAID_MAX;
  const sentences = [
    'The books do not agree.',
    ...standing.slice(0, SAID_MAX).map(({ text }) => `${text}.`),
    ...(more > 0
      ? [`${more} more ${more === 1 ? 'difference is' : 'differences are'} there.`]
      : []),
  ];
  const about = standing.map(({ what, about }) => `${what} ${about}`).toSorted();
  return [
    {
      ...{ kind: BOOKS_ALARM, since: first.since, advice: ADVICE },
      text: sentences.join(' '),
      about: about.join('\n'),
    },
  ];
}
