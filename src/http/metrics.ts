import type { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../base/metrics.ts';

export interface HttpMetrics {
  readonly connections: Gauge<'protocol'>;
  readonly exchanges: Gauge<'protocol'>;
  readonly refused: Counter<'reason'>;
}

const declared = new WeakMap<Metrics, HttpMetrics>();

/** The metrics of this folder; several listeners of one program share them. */
export function httpMetrics(metrics: Metrics): HttpMetrics {
  const known = declared.get(metrics);
  if (known) return known;
  const made = {
    connections: metrics.gauge(
      'tributary_http_connections',
      'Open connections past their TLS handshake.',
      ['protocol'],
    ),
    exchanges: metrics.gauge('tributary_http_exchanges', 'Requests running now.', ['protocol']),
    refused: metrics.counter(
      'tributary_http_refused_total',
      'Connections and requests refused or cut by a limit of the listener.',
      ['reason'],
    ),
  };
  declared.set(metrics, made);
  return made;
}
