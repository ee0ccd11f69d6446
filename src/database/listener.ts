import pg from 'pg';
import type { Log } from '../base/log.ts';
import { createBackOff } from './back-off.ts';
import { unreachable } from './failures.ts';
import type { DatabaseMetrics } from './metrics.ts';

/** A listener that hears nothing must find out that its connection is dead. */
const HEARTBEAT_MS = 2_000;
/** With the heartbeat: a dead connection is noticed within 5 s. */
const ANSWER_MS = 3_000;

const CHANNEL = /^[a-z][a-z_]{0,62}$/;

/** What a subscriber is told. */
export interface ListenHandlers {
  message(payload: string): void;
  /** The connection was away and is back: messages may have been missed, so read everything anew. */
  reconnected(): void;
}

/** Ends one subscription. */
export interface Listening {
  stop(): Promise<void>;
}

export interface Listener {
  listen(channel: string, on: ListenHandlers): Promise<Listening>;
  close(): Promise<void>;
}

interface Connection {
  /** Whatever fails, the connection is taken for lost. */
  ask(statement: string): Promise<unknown>;
  end(): Promise<void>;
}

/**
 * One connection, opened at the first use, that hears all channels. It comes back with back-off and
 * then tells every subscriber, since NOTIFY is not repeated for those who were away.
 */
export function createListener(options: {
  connection: pg.ClientConfig;
  log: Log;
  waitMs: number;
  metrics: DatabaseMetrics;
}): Listener {
  const { log, waitMs } = options;
  const subscribers = new Map<string, Set<ListenHandlers>>();
  const closed = new AbortController();
  let current: Connection | undefined;
  let connecting: Promise<Connection> | undefined;

  async function open(): Promise<Connection> {
    const client = new pg.Client({ ...options.connection, query_timeout: ANSWER_MS });
    let lost = false;
    let heartbeat: NodeJS.Timeout | undefined;
    const lose = () => {
      if (lost) return;
      lost = true;
      clearInterval(heartbeat);
      if (current !== connection) return;
      current = undefined;
      options.metrics.lost();
      if (!closed.signal.aborted) void comeBack();
    };
    let last: Promise<unknown> = Promise.resolve();
    const connection: Connection = {
      // Its own line: pg warns of a client that is asked while others wait for it, and is to refuse it.
      ask(statement) {
        const asked = last.then(() => client.query(statement));
        last = asked.catch(() => {
          lose();
          void client.end().catch(() => {});
        });
        return asked;
      },
      end: () => client.end(),
    };
    client.on('error', lose);
    client.on('end', lose);
    client.on('notification', ({ channel, payload }) => {
      for (const on of subscribers.get(channel) ?? []) on.message(payload ?? '');
    });
    try {
      await client.connect();
      for (const channel of subscribers.keys()) await connection.ask(`listen "${channel}"`);
      if (lost || closed.signal.aborted) throw new Error('the connection was closed');
    } catch (error) {
      void client.end().catch(() => {});
      throw error;
    }
    current = connection;
    heartbeat = setInterval(() => void connection.ask('select 1').catch(() => {}), HEARTBEAT_MS);
    heartbeat.unref();
    return connection;
  }

  /** Opens the connection, again and again until `deadline`; callers meanwhile share the attempt. */
  function ensure(deadline: number): Promise<Connection> {
    if (current) return Promise.resolve(current);
    connecting ??= (async () => {
      const backOff = createBackOff();
      for (;;) {
        try {
          return await open();
        } catch (error) {
          if (closed.signal.aborted || performance.now() > deadline) {
            throw unreachable(error, waitMs);
          }
          await backOff.pause(closed.signal);
        }
      }
    })().finally(() => {
      connecting = undefined;
    });
    return connecting;
  }

  async function comeBack(): Promise<void> {
    log.warn('database_listener_lost');
    try {
      await ensure(Number.POSITIVE_INFINITY);
    } catch {
      return; // Only when closed.
    }
    log.info('database_listener_back');
    for (const handlers of subscribers.values()) {
      for (const on of handlers) on.reconnected();
    }
  }

  return {
    async listen(channel, on) {
      if (!CHANNEL.test(channel)) throw new RangeError(`not a channel name: ${channel}`);
      const handlers = subscribers.get(channel) ?? new Set();
      subscribers.set(channel, handlers);
      handlers.add(on);
      const stop = async () => {
        handlers.delete(on);
        if (handlers.size > 0 || subscribers.get(channel) !== handlers) return;
        subscribers.delete(channel);
        await current?.ask(`unlisten "${channel}"`).catch(() => {});
      };
      try {
        const connection = await ensure(performance.now() + waitMs);
        await connection.ask(`listen "${channel}"`);
      } catch (error) {
        await stop();
        throw unreachable(error, waitMs);
      }
      return { stop };
    },
    async close() {
      closed.abort();
      subscribers.clear();
      const connection = current;
      current = undefined;
      await connection?.end().catch(() => {});
      await connecting?.catch(() => {});
    },
  };
}
