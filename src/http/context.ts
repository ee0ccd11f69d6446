import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Connection, Exchange } from './exchange.ts';
import type { ListenerLimits } from './limits.ts';
import type { HttpMetrics } from './metrics.ts';
import type { Peers } from './peers.ts';
import type { PendingWrites } from './pending-writes.ts';

/** What both protocols of a listener share. */
export interface ListenerContext {
  readonly limits: ListenerLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: HttpMetrics;
  readonly peers: Peers;
  readonly connections: Set<ServedConnection>;
  readonly handle: (exchange: Exchange) => Promise<void>;
}

/** A connection past its TLS handshake, as the listener looks after it. */
export interface ServedConnection extends Connection {
  readonly protocol: 'h2' | 'http/1.1';
  /** Asked once a second: closes what idles, hangs or never began. */
  look(now: number): void;
}

/** An exchange as its connection looks after it. */
export interface ServedExchange extends Exchange {
  readonly writes: PendingWrites;
  /** Ends it without a proper response. */
  cut(): void;
}

/** Runs the listener's handler on one exchange; whatever it throws stays inside. */
export async function serve(context: ListenerContext, exchange: ServedExchange): Promise<void> {
  const { peers, limits, log, metrics } = context;
  try {
    if (peers.exchanges.of(exchange.peer) > limits.exchangesPerAddressMax) {
      metrics.refused.inc({ reason: 'exchanges_per_address' });
      return await reply(exchange, 503, 'Service Unavailable');
    }
    if (!exchange.path.startsWith('/')) return await reply(exchange, 400, 'Bad Request');
    await context.handle(exchange);
    if (!exchange.responded) await reply(exchange, 404, 'Not Found');
  } catch (error) {
    // The text of an unexpected error may hold anything, so only its kind is written down.
    log.error('exchange_failed', { reason: error instanceof Error ? error.name : typeof error });
    if (exchange.ended) return;
    if (exchange.responded) exchange.cut();
    else await reply(exchange, 500, 'Internal Server Error').catch(() => exchange.cut());
  }
}

/** A short answer in plain text with a newline, as Go's `http.Error` gives it. */
export async function reply(
  exchange: Exchange,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const body = Buffer.from(`${text}\n`);
  exchange.respond(status, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'content-length': String(body.length),
    ...headers,
  });
  await exchange.end(body);
}

/** Splits a request target; the absolute form of a proxy request counts by its path. */
export function splitTarget(target: string): { path: string; query: string } {
  const local = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '');
  const mark = local.indexOf('?');
  return mark < 0
    ? { path: local, query: '' }
    : { path: local.slice(0, mark), query: local.slice(mark + 1) };
}

/** The declared length of a body; undefined when there is none or it is not a number. */
export function parseLength(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
