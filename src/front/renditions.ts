import type { Blob } from '../base/blob.ts';
import type { Clock, Instant } from '../base/clock.ts';
import type { SessionId } from '../base/ids.ts';

/** go-livepeer's memory store keeps the 12 newest names of a rendition; gateways rely on no more. */
const NAMES_PER_RENDITION = 12;
/** A gateway downloads within seconds of the reply (4 s limit each); a minute forgives retries. */
const KEPT_MS = 60_000;
/**
 * What fetched renditions may occupy together. A gateway fetches each once, within a second of the
 * reply; without this limit eight busy sessions would hold 160 MiB that nobody asks for again.
 */
const FETCHED_BYTES_MAX = 8 * 1024 * 1024;

const PATH = /^\/stream\/([0-9a-f]{32})\/(\d{1,3})\/(-?\d{1,20}\.(?:ts|mp4|phash))$/;

interface Kept {
  readonly directory: string;
  readonly name: string;
  readonly blob: Blob;
  readonly storedAt: Instant;
}

/** Names what a gateway downloads. All parts of the path are ours: no remote string is in it. */
export interface RenditionName {
  readonly session: SessionId;
  /** Position of the profile in the request. */
  readonly index: number;
  readonly seq: bigint;
  readonly extension: 'ts' | 'mp4' | 'phash';
}

/** Results that wait in memory for their gateway, below `/stream/`. */
export interface Renditions {
  /** Takes a reference on the blob and returns the path under which it can be fetched. */
  put(name: RenditionName, blob: Blob): string;
  /**
   * The blob behind a path, retained for the caller, who says `fetched` when it went out whole.
   * Undefined when there is none.
   */
  open(path: string): { readonly blob: Blob; fetched(): void } | undefined;
  /** Forgets everything of a session. */
  endSession(session: SessionId): void;
  /** Forgets what is older than any gateway's patience. */
  sweep(): void;
  readonly bytes: number;
}

/**
 * Keeps the newest names per rendition and session, as go-livepeer's memory store does
 * (go-tools drivers/local.go), but not beyond the time and memory that a gateway needs.
 */
export function createRenditions(clock: Clock): Renditions {
  /** By directory (session and rendition), oldest first. */
  const directories = new Map<string, Kept[]>();
  const ofSession = new Map<SessionId, Set<string>>();
  /** Fetched whole, in order of the fetch: the first to go when memory is short. */
  const fetchedOnes = new Set<Kept>();
  let fetchedBytes = 0;
  let bytes = 0;

  function drop(kept: Kept): void {
    const names = directories.get(kept.directory);
    const at = names?.indexOf(kept) ?? -1;
    if (!names || at < 0) return;
    names.splice(at, 1);
    bytes -= kept.blob.length;
    if (fetchedOnes.delete(kept)) fetchedBytes -= kept.blob.length;
    kept.blob.release();
  }

  function endSession(session: SessionId): void {
    for (const directory of ofSession.get(session) ?? []) {
      for (const kept of [...(directories.get(directory) ?? [])]) drop(kept);
      directories.delete(directory);
    }
    ofSession.delete(session);
  }

  return {
    put({ session, index, seq, extension }, blob) {
      // A perceptual hash lies in a directory of its own, so that it pushes no rendition out.
      const directory = `${session}/${index}${extension === 'phash' ? '#' : ''}`;
      const name = `${seq}.${extension}`;
      const names = directories.get(directory) ?? [];
      directories.set(directory, names);
      const mine = ofSession.get(session) ?? new Set();
      ofSession.set(session, mine.add(directory));

      const replaced = names.find((kept) => kept.name === name);
      if (replaced) drop(replaced);
      else if (names.length >= NAMES_PER_RENDITION) drop(names[0] as Kept);
      blob.retain();
      bytes += blob.length;
      names.push({ directory, name, blob, storedAt: clock.now() });
      return `/stream/${session}/${index}/${name}`;
    },

    open(path) {
      const [, session, index, name] = PATH.exec(path) ?? [];
      if (!name) return undefined;
      const directory = `${session}/${index}${name.endsWith('.phash') ? '#' : ''}`;
      const kept = directories.get(directory)?.find((other) => other.name === name);
      if (!kept) return undefined;
      kept.blob.retain();
      return {
        blob: kept.blob,
        fetched() {
          if (fetchedOnes.has(kept) || !directories.get(directory)?.includes(kept)) return;
          fetchedOnes.add(kept);
          fetchedBytes += kept.blob.length;
          for (const oldest of fetchedOnes) {
            if (fetchedBytes <= FETCHED_BYTES_MAX) break;
            drop(oldest);
          }
        },
      };
    },

    endSession,

    sweep() {
      const oldest = clock.now() - KEPT_MS;
      for (const [session, mine] of ofSession) {
        for (const directory of mine) {
          const names = directories.get(directory) ?? [];
          for (const kept of names.filter(({ storedAt }) => storedAt < oldest)) drop(kept);
          if (names.length > 0) continue;
          directories.delete(directory);
          mine.delete(directory);
        }
        if (mine.size === 0) ofSession.delete(session);
      }
    },

    get bytes() {
      return bytes;
    },
  };
}
