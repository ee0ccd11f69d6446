import { hex } from '../base/bytes.ts';
import type { Clock, Instant } from '../base/clock.ts';
import type { SessionId } from '../base/ids.ts';

/** wire: go-livepeer core/orchestrator.go transcodeLoopTimeout, after which a session is over. */
const IDLE_MS = 70_000;
/** Streams remembered: far above what a pool carries at once. */
const STREAMS_MAX = 20_000;

/** A gateway's stream as far as it can be told apart: its address and its manifest id. */
export interface StreamKey {
  readonly peer: string;
  readonly manifestId: Uint8Array;
}

/** Remembers under which session each gateway's stream runs, for the renewal of its token. */
export interface Streams {
  used(stream: StreamKey, session: SessionId): void;
  /** The session that last carried this stream, if it is not over. */
  sessionOf(stream: StreamKey): SessionId | undefined;
  /** Whether this gateway has a stream running. */
  isActive(peer: string): boolean;
}

export function createStreams(clock: Clock): Streams {
  const sessions = new Map<string, { session: SessionId; at: Instant }>();
  const peers = new Map<string, Instant>();
  const keyOf = ({ peer, manifestId }: StreamKey) => `${peer} ${hex(manifestId)}`;
  const alive = (at: Instant | undefined) => at !== undefined && clock.now() - at < IDLE_MS;

  return {
    used(stream, session) {
      const key = keyOf(stream);
      const at = clock.now();
      // Deleting first keeps both maps in order of use, so that the oldest is dropped first.
      sessions.delete(key);
      sessions.set(key, { session, at });
      peers.delete(stream.peer);
      peers.set(stream.peer, at);
      dropOldest(sessions);
      dropOldest(peers);
    },
    sessionOf(stream) {
      const known = sessions.get(keyOf(stream));
      return known && alive(known.at) ? known.session : undefined;
    },
    isActive: (peer) => alive(peers.get(peer)),
  };
}

function dropOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= STREAMS_MAX) return;
    map.delete(key);
  }
}
