import type { Needs } from './dispatch-types.ts';
import type { Match } from './fleet.ts';
import { hasPlace, matchOf } from './fleet.ts';
import type { Connection, Core, Job, WorkerRecord } from './state.ts';

/** Draws for a candidate that this job may use, before all are looked through. */
const DRAWS_MAX = 6;
/**
 * One choice in so many goes to the worker that waited longest of the two, whatever its record: a
 * slow or once unlucky worker keeps getting chances to show that it is better now.
 */
const EXPLORE_EVERY = 8;
/** Speed taken for a worker without a record while nobody has one: half of real time. */
const PACE_UNKNOWN = 500_000;
/** A task is a message there, a fetch and a post: that many round trips. */
const ROUND_TRIPS = 3;

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
  if (hasUntried(match, job)) return undefined;
  const held = countOf(match, 'quarantined');
  return held > 0 ? pickFrom(core, job, match, 'quarantined', held) : undefined;
}

/** Whether a new session with these needs would find a place. */
export function hasRoom(core: Core, needs: Needs): boolean {
  const match = matchFor(core, needs);
  if (countOf(match, 'available') > 0) return true;
  if (countOf(match, 'full') > 0) return false;
  return match.able.some((group) => group.lists.quarantined.some(hasPlace));
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
function hasUntried(match: Match, job: Job): boolean {
  for (const group of match.able) {
    const { available, full } = group.lists;
    if (available.some((connection) => !hasTried(job, connection.worker))) return true;
    if (full.some((connection) => !hasTried(job, connection.worker))) return true;
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
  if (core.sabotage === 'starve') return firstOf(job, match, bucket);
  const first = draw(core, job, match, bucket, total);
  if (!first) return firstOf(job, match, bucket, core.pick(total));
  if (total === 1) return first;
  const second = draw(core, job, match, bucket, total);
  if (!second || second === first) return first;
  if (core.pick(EXPLORE_EVERY) === 0) {
    return first.lastTurn <= second.lastTurn ? first : second;
  }
  return cost(core, job, first) <= cost(core, job, second) ? first : second;
}

function draw(
  core: Core,
  job: Job,
  match: Match,
  bucket: 'available' | 'quarantined',
  total: number,
): Connection | undefined {
  for (let tries = 0; tries < DRAWS_MAX; tries++) {
    let index = core.pick(total);
    for (const group of match.able) {
      const list = group.lists[bucket];
      if (index < list.length) {
        const connection = list[index] as Connection;
        if (mayTake(core, job, connection)) return connection;
        break;
      }
      index -= list.length;
    }
  }
  return undefined;
}

/** Looks through all, from `skip` on: draws find nothing only when nearly all are unfit. */
function firstOf(
  job: Job,
  match: Match,
  bucket: 'available' | 'quarantined',
  skip = 0,
): Connection | undefined {
  let seen = 0;
  let before: Connection | undefined;
  for (const group of match.able) {
    for (const connection of group.lists[bucket]) {
      if (fits(job, connection)) {
        if (seen >= skip) return connection;
        before ??= connection;
      }
      seen++;
    }
  }
  return before;
}

function mayTake(core: Core, job: Job, connection: Connection): boolean {
  if (core.sabotage === 'retry_same_worker') return hasPlace(connection);
  return fits(job, connection);
}

function fits(job: Job, connection: Connection): boolean {
  return (
    connection.load < connection.capacity &&
    connection.encoders + job.renditions <= connection.encoderSessions &&
    !hasTried(job, connection.worker)
  );
}

/** A job never goes to the same worker twice: what failed there once would fail there again. */
export function hasTried(job: Job, worker: WorkerRecord): boolean {
  for (const attempt of job.attempts) if (attempt.connection.worker === worker) return true;
  return false;
}

/** Expected time of the job there, made dearer by load and by failures. Lower is better. */
function cost(core: Core, job: Job, connection: Connection): number {
  const usual = core.speed.samples > 0 ? core.speed.mean * 1e6 : PACE_UNKNOWN;
  const pace = connection.pace > 0 ? connection.pace : usual;
  const busy = (connection.load + 1) / connection.capacity;
  const workMs = (pace / 1e6) * job.durationMs * (0.5 + busy);
  const wayMs = connection.distanceMs * ROUND_TRIPS;
  return (workMs + wayMs) * connection.penalty;
}
