import { type Candidates, column, read, write } from './candidates.ts';
import type { Connection, Hold } from './state.ts';

/**
 * Which sessions hold a place on each connection: a chain for each, through one table that all
 * share. A list in each connection was measured: the last two of them to be touched are never those
 * that are touched next, so each of its parts was a trip to memory.
 */
export interface Holds {
  /** By index; 0 stands for none. */
  readonly held: (Hold | undefined)[];
  readonly free: number[];
  /** For each index its neighbours in the chain: the one that came before, the one after. */
  links: Int32Array;
}

const BEFORE = 0;
const AFTER = 1;
/** At the start; doubled when they are used up. */
const HOLDS_MIN = 256;

export function createHolds(): Holds {
  return { held: [undefined], free: [], links: new Int32Array(2 * HOLDS_MIN) };
}

/** Adds to its connection's chain, as the newest. */
export function chain(holds: Holds, candidates: Candidates, hold: Hold): void {
  const index = holds.free.pop() ?? holds.held.length;
  if (2 * index >= holds.links.length) {
    const larger = new Int32Array(holds.links.length * 2);
    larger.set(holds.links);
    holds.links = larger;
  }
  const { links } = holds;
  const { slot } = hold.connection;
  const before = read(candidates, slot, column.lastHold);
  hold.index = index;
  holds.held[index] = hold;
  links[2 * index + BEFORE] = before;
  links[2 * index + AFTER] = 0;
  if (before !== 0) links[2 * before + AFTER] = index;
  write(candidates, slot, column.lastHold, index);
}

export function unchain(holds: Holds, candidates: Candidates, hold: Hold): void {
  const { links } = holds;
  const { index, connection } = hold;
  const before = links[2 * index + BEFORE] as number;
  const after = links[2 * index + AFTER] as number;
  if (before !== 0) links[2 * before + AFTER] = after;
  if (after !== 0) links[2 * after + BEFORE] = before;
  else write(candidates, connection.slot, column.lastHold, before);
  holds.held[index] = undefined;
  holds.free.push(index);
}

/** The places taken on a connection, the oldest first. */
export function holdsOn(holds: Holds, candidates: Candidates, connection: Connection): Hold[] {
  const found: Hold[] = [];
  let index = read(candidates, connection.slot, column.lastHold);
  while (index !== 0) {
    found.push(holds.held[index] as Hold);
    index = holds.links[2 * index + BEFORE] as number;
  }
  return found.reverse();
}
