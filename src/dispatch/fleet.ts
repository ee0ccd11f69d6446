import type { ConnectionId, WorkerId } from '../base/ids.ts';
import { versionAtLeast } from '../protocol/capabilities.ts';
import {
  add,
  type Candidates,
  column,
  createCandidates,
  giveSlot,
  hasPlaceFor,
  read,
  takeSlot,
  write,
} from './candidates.ts';
import type { Needs, Reason, Sabotage } from './dispatch-types.ts';
import { reasons } from './dispatch-types.ts';
import { addTo, type Histogram, newHistogram } from './histogram.ts';
import { createSpeed, SAMPLES_TRUSTED } from './speed.ts';
import type { Asked, Bucket, Connection, WorkerGroup, WorkerRecord } from './state.ts';

/**
 * Remembered answers to "which groups can do this". Gateways choose the needs, so the number of
 * answers is bounded; a few dozen occur in practice.
 */
const MATCHES_MAX = 512;
/** Kinds of needs that are counted apart; all further ones together. */
const ASKED_MAX = 256;
/** No device opens as many; stands for no limit. */
const ENCODERS_UNLIMITED = 1_000_000;
/** A thousand times slower than real time is slow enough. */
const PACE_MAX = 1_000_000_000;
/** Thousands of pixels per second; a hundred 8K streams. */
const LOAD_MAX = 1_000_000_000;
/** How much a worker that always fails is worse than one that never does. */
const FAILURE_WEIGHT = 8;

/** The place of each reason in a connection's counts. */
export const REASON_INDEX = Object.fromEntries(
  reasons.map((reason, index) => [reason, index]),
) as Record<Reason, number>;

const BUCKET_REASON: Record<Exclude<Bucket, 'paused'>, Reason> = {
  available: 'slower',
  full: 'full',
  quarantined: 'quarantined',
};
/** A worker with several connections missed a job for the reason of the best of them. */
const BUCKET_RANK: Record<Bucket, number> = { available: 0, full: 1, quarantined: 2, paused: 3 };

/**
 * The connected workers, by what they can do (groups) and whether they can take a session (buckets
 * of a group). Everything that a job touches is per group, so its cost does not grow with the
 * number of workers; what a single worker missed is reckoned when it changes bucket or is read.
 */
export interface Fleet {
  readonly workers: Map<WorkerId, WorkerRecord>;
  readonly connections: Map<ConnectionId, Connection>;
  readonly candidates: Candidates;
  readonly bySlot: (Connection | undefined)[];
  /** Active workers with a connection, and how many of these are in quarantine. */
  active: number;
  quarantined: number;
  /** Places taken. */
  load: number;
  readonly groups: Map<bigint, Map<string, WorkerGroup>>;
  readonly matches: Map<bigint, Map<string, Match>>;
  matchesHeld: number;
  bits: bigint | undefined;
  /** Jobs that stayed with their session's worker, and minutes without a job. */
  affinity: number;
  idleMinutes: number;
  /** Jobs that were up for choice, and how fast those were that got them (see {@link paceOf}). */
  choices: number;
  readonly winners: Histogram;
  /** What jobs asked for. */
  readonly asked: Map<bigint, Asked>;
}

/** Which groups can do a job, and why the others cannot. */
export interface Match {
  readonly able: WorkerGroup[];
  readonly lacking: WorkerGroup[];
  readonly outdated: WorkerGroup[];
  readonly asked: Asked;
}

export function createFleet(): Fleet {
  return {
    workers: new Map(),
    connections: new Map(),
    candidates: createCandidates(),
    bySlot: [],
    active: 0,
    quarantined: 0,
    load: 0,
    groups: new Map(),
    matches: new Map(),
    matchesHeld: 0,
    bits: 0n,
    affinity: 0,
    idleMinutes: 0,
    choices: 0,
    winners: newHistogram(),
    asked: new Map(),
  };
}

export function createWorker(id: WorkerId): WorkerRecord {
  return {
    kind: 'worker',
    timerAt: Number.POSITIVE_INFINITY,
    id,
    state: 'active',
    health: 'healthy',
    quarantinedUntil: 0,
    level: 0,
    inRow: 0,
    goodInRow: 0,
    failureRate: 0,
    failures: 0,
    settled: 0,
    speed: createSpeed(),
    connections: [],
    best: undefined,
    given: 0,
    missed: undefined,
    countedActive: false,
    countedQuarantined: false,
  };
}

/** What a joining connection says of itself. */
export interface Offer {
  readonly connection: ConnectionId;
  readonly capacity: number;
  readonly bits: bigint;
  readonly version?: string;
  readonly encoderSessions?: number;
  readonly distanceMs?: number;
}

