import type { Connection } from './state.ts';

/**
 * What choosing reads of a connection: a row of small integers, so that a candidate costs one cache
 * line however large the fleet is (an object for each was measured: 1 µs more for two candidates
 * among 10,000).
 */
export interface Candidates {
  table: Int32Array;
  readonly connections: (Connection | undefined)[];
  readonly free: number[];
}

const ROW = 8;
const PLACES = 0;
const ENCODERS = 1;
const LOAD = 2;
const CAPACITY = 3;
const DISTANCE_MS = 4;
const PACE = 5;
const PENALTY = 6;
const TURN = 7;
/** Rows at the start; doubled when they are used up. */
const ROWS_MIN = 64;
/** The last column counts decisions and must fit. */
const TURN_MASK = 0x3fff_ffff;

export function createCandidates(): Candidates {
  return { table: new Int32Array(ROWS_MIN * ROW), connections: [], free: [] };
}

/** A row for a new connection. */
export function takeSlot(candidates: Candidates): number {
  const slot = candidates.free.pop() ?? candidates.connections.length;
  if (slot === candidates.connections.length) candidates.connections.push(undefined);
  if ((slot + 1) * ROW > candidates.table.length) {
    const larger = new Int32Array(candidates.table.length * 2);
    larger.set(candidates.table);
    candidates.table = larger;
  }
  return slot;
}

export function giveSlot(candidates: Candidates, slot: number): void {
  candidates.connections[slot] = undefined;
  candidates.free.push(slot);
}

export function connectionAt(candidates: Candidates, slot: number): Connection {
  return candidates.connections[slot] as Connection;
}

/** Copies what changes with every session. */
export function writePlaces(candidates: Candidates, connection: Connection): void {
  const { table } = candidates;
  const row = connection.slot * ROW;
  table[row + PLACES] = connection.capacity - connection.load;
  table[row + ENCODERS] = connection.encoderSessions - connection.encoders;
  table[row + LOAD] = connection.load;
  table[row + CAPACITY] = connection.capacity;
  table[row + DISTANCE_MS] = connection.distanceMs;
}

/** `pace`: millionths of real time, 0 without a record; `penalty`: thousandths, 1000 for none. */
export function writeRecord(
  candidates: Candidates,
  slot: number,
  record: { readonly pace: number; readonly penalty: number },
): void {
  candidates.table[slot * ROW + PACE] = record.pace;
  candidates.table[slot * ROW + PENALTY] = record.penalty;
}

export function writeTurn(candidates: Candidates, slot: number, turn: number): void {
  candidates.table[slot * ROW + TURN] = turn & TURN_MASK;
}

/** The number of the decision that chose it last. */
export function turnOf({ table }: Candidates, slot: number): number {
  return table[slot * ROW + TURN] as number;
}

export function hasPlaceFor({ table }: Candidates, slot: number, renditions: number): boolean {
  const row = slot * ROW;
  return (table[row + PLACES] as number) > 0 && (table[row + ENCODERS] as number) >= renditions;
}

/** A task is a message there, a fetch and a post: that many round trips. */
const ROUND_TRIPS = 3;

/**
 * Expected time of a job there, made dearer by load and by failures; lower is better.
 * `usualPace`: for a worker without a record.
 */
export function costAt(
  { table }: Candidates,
  slot: number,
  job: { readonly durationMs: number; readonly usualPace: number },
): number {
  const row = slot * ROW;
  const record = table[row + PACE] as number;
  const pace = record > 0 ? record : job.usualPace;
  const busy = ((table[row + LOAD] as number) + 1) / (table[row + CAPACITY] as number);
  const workMs = (pace / 1e6) * job.durationMs * (0.5 + busy);
  const wayMs = (table[row + DISTANCE_MS] as number) * ROUND_TRIPS;
  return (workMs + wayMs) * (table[row + PENALTY] as number);
}
