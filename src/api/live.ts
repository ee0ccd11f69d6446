import type { ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Problem, problems, SAFE } from './problem.ts';
import { jsonText } from './replies.ts';

/** A page that moves once a second moves; more would be work for nobody. */
const EVERY_MS = 1_000;
/** About 20 KiB each with its connection: 50 MiB. */
const STREAMS_MAX = 2_500;
/** Several tabs of several people behind one address, or of one person. */
const STREAMS_EACH_MAX = 50;
/** What a reader that was away for a minute missed is there when it comes back. */
const KEPT = 60;
/** Proxies cut what is silent for half a minute. */
const BEAT_TICKS = 15;
/** Whoever was signed out sees no more after this. */
const CHECK_TICKS = 30;
/** A reader that is this far behind is not reading. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** In one go, about a millisecond, and the next ones this much later: segments pass in between. */
const SENT_AT_ONCE = 40;
const PAUSE_MS = 10;
/** All have it after half a second, however many they are. */
const SPREAD_MS = 500;
/** Until it has read this, it is not sent more: each snapshot is whole, so that it misses nothing. */
const UNREAD_BYTES_SKIP = 64 * 1024;

/** Who follows, and how it is known that it still may. */
export interface Follower {
  readonly response: ServerResponse;
  readonly peer: string | undefined;
  readonly actor: string | undefined;
  /** The id that it had last. */
  readonly after: string | undefined;
  stillAllowed(): Promise<boolean>;
}

/** Snapshots of live values as server-sent events: one a second for all who see the same. */
export interface Live {
  /**
   * Sends the snapshots of an audience from now on, and what was missed behind `after`. Refused where
   * there is no room.
   */
  follow(
    audience: string,
    snapshot: () => Promise<unknown>,
    follower: Follower,
  ): Problem | undefined;
  count(): number;
  close(): void;
}

interface Event {
  readonly number: number;
  readonly text: Buffer;
}

interface Audience {
  readonly snapshot: () => Promise<unknown>;
  readonly streams: Set<Stream>;
  readonly kept: Event[];
  last: string;
  /** Ticks without anybody; it is kept for a while, so that who comes back missed nothing. */
  alone: number;
  reading: boolean;
}

interface Stream extends Follower {
  /** The number of the event that it has. */
  sent: number;
  ticks: number;
}