export function addConnection(fleet: Fleet, worker: WorkerRecord, offer: Offer): Connection {
  const { candidates } = fleet;
  const group = groupOf(fleet, offer.bits, offer.version ?? '');
  const slot = takeSlot(candidates);
  const connection: Connection = {
    kind: 'connection',
    timerAt: Number.POSITIVE_INFINITY,
    quarantinedUntil: 0,
    slot,
    id: offer.connection,
    workerId: worker.id,
    worker,
    group,
    capacity: offer.capacity,
    bucket: 'full',
    seenCapability: group.capability,
    seenVersion: group.versionTooLow,
    seenMatched: group.matched,
    seenAffinity: fleet.affinity,
    seenIdleMinutes: fleet.idleMinutes,
  };
  const encoders = Math.min(offer.encoderSessions ?? ENCODERS_UNLIMITED, ENCODERS_UNLIMITED);
  write(candidates, slot, column.places, offer.capacity);
  write(candidates, slot, column.capacity, offer.capacity);
  write(candidates, slot, column.encoders, encoders);
  write(candidates, slot, column.distanceMs, Math.round(offer.distanceMs ?? 0));
  write(candidates, slot, column.index, group.lists.full.length);
  fleet.bySlot[slot] = connection;
  group.lists.full.push(slot);
  group.size++;
  fleet.connections.set(connection.id, connection);
  worker.connections.push(connection);
  // The first one; of several, `rebucket` looks for the best.
  worker.best ??= connection;
  updatePace(fleet, worker);
  return connection;
}

/**
 * Takes the connection out, and another may have its row at once; what it missed stays on its
 * worker's account.
 */
export function removeConnection(fleet: Fleet, connection: Connection): void {
  const { group, worker } = connection;
  countMissed(fleet, worker);
  leaveBucket(fleet, connection);
  fleet.load -= loadOf(fleet, connection);
  fleet.bySlot[connection.slot] = undefined;
  giveSlot(fleet.candidates, connection.slot);
  fleet.connections.delete(connection.id);
  worker.connections.splice(worker.connections.indexOf(connection), 1);
  if (worker.best === connection) worker.best = undefined;
  findBest(fleet, worker);
  group.size--;
  if (group.size === 0) removeGroup(fleet, group);
}

/** Puts all of a worker's connections where they belong after any change of state or load. */
export function rebucket(fleet: Fleet, worker: WorkerRecord, sabotage?: Sabotage): void {
  const active = worker.connections.length > 0 && worker.state === 'active';
  const quarantined = active && worker.health === 'quarantined';
  fleet.active += Number(active) - Number(worker.countedActive);
  fleet.quarantined += Number(quarantined) - Number(worker.countedQuarantined);
  worker.countedActive = active;
  worker.countedQuarantined = quarantined;
  for (const connection of worker.connections) {
    const onTrial = worker.health === 'half_open';
    write(fleet.candidates, connection.slot, column.onTrial, Number(onTrial));
    moveTo(fleet, connection, bucketOf(fleet, connection, sabotage));
  }
}

/**
 * Takes so many places and encoders (negative: gives them back). No look at the worker's other
 * connections unless it is on trial, nor at this one unless it has become full or free.
 */
export function takePlaces(
  fleet: Fleet,
  connection: Connection,
  taken: { readonly places: number; readonly encoders: number },
  sabotage: Sabotage | undefined,
): void {
  const { candidates } = fleet;
  const { slot } = connection;
  const before = hasPlaceFor(candidates, slot, 1);
  add(candidates, slot, column.places, -taken.places);
  add(candidates, slot, column.encoders, -taken.encoders);
  fleet.load += taken.places;
  if (read(candidates, slot, column.onTrial) === 1) rebucket(fleet, connection.worker, sabotage);
  else if (hasPlaceFor(candidates, slot, 1) !== before) {
    const { bucket } = connection;
    if (bucket !== 'available' && bucket !== 'full') return;
    moveTo(fleet, connection, before ? 'full' : 'available');
  }
}

/** Writes the worker's record where choosing reads it. */
export function updatePace(fleet: Fleet, worker: WorkerRecord): void {
  const { candidates } = fleet;
  const { speed, failureRate } = worker;
  const pace = speed.samples === 0 ? 0 : paceOf(speed.mean);
  const { pace95, usualLoad } = expectationOf(worker);
  const penalty = Math.round(1_000 * (1 + FAILURE_WEIGHT * failureRate));
  for (const { slot } of worker.connections) {
    write(candidates, slot, column.pace, pace);
    write(candidates, slot, column.pace95, pace95);
    write(candidates, slot, column.usualLoad, usualLoad);
    write(candidates, slot, column.penalty, penalty);
  }
}

