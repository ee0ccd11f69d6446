import type { SessionId } from '../base/ids.ts';
import type { Session } from './state.ts';

/**
 * The open sessions by id. Most of them are idle for most of the time, and each decision asks for
 * one: among 20,000 a Map goes to memory for its bucket, for each entry of the chain and for the
 * text of each entry's key. Here a look at one or two neighbouring numbers says no, and one text is
 * compared to say yes.
 */
export interface Sessions {
  readonly size: number;
  get(id: SessionId): Session | undefined;
  /** The one with this id; `make` gives it when there is none. */
  getOrAdd(id: SessionId, make: (id: SessionId) => Session): Session;
  delete(session: Session): void;
}

/** Entries at the start; doubled when half are in use. */
const ENTRIES_MIN = 64;
/** Ids are minted by the pool out of random hex digits: so many of them are 32 random bits. */
const HASHED_CHARS = 8;

/** Open addressing with linear probing: an entry is a hash and a place in `held`, 0 for none. */
export function createSessions(): Sessions {
  const held: (Session | undefined)[] = [undefined];
  const free: number[] = [];
  let entries = new Int32Array(2 * ENTRIES_MIN);
  let mask = ENTRIES_MIN - 1;
  let size = 0;

  const put = (hash: number, place: number): void => {
    let at = hash & mask;
    while (entries[2 * at + 1] !== 0) at = (at + 1) & mask;
    entries[2 * at] = hash;
    entries[2 * at + 1] = place;
  };

  const grow = (): void => {
    const before = entries;
    entries = new Int32Array(before.length * 2);
    mask = entries.length / 2 - 1;
    for (let i = 0; i < before.length; i += 2) {
      const place = before[i + 1] as number;
      if (place !== 0) put(before[i] as number, place);
    }
  };

  /** Where its entry is; -1 when there is none. */
  const find = (id: SessionId, hash: number): number => {
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const place = entries[2 * at + 1] as number;
      if (place === 0) return -1;
      if (entries[2 * at] === hash && held[place]?.id === id) return at;
    }
  };

  /** Moves up what stands behind the gap and would not be found across it. */
  const close = (gap: number): void => {
    let empty = gap;
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const place = entries[2 * at + 1] as number;
      if (place === 0) break;
      const hash = entries[2 * at] as number;
      const passed = (at - hash) & mask;
      if (passed < ((at - empty) & mask)) continue;
      entries[2 * empty] = hash;
      entries[2 * empty + 1] = place;
      empty = at;
    }
    entries[2 * empty + 1] = 0;
  };

  return {
    get size() {
      return size;
    },
    get(id) {
      const at = find(id, hashOf(id));
      return at < 0 ? undefined : held[entries[2 * at + 1] as number];
    },
    getOrAdd(id, make) {
      const hash = hashOf(id);
      const at = find(id, hash);
      if (at >= 0) return held[entries[2 * at + 1] as number] as Session;
      if (2 * size > mask) grow();
      const session = make(id);
      const place = free.pop() ?? held.length;
      held[place] = session;
      put(hash, place);
      size++;
      return session;
    },
    delete(session) {
      const at = find(session.id, hashOf(session.id));
      if (at < 0) return;
      const place = entries[2 * at + 1] as number;
      held[place] = undefined;
      free.push(place);
      close(at);
      size--;
    },
  };
}

/** FNV-1a of the last characters, stirred so that the low bits depend on all of them. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = Math.max(0, id.length - HASHED_CHARS); i < id.length; i++) {
    hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}
