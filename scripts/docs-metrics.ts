import { globSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics, type Metrics } from '../src/base/metrics.ts';
import { generatedFrom } from './docs-pages.ts';

const ROOT = join(import.meta.dirname, '..');

/** One metric as a folder declares it. */
export interface DeclaredMetric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/**
 * Every metric of the project: each function whose name ends in `Metrics`, exported by a folder's
 * `metrics.ts` or `…-metrics.ts`, is called once with a registry that writes down what it declares.
 */
export async function declaredMetrics(): Promise<readonly DeclaredMetric[]> {
  const declared: DeclaredMetric[] = [];
  const metrics = recording(declared);
  const files = globSync('src/**/{metrics,*-metrics}.ts', { cwd: ROOT }).filter(
    (file) => file !== 'src/base/metrics.ts',
  );
  for (const file of files.sort()) {
    const module = (await import(join(ROOT, file))) as Readonly<Record<string, unknown>>;
    for (const [name, value] of Object.entries(module)) {
      if (typeof value !== 'function' || !/[mM]etrics$/.test(name)) continue;
      // Some watch something until they are told to end.
      const made: unknown = value(metrics);
      if (typeof made === 'function') made();
    }
  }
  return declared.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function recording(declared: DeclaredMetric[]): Metrics {
  const real = createMetrics();
  return {
    counter(name, help, labels = []) {
      declared.push({ name, kind: 'counter', help, labels });
      return real.counter(name, help, labels);
    },
    gauge(name, help, labels = [], read) {
      declared.push({ name, kind: 'gauge', help, labels });
      return real.gauge(name, help, labels, read);
    },
    histogram(name, help, buckets, labels = []) {
      declared.push({ name, kind: 'histogram', help, labels });
      return real.histogram(name, help, buckets, labels);
    },
    text: () => real.text(),
  };
}

/** docs/reference/metrics.md. */
export async function metricsPage(): Promise<string> {
  const rows = (await declaredMetrics()).map(
    ({ name, kind, help, labels }) =>
      `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return `${generatedFrom('src/*/metrics.ts')}
# Metrics

The pool serves them in the Prometheus text format at \`/metrics\` of its admin address. Labels come
from closed sets, so their number is bounded.

| metric | kind | labels | what it says |
|---|---|---|---|
${rows.join('\n')}
`;
}