/** What a worker's record promises: pace in millionths of real time (0: nothing), load in thousands. */
export function expectationOf({ speed }: WorkerRecord): { pace95: number; usualLoad: number } {
  return {
    pace95: speed.samples < SAMPLES_TRUSTED ? 0 : paceOf(speed.p95),
    usualLoad: Math.min(Math.round(speed.load / 1_000), LOAD_MAX),
  };
}

/** The same for an attempt there; from the candidates' table while the connection is open. */
export function expectationAt(fleet: Fleet, connection: Connection) {
  const { candidates, bySlot } = fleet;
  const { slot, worker } = connection;
  if (bySlot[slot] !== connection) return expectationOf(worker);
  return {
    pace95: read(candidates, slot, column.pace95),
    usualLoad: read(candidates, slot, column.usualLoad),
  };
}

function paceOf(ratio: number): number {
  return Math.min(Math.max(1, Math.round(ratio * 1e6)), PACE_MAX);
}

function moveTo(fleet: Fleet, connection: Connection, bucket: Bucket): void {
  if (bucket === connection.bucket) return;
  countMissed(fleet, connection.worker);
  leaveBucket(fleet, connection);
  const list = connection.group.lists[bucket];
  connection.bucket = bucket;
  write(fleet.candidates, connection.slot, column.index, list.length);
  list.push(connection.slot);
  if (connection.worker.connections.length > 1) findBest(fleet, connection.worker);
}

/** Whose reasons count for the worker from now on. What it missed until now has been counted. */
function findBest(fleet: Fleet, worker: WorkerRecord): void {
  let best = worker.best;
  for (const each of worker.connections) {
    if (!best || BUCKET_RANK[each.bucket] < BUCKET_RANK[best.bucket]) best = each;
  }
  if (best && best !== worker.best) markSeen(fleet, best);
  worker.best = best;
}

function bucketOf(fleet: Fleet, connection: Connection, sabotage: Sabotage | undefined): Bucket {
  const { worker } = connection;
  if (worker.state !== 'active' && sabotage !== 'ignore_pause') return 'paused';
  if (worker.health === 'quarantined' || connection.quarantinedUntil > 0) return 'quarantined';
  const isBusy = worker.connections.some((each) => loadOf(fleet, each) > 0);
  if (worker.health === 'half_open' && isBusy) return 'quarantined';
  return hasPlaceFor(fleet.candidates, connection.slot, 1) ? 'available' : 'full';
}

/** Places taken. */
export function loadOf({ candidates }: Fleet, { slot, capacity }: Connection): number {
  return capacity - read(candidates, slot, column.places);
}

function leaveBucket({ candidates }: Fleet, connection: Connection): void {
  const list = connection.group.lists[connection.bucket];
  const last = list.pop() as number;
  if (last === connection.slot) return;
  const index = read(candidates, connection.slot, column.index);
  list[index] = last;
  write(candidates, last, column.index, index);
}

/** The connection that a slot in a bucket's list stands for. */
export function connectionAt(fleet: Fleet, slot: number): Connection {
  return fleet.bySlot[slot] as Connection;
}

/** Brings a worker's reasons up to date. */
export function countMissed(fleet: Fleet, worker: WorkerRecord): void {
  const { best } = worker;
  if (!best) return;
  const { candidates } = fleet;
  let won = 0;
  let wonByAffinity = 0;
  for (const { slot } of worker.connections) {
    won += read(candidates, slot, column.won);
    wonByAffinity += read(candidates, slot, column.wonByAffinity);
    write(candidates, slot, column.won, 0);
    write(candidates, slot, column.wonByAffinity, 0);
  }
  worker.given += won + wonByAffinity;
  const { group } = best;
  note(worker, 'capability', group.capability - best.seenCapability);
  note(worker, 'version', group.versionTooLow - best.seenVersion);
  // Another of its connections may have got what this one could not have taken.
  note(worker, reasonOf(best), Math.max(0, group.matched - best.seenMatched - won));
  note(worker, 'affinity', fleet.affinity - best.seenAffinity - wonByAffinity);
  note(worker, 'no_demand', fleet.idleMinutes - best.seenIdleMinutes);
  markSeen(fleet, best);
}

function note(worker: WorkerRecord, reason: Reason, count: number): void {
  if (count === 0) return;
  worker.missed ??= reasons.map(() => 0);
  const index = REASON_INDEX[reason];
  worker.missed[index] = (worker.missed[index] as number) + count;
}

