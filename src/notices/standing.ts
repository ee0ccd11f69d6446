import type { WorkerId } from '../base/ids.ts';

/** Something that lasts, as the nodes of the pool see it together. */
export interface Standing {
  readonly since: number;
  /** It is over when no node has seen it again until then. */
  readonly until: number;
  /** Whether somebody was told that it began. */
  readonly told: boolean;
}

/** How long it has to stand, and may be away, to count as one happening. */
export interface StandingRule {
  readonly now: number;
  /** Since when this node looks: what happened before, while perhaps nobody looked, it does not judge. */
  readonly lookingSince: number;
  /** Less than that came and went by itself, and nobody is told. */
  readonly tellAfterMs: number;
  /** How long nobody may see it until it is over. */
  readonly overAfterMs: number;
  /** The same before anybody was told: what flickers does not stand. */
  readonly forgottenAfterMs: number;
  /** How long after people were told they are told again: that it is back, or that it is of something else. */
  readonly againAfterMs: number;
  /** When people were told the last time, and whether that was of the same. */
  readonly lastTold?: { readonly at: number; readonly isSame: boolean };
}

/** What people are told of now. */
type Tell = 'on' | 'changed' | undefined;

/**
 * What a look makes of something that is there: it goes on where any node saw it not long ago, whether
 * or not the program was started since; else it begins.
 *
 * @param since since when the node that looks has seen it
 */
export function seenNow(
  kept: Standing | undefined,
  since: number,
  rule: StandingRule,
): { readonly standing: Standing; readonly tell: Tell } {
  const { now, tellAfterMs, overAfterMs, forgottenAfterMs } = rule;
  // Whoever saw it all the while between two looks that were far apart knows that it was not over.
  const isSeen = kept !== undefined && (kept.until >= now || since <= kept.until);
  const goesOn = kept !== undefined && (isSeen || !maySayOver(rule));
  const began = goesOn ? Math.min(kept.since, since) : since;
  const wasTold = goesOn && kept.told;
  const mayTell = now - began >= tellAfterMs && maySayAgain(rule);
  const told = wasTold || mayTell;
  const until = now + (told ? overAfterMs : forgottenAfterMs);
  // Who was told of a beginning is told of the end of the same one.
  return { standing: { since: wasTold ? kept.since : began, until, told }, tell: tellOf() };

  function tellOf(): Tell {
    if (!mayTell) return undefined;
    if (!wasTold) return 'on';
    return rule.lastTold && !rule.lastTold.isSame ? 'changed' : undefined;
  }
}

/** A clock that was set back must not hold anything for long. */
function maySayAgain({ now, lastTold, againAfterMs }: StandingRule): boolean {
  return lastTold === undefined || Math.abs(now - lastTold.at) >= againAfterMs;
}

/** Whether a node has looked for long enough to know that something is over. */
export function maySayOver({
  now,
  lookingSince,
  overAfterMs,
}: Pick<StandingRule, 'now' | 'lookingSince' | 'overAfterMs'>): boolean {
  return now - lookingSince > overAfterMs;
}

/** Workers that went away within so short a time went for one reason. */
const TOGETHER_MS = 60_000;
/** Fewer happen to meet. */
const TOGETHER_MIN = 10;
/** One of so many workers. */
const TOGETHER_SHARE = 5;

/**
 * How many workers went away with each of those given, itself included; left out: those that went alone,
 * or with so few that it says nothing. Where a fifth of a pool leaves within a minute, the way to the
 * pool is a likelier reason than each machine.
 *
 * @param away all workers that are away now, with since when
 * @param here how many are there
 */
export function leftTogether(
  away: readonly { readonly worker: WorkerId; readonly since: number }[],
  here: number,
): ReadonlyMap<WorkerId, number> {
  const times = away.map(({ since }) => since).toSorted((a, b) => a - b);
  const before = (at: number, orAt: boolean) => {
    let [low, high] = [0, times.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const value = times[middle] ?? 0;
      if (value < at || (orAt && value === at)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const found = new Map<WorkerId, number>();
  for (const { worker, since } of away) {
    const count = before(since + TOGETHER_MS, true) - before(since - TOGETHER_MS, false);
    if (count >= TOGETHER_MIN && count * TOGETHER_SHARE >= count + here) found.set(worker, count);
  }
  return found;
}
