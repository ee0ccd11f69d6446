import type { Clock, Timer } from '../../base/clock.ts';
import type { VideoProfile } from '../../protocol/video-profile.ts';
import type { WorkDevice } from './equipment.ts';

/** Waiting behind the running segment of a session; the next one is refused (go-livepeer core/lb.go). */
const QUEUE_MAX = 4;
/** A session without a segment for this long is over (go-livepeer transcodeLoopTimeout). */
const IDLE_MS = 70_000;
/** Frames per second of a profile that keeps the input's rate, for the estimate of load. */
const FPS_UNKNOWN = 30;

/** A segment's place in its session: one runs at a time, the others wait in order. */
export interface Place {
  /** Runs `work` on the session's device once it is this segment's turn. */
  run<T>(work: (device: WorkDevice) => Promise<T>): Promise<T>;
  /** The work failed: the session leaves its device, its next segment may go to another. */
  failed(): void;
  /** Gives the place back. Leaving twice is harmless. */
  leave(): void;
}

/** What a segment asks of its session. */
export interface PlaceRequest {
  readonly sessionKey: string;
  readonly profiles: readonly VideoProfile[];
  /** Begin anew on the least loaded device. */
  readonly reinit: boolean;
}

/** Which session is on which device, and whose turn it is. */
export interface Sessions {
  /** Undefined when the session's queue is full: `TranscoderBusy`. */
  enter(request: PlaceRequest): Place | undefined;
  /** The orchestrator ended the session. Segments that are still under way finish. */
  end(sessionKey: string): void;
  readonly count: number;
  /** Sessions per device, by device name. */
  onDevices(): ReadonlyMap<string, number>;
  close(): void;
}

interface Session {
  readonly key: string;
  device: WorkDevice | undefined;
  load: number;
  /** Segments that have a place: running, waiting or still downloading. */
  places: number;
  /** Ends when the last segment that asked for a turn is done. */
  tail: Promise<void>;
  idle: Timer | undefined;
}

/** `devices` must hold at least one. */
export function createSessions(parts: {
  readonly devices: readonly WorkDevice[];
  readonly clock: Clock;
  readonly onChange: () => void;
}): Sessions {
  const { devices, clock, onChange } = parts;
  const sessions = new Map<string, Session>();

  function leastLoaded(): WorkDevice {
    let best = devices[0] as WorkDevice;
    let bestShare = Number.POSITIVE_INFINITY;
    for (const device of devices) {
      const share = loadOf(device) / Math.max(1, device.sessions);
      if (share < bestShare) [best, bestShare] = [device, share];
    }
    return best;
  }

  function loadOf(device: WorkDevice): number {
    let load = 0;
    for (const session of sessions.values()) if (session.device === device) load += session.load;
    return load;
  }

  function open(key: string): Session {
    const known = sessions.get(key);
    if (known) return known;
    const session: Session = {
      key,
      device: undefined,
      load: 0,
      places: 0,
      tail: Promise.resolve(),
      idle: undefined,
    };
    sessions.set(key, session);
    return session;
  }

  function forget(session: Session): void {
    session.idle?.cancel();
    sessions.delete(session.key);
    onChange();
  }

  function enter({ sessionKey, profiles, reinit }: PlaceRequest): Place | undefined {
    const session = open(sessionKey);
    if (session.places > QUEUE_MAX) return undefined;
    session.places++;
    session.idle?.cancel();
    session.load = loadOfProfiles(profiles);
    onChange();
    let left = false;
    return {
      async run(work) {
        const before = session.tail;
        const { promise, resolve } = Promise.withResolvers<void>();
        session.tail = promise;
        try {
          await before;
          if (reinit) session.device = undefined;
          session.device ??= leastLoaded();
          return await work(session.device);
        } finally {
          resolve();
        }
      },
      failed() {
        session.device = undefined;
      },
      leave() {
        if (left) return;
        left = true;
        session.places--;
        if (session.places > 0 || sessions.get(sessionKey) !== session) return;
        session.idle = clock.after(IDLE_MS, () => forget(session));
      },
    };
  }

  return {
    enter,
    end(sessionKey) {
      const session = sessions.get(sessionKey);
      if (!session) return;
      if (session.places === 0) return forget(session);
      // What is under way finishes; a later segment of the same name begins anew.
      sessions.delete(sessionKey);
      onChange();
    },
    get count() {
      return sessions.size;
    },
    onDevices() {
      const counts = new Map(devices.map(({ name }) => [name, 0]));
      for (const { device } of sessions.values()) {
        if (device) counts.set(device.name, (counts.get(device.name) ?? 0) + 1);
      }
      return counts;
    },
    close() {
      for (const session of [...sessions.values()]) forget(session);
    },
  };
}

/** Output pixels per second of media, as go-livepeer core/lb.go estimates a session. */
export function loadOfProfiles(profiles: readonly VideoProfile[]): number {
  let load = 0;
  for (const { width, height, fps, fpsDen } of profiles) {
    load += width * height * (fps === 0 ? FPS_UNKNOWN : fps / Math.max(1, fpsDen));
  }
  return load;
}