function reasonOf({ bucket, worker }: Connection): Reason {
  if (bucket === 'paused') return worker.state === 'draining' ? 'draining' : 'paused';
  return BUCKET_REASON[bucket];
}

function markSeen(fleet: Fleet, connection: Connection): void {
  const { group } = connection;
  connection.seenCapability = group.capability;
  connection.seenVersion = group.versionTooLow;
  connection.seenMatched = group.matched;
  connection.seenAffinity = fleet.affinity;
  connection.seenIdleMinutes = fleet.idleMinutes;
}

/**
 * Counts one job that was up for choice: every connected worker missed it, for the reason of its
 * group and bucket, except the winner.
 */
export function countChoice(fleet: Fleet, match: Match, winner: Connection | undefined): void {
  fleet.choices++;
  for (const group of match.able) group.matched++;
  for (const group of match.lacking) group.capability++;
  for (const group of match.outdated) group.versionTooLow++;
  match.asked.count++;
  if (!winner) return;
  add(fleet.candidates, winner.slot, column.won, 1);
  addTo(fleet.winners, read(fleet.candidates, winner.slot, column.pace95));
}

/** Counts one job that stayed with its session's worker. */
export function countAffinity(fleet: Fleet, winner: Connection, asked: Asked): void {
  fleet.affinity++;
  asked.count++;
  add(fleet.candidates, winner.slot, column.wonByAffinity, 1);
}

export function matchOf(fleet: Fleet, needs: Needs): Match {
  const minimum = needs.minVersion ?? '';
  const known = fleet.matches.get(needs.bits)?.get(minimum);
  if (known) return known;
  if (fleet.matchesHeld >= MATCHES_MAX) forgetMatches(fleet);
  const match: Match = { able: [], lacking: [], outdated: [], asked: askedFor(fleet, needs.bits) };
  for (const versions of fleet.groups.values()) {
    for (const group of versions.values()) {
      if ((group.bits & needs.bits) !== needs.bits) match.lacking.push(group);
      else if (!versionFits(group.version, minimum)) match.outdated.push(group);
      else match.able.push(group);
    }
  }
  inner(fleet.matches, needs.bits).set(minimum, match);
  fleet.matchesHeld++;
  return match;
}

/** Bits that no job can ask for: all kinds of needs beyond those that are counted apart. */
const OTHER_BITS = -1n;

function askedFor({ asked }: Fleet, bits: bigint): Asked {
  const key = asked.has(bits) || asked.size < ASKED_MAX ? bits : OTHER_BITS;
  let counter = asked.get(key);
  if (!counter) {
    counter = { bits: key, count: 0 };
    asked.set(key, counter);
  }
  return counter;
}

/** Whether this connection can do the job at all, whoever else is there. */
export function isAble(connection: Connection, needs: Needs): boolean {
  const { bits, version } = connection.group;
  return (bits & needs.bits) === needs.bits && versionFits(version, needs.minVersion ?? '');
}

/** Union of the bits of all groups. */
export function unionOfBits(fleet: Fleet): bigint {
  if (fleet.bits === undefined) {
    fleet.bits = 0n;
    for (const bits of fleet.groups.keys()) fleet.bits |= bits;
  }
  return fleet.bits;
}

function inner<T>(maps: Map<bigint, Map<string, T>>, bits: bigint): Map<string, T> {
  let map = maps.get(bits);
  if (!map) {
    map = new Map();
    maps.set(bits, map);
  }
  return map;
}

function versionFits(version: string, minimum: string): boolean {
  return minimum === '' || versionAtLeast(version, minimum);
}

function groupOf(fleet: Fleet, bits: bigint, version: string): WorkerGroup {
  const versions = inner(fleet.groups, bits);
  let group = versions.get(version);
  if (!group) {
    group = {
      bits,
      version,
      lists: { available: [], full: [], paused: [], quarantined: [] },
      size: 0,
      capability: 0,
      versionTooLow: 0,
      matched: 0,
    };
    versions.set(version, group);
    forgetMatches(fleet);
  }
  return group;
}

function removeGroup(fleet: Fleet, group: WorkerGroup): void {
  const versions = fleet.groups.get(group.bits);
  versions?.delete(group.version);
  if (versions?.size === 0) fleet.groups.delete(group.bits);
  forgetMatches(fleet);
}

function forgetMatches(fleet: Fleet): void {
  fleet.matches.clear();
  fleet.matchesHeld = 0;
  fleet.bits = undefined;
}
