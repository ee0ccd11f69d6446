import type { Instant } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import type { Span, Tracing } from '../../base/spans.ts';
import type { PoolSettings } from './settings.ts';

/** Spans that wait while the collector is slow; what comes on top is dropped. */
const WAITING_MAX = 4_096;
const BATCH_MAX = 512;
const EVERY_MS = 2_000;
const ANSWER_MS = 10_000;
/** The pool ends without a collector that does not answer. */
const CLOSE_MS = 1_000;

/** Tracing while the pool runs. */
export interface RunningTracing extends Tracing {
  /** Sends what waits. */
  close(): Promise<void>;
}

/**
 * Sends the ways of a share of all segments to an OpenTelemetry collector (OTLP over HTTP), when the
 * settings name one. Nothing of it is loaded otherwise. A collector that is slow or away costs spans,
 * never a segment.
 *
 * @param random from 0 to 1, for each segment
 */
export async function openTracing(
  { otlpUrl, otlpShare }: Pick<PoolSettings, 'otlpUrl' | 'otlpShare'>,
  random: () => number,
): Promise<RunningTracing | undefined> {
  if (otlpUrl === undefined) return undefined;
  const [api, { BasicTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, resources] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const provider = new BasicTracerProvider({
    resource: resources.resourceFromAttributes({ 'service.name': 'tributary-pool' }),
    spanProcessors: [
      new BatchSpanProcessor(
        new OTLPTraceExporter({ url: tracesUrl(otlpUrl), timeoutMillis: ANSWER_MS }),
        {
          maxQueueSize: WAITING_MAX,
          maxExportBatchSize: BATCH_MAX,
          scheduledDelayMillis: EVERY_MS,
          exportTimeoutMillis: ANSWER_MS,
        },
      ),
    ],
  });
  const tracer = provider.getTracer('tributary');

  function send({ name, from, to, facts, failed, inside = [] }: Span, parent = api.ROOT_CONTEXT) {
    const span = tracer.startSpan(name, { startTime: date(from), attributes: facts ?? {} }, parent);
    if (failed !== undefined) {
      span.setStatus({ code: api.SpanStatusCode.ERROR, message: failed });
      span.setAttribute('reason', failed);
    }
    const below = api.trace.setSpan(parent, span);
    for (const one of inside) send(one, below);
    span.end(date(to));
  }

  return {
    wants: () => random() < otlpShare,
    record: (span) => send(span),
    async close() {
      const late = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref());
      // What a collector that is away misses, nobody needs.
      await Promise.race([provider.shutdown().catch(() => {}), late]);
    },
  };
}

const date = (at: Instant) => new Date(at);

/** protocol: OTLP/HTTP, traces go to `v1/traces` below the address of the collector. */
function tracesUrl(base: string): string {
  if (!URL.canParse(base)) {
    throw new TributaryError('setting_invalid', '--otlp-url is not the address of a collector.');
  }
  return new URL('v1/traces', base.endsWith('/') ? base : `${base}/`).href;
}
