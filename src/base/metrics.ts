import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * Declares metrics named `tributary_<folder>_<thing>_<unit>` on one registry. Labels come from
 * closed sets only, so their number is bounded.
 */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  /** `read`, if given, is asked whenever somebody looks. */
  gauge(name: string, help: string, labels?: readonly string[], read?: () => number): Gauge;
  histogram(name: string, help: string, buckets: number[], labels?: readonly string[]): Histogram;
  /** The text of `/metrics`. */
  text(): Promise<string>;
}

/** A registry of its own, so that two programs in one process do not share counts. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    counter: (name, help, labels = []) =>
      new Counter({ name, help, labelNames: labels, registers }),
    gauge(name, help, labels = [], read) {
      const gauge = new Gauge({ name, help, labelNames: labels, registers });
      if (read) Object.assign(gauge, { collect: () => gauge.set(read()) });
      return gauge;
    },
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ name, help, buckets, labelNames: labels, registers }),
    text: () => registry.metrics(),
  };
}
