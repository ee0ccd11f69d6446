import { column, costAt, hasPlaceFor, read } from './candidates.ts';
import type { Core } from './core.ts';
import type { Needs } from './dispatch-types.ts';
import type { Match } from './fleet.ts';
import { connectionAt, matchOf } from './fleet.ts';
import type { Connection, Job, WorkerRecord } from './state.ts';

/** No slot. */
const NONE = -1;
/** Draws for a candidate that this job may use, before all are looked through. */
const DRAWS_MAX = 6;
/**
 * One choice in so many goes to the worker that waited longest of the two, whatever its record: a
 * slow or once unlucky worker keeps getting chances to show that it is better now.
 */
const EXPLORE_EVERY = 8;
/** Taken for a worker without a record while nobody has one, in millionths: half of real time. */
const PACE_UNKNOWN = 500_000;

/**
 * Two random candidates, the better taken: near the best choice in load, at a cost that does not
 * grow with the number of workers. Candidates are able, active, have a free place and enough
 * encoders, and have not tried this job. When every able worker is in quarantine, these are asked:
 * a quarantine never empties the pool.
 */
export function choose(core: Core, job: Job): Connection | undefined {
  const match = matchFor(core, job.needs);
  const total = countOf(match, 'available');
  if (total > 0) {
    const chosen = pickFrom(core, job, match, 'available', total);
    if (chosen) return chosen;
  }
  if (core.sabotage === 'ignore_quarantine_floor') return undefined;
  if (hasUntried(core, match, job)) return undefined;
  const held = countOf(match, 'quarantined');
  return held > 0 ? pickFrom(core, job, match, 'quarantined', held) : undefined;
}

/** Whether a new session with these needs would find a place. */
export function hasRoom(core: Core, needs: Needs): boolean {
  const match = matchFor(core, needs);
  if (countOf(match, 'available') > 0) return true;
  if (countOf(match, 'full') > 0) return false;
  const { candidates } = core.fleet;
  return match.able.some((group) =>
    group.lists.quarantined.some((slot) => hasPlaceFor(candidates, slot, 1)),
  );
}

export function matchFor(core: Core, needs: Needs): Match {
  if (core.sabotage === 'ignore_capability') return matchOf(core.fleet, { bits: 0n });
  return matchOf(core.fleet, needs);
}

function countOf(match: Match, bucket: 'available' | 'full' | 'quarantined'): number {
  let total = 0;
  for (const group of match.able) total += group.lists[bucket].length;
  return total;
}

/** Whether some able worker out of quarantine, free or full, has not tried the job yet. */
function hasUntried({ fleet }: Core, match: Match, job: Job): boolean {
  const untried = (slot: number) => !hasTried(job, connectionAt(fleet, slot).worker);
  for (const group of match.able) {
    const { available, full } = group.lists;
    if (available.some(untried)) return true;
    if (full.some(untried)) return true;
  }
  return false;
}

function pickFrom(
  core: Core,
  job: Job,
  match: Match,
  bucket: 'available' | 'quarantined',
  total: number,
): Connection | undefined {
  const slot = core.sabotage === 'starve' ? firstOf(core, job, match, bucket, 0) : bestOfTwo();
  return slot === NONE ? undefined : connectionAt(core.fleet, slot);

  function bestOfTwo(): number {
    const first = draw(core, job, match, bucket, total);
    if (first === NONE) return firstOf(core, job, match, bucket, core.pick(total));
    if (total === 1) return first;
    const second = draw(core, job, match, bucket, total);
    return second === NONE || second === first ? first : better(core, job, first, second);
  }
}

function better(core: Core, job: Job, first: number, second: number): number {
  const { candidates } = core.fleet;
  if (core.pick(EXPLORE_EVERY) === 0) {
    const turn = read(candidates, first, column.turn);
    return turn <= read(candidates, second, column.turn) ? first : second;
  }
  const usualPace = core.speed.samples > 0 ? core.speed.mean * 1e6 : PACE_UNKNOWN;
  const work = { durationMs: job.durationMs, usualPace };
  return costAt(candidates, first, work) <= costAt(candidates, second, work) ? first : second;
}

function draw(
  core: Core,
  job: Job,
  match: Match,
  bucket: 'available' | 'quarantined',
  total: number,
): number {
  for (let tries = 0; tries < DRAWS_MAX; tries++) {
    let index = core.pick(total);
    for (const group of match.able) {
      const list = group.lists[bucket];
      if (index < list.length) {
        const slot = list[index] as number;
        if (fits(core, job, slot)) return slot;
        break;
      }
      index -= list.length;
    }
  }
  return NONE;
}

/** Looks through all, from `skip` on: draws find nothing only when nearly all are unfit. */
function firstOf(
  core: Core,
  job: Job,
  match: Match,
  bucket: 'available' | 'quarantined',
  skip: number,
): number {
  let seen = 0;
  let before = NONE;
  for (const group of match.able) {
    for (const slot of group.lists[bucket]) {
      if (fits(core, job, slot)) {
        if (seen >= skip) return slot;
        if (before === NONE) before = slot;
      }
      seen++;
    }
  }
  return before;
}

function fits(core: Core, job: Job, slot: number): boolean {
  const { candidates } = core.fleet;
  if (!hasPlaceFor(candidates, slot, job.renditions)) return false;
  if (job.attempts.length === 0 || core.sabotage === 'retry_same_worker') return true;
  return !hasTried(job, connectionAt(core.fleet, slot).worker);
}

/** A job never goes to the same worker twice: what failed there once would fail there again. */
export function hasTried(job: Job, worker: WorkerRecord): boolean {
  for (const attempt of job.attempts) if (attempt.connection.worker === worker) return true;
  return false;
}