export function createLive(parts: {
  readonly clock: Clock;
  readonly log: Log;
  readonly streamsMax?: number;
}): Live {
  const { clock, log, streamsMax = STREAMS_MAX } = parts;
  /** Of another start there are other numbers. */
  const start = clock.now().toString(36);
  const audiences = new Map<string, Audience>();
  const each = new Map<string, number>();
  let streams = 0;
  let number = 0;
  let timer: { cancel(): void } | undefined;

  function tick(): void {
    timer = undefined;
    for (const [name, audience] of audiences) {
      audience.alone = audience.streams.size === 0 ? audience.alone + 1 : 0;
      if (audience.alone > KEPT) audiences.delete(name);
      else void renew(audience);
    }
    if (audiences.size > 0) timer = clock.after(EVERY_MS, tick);
  }

  /** A snapshot that takes longer than a second is not asked for twice. */
  async function renew(audience: Audience): Promise<void> {
    if (audience.reading) return;
    audience.reading = true;
    try {
      const text = jsonText(await audience.snapshot()).trim();
      if (text !== audience.last) {
        audience.last = text;
        const event = { number: ++number, text: Buffer.from(eventText(number, text)) };
        audience.kept.push(event);
        if (audience.kept.length > KEPT) audience.kept.shift();
      }
    } catch (error) {
      log.warn('live_snapshot_failed', { error: messageOf(error) });
    } finally {
      audience.reading = false;
    }
    await send(audience);
  }

  async function send(audience: Audience): Promise<void> {
    const groups = Math.ceil(audience.streams.size / SENT_AT_ONCE);
    const pauseMs = Math.min(PAUSE_MS, Math.floor(SPREAD_MS / groups));
    let sent = 0;
    for (const stream of audience.streams) {
      advance(audience, stream);
      if (++sent % SENT_AT_ONCE !== 0) continue;
      await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
    }
  }

  function eventText(id: number, text: string): string {
    return `id: ${start}-${id}\ndata: ${text}\n\n`;
  }

  function advance(audience: Audience, stream: Stream): void {
    const { response } = stream;
    if (response.writableEnded) return;
    stream.ticks++;
    if (response.writableLength > UNREAD_BYTES_MAX) return void response.destroy();
    const newest = audience.kept.at(-1);
    if (newest && newest.number > stream.sent && response.writableLength < UNREAD_BYTES_SKIP) {
      stream.sent = newest.number;
      response.write(newest.text);
    } else if (stream.ticks % BEAT_TICKS === 0) response.write(': \n\n');
    if (stream.ticks % CHECK_TICKS === 0) void check(stream);
  }

  async function check(stream: Stream): Promise<void> {
    // While the database is away nobody is sent away for it.
    const allowed = await stream.stillAllowed().catch(() => true);
    if (!allowed) stream.response.end();
  }

  function roomFor(names: readonly string[]): boolean {
    return streams < streamsMax && names.every((name) => (each.get(name) ?? 0) < STREAMS_EACH_MAX);
  }

  function countFor(names: readonly string[], change: 1 | -1): void {
    streams += change;
    for (const name of names) {
      const count = (each.get(name) ?? 0) + change;
      if (count === 0) each.delete(name);
      else each.set(name, count);
    }
  }

  return {
    follow(name, snapshot, follower) {
      const { response, peer, actor, after } = follower;
      const names = [peer, actor].flatMap((one) => one ?? []);
      if (!roomFor(names)) return problems.streams;
      response.writeHead(200, HEADERS);
      if (response.req.method === 'HEAD') {
        response.end();
        return undefined;
      }
      const known = audiences.get(name);
      const audience = known ?? newAudience(snapshot);
      audiences.set(name, audience);
      const missed = missedAfter(audience, after);
      const sent = missed.at(-1)?.number ?? numberOf(after) ?? 0;
      const stream: Stream = { ...follower, sent, ticks: 0 };
      audience.streams.add(stream);
      countFor(names, 1);
      response.once('close', () => {
        if (audience.streams.delete(stream)) countFor(names, -1);
      });
      response.write(RETRY);
      for (const { text } of missed) response.write(text);
      if (!known) void renew(audience);
      timer ??= clock.after(EVERY_MS, tick);
      return undefined;
    },
    count: () => streams,
    close() {
      timer?.cancel();
      for (const { streams: open } of audiences.values()) {
        for (const { response } of open) response.end();
      }
      audiences.clear();
    },
  };

  /** What came behind an id, or the newest where that is not known any more. */
  function missedAfter({ kept }: Audience, after: string | undefined): readonly Event[] {
    const known = numberOf(after);
    const first = kept[0];
    if (known === undefined || !first || known < first.number - 1) return kept.slice(-1);
    return kept.filter((event) => event.number > known);
  }

  function numberOf(id: string | undefined): number | undefined {
    const [of, text = ''] = (id ?? '').split('-');
    if (of !== start || !/^\d{1,15}$/.test(text)) return undefined;
    const found = Number(text);
    return found <= number ? found : undefined;
  }
}

function newAudience(snapshot: () => Promise<unknown>): Audience {
  return { snapshot, streams: new Set(), kept: [], last: '', alone: 0, reading: false };
}

const HEADERS = {
  ...SAFE,
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Proxies that gather an answer before they pass it on would gather for ever.
  'x-accel-buffering': 'no',
} as const;
/** A browser comes back after so many milliseconds. */
const RETRY = 'retry: 3000\n\n';
