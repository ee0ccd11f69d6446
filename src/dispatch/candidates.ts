/**
 * What nearly every job reads or changes of a connection: a row of small integers, so that a
 * candidate costs one cache line however large the fleet is. With an object and its lists for each,
 * a decision among 10,000 took 1 µs longer: every field was a trip to memory.
 */
export interface Candidates {
  table: Int32Array;
  /** Rows that were in use, and how many ever were. */
  readonly free: number[];
  used: number;
}

/** What stands in a row, and where. */
export const column = {
  /** Free places for sessions, and free encoders. */
  places: 0,
  encoders: 1,
  capacity: 2,
  distanceMs: 3,
  /** Mean time of its results in millionths of real time; 0 without a record. */
  pace: 4,
  /** How much dearer failures make it, in thousandths; 1000 for none. */
  penalty: 5,
  /** The number of the decision that chose it last. */
  turn: 6,
  /** 95th percentile in millionths of real time; 0 until the record is trusted. */
  pace95: 7,
  /** Usual load of that record, in thousands of pixels per media second; 0 when unknown. */
  usualLoad: 8,
  /** 1: its worker has to show one good result first. */
  onTrial: 9,
  /** Where it stands in its bucket's list. */
  index: 10,
  /** Jobs that it got by choice or by affinity since its reasons were counted last. */
  won: 11,
  wonByAffinity: 12,
  /** The last session to take a place here, as `holds.ts` counts them. */
  lastHold: 13,
} as const;
type Column = (typeof column)[keyof typeof column];

/** 64 bytes. */
const ROW_BITS = 4;
/** Rows at the start; doubled when they are used up. */
const ROWS_MIN = 64;

export function createCandidates(): Candidates {
  return { table: new Int32Array(ROWS_MIN << ROW_BITS), free: [], used: 0 };
}

/** A row of zeros for a new connection. */
export function takeSlot(candidates: Candidates): number {
  const slot = candidates.free.pop() ?? candidates.used++;
  const row = slot << ROW_BITS;
  if (row >= candidates.table.length) {
    const larger = new Int32Array(candidates.table.length * 2);
    larger.set(candidates.table);
    candidates.table = larger;
  }
  candidates.table.fill(0, row, row + (1 << ROW_BITS));
  return slot;
}

export function giveSlot(candidates: Candidates, slot: number): void {
  candidates.free.push(slot);
}

export function read({ table }: Candidates, slot: number, what: Column): number {
  return table[(slot << ROW_BITS) + what] as number;
}

/** `value`: below 2^31. */
export function write({ table }: Candidates, slot: number, what: Column, value: number): void {
  table[(slot << ROW_BITS) + what] = value;
}

export function add({ table }: Candidates, slot: number, what: Column, count: number): void {
  const at = (slot << ROW_BITS) + what;
  table[at] = (table[at] as number) + count;
}

/** Whether it has a place, and encoders for so many renditions. */
export function hasPlaceFor(candidates: Candidates, slot: number, renditions: number): boolean {
  return (
    read(candidates, slot, column.places) > 0 &&
    read(candidates, slot, column.encoders) >= renditions
  );
}

/** A task is a message there, a fetch and a post: that many round trips. */
const ROUND_TRIPS = 3;

/**
 * Expected time of a job there, made dearer by load and by failures; lower is better.
 * `usualPace`: for a worker without a record.
 */
export function costAt(
  candidates: Candidates,
  slot: number,
  job: { readonly durationMs: number; readonly usualPace: number },
): number {
  const pace = read(candidates, slot, column.pace) || job.usualPace;
  const capacity = read(candidates, slot, column.capacity);
  const busy = (capacity - read(candidates, slot, column.places) + 1) / capacity;
  const workMs = (pace / 1e6) * job.durationMs * (0.5 + busy);
  const wayMs = read(candidates, slot, column.distanceMs) * ROUND_TRIPS;
  return (workMs + wayMs) * read(candidates, slot, column.penalty);
}
