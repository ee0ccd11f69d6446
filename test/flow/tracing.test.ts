import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';

interface Span {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

/** A collector of OTLP over HTTP, which keeps what it is told. */
async function startCollector(t: { after(run: () => void): void }) {
  const spans: Span[] = [];
  const paths = new Set<string>();
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    paths.add(request.url ?? '');
    const { resourceSpans } = JSON.parse(Buffer.concat(pieces).toString()) as {
      resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
    };
    spans.push(
      ...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((one) => one.spans)),
    );
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { spans, paths, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('a collector sees the way of a segment, with the attempt that failed and the one that did not', async (t) => {
  const collector = await startCollector(t);
  const pool = await startTestPool(t, [`--otlp-url=${collector.url}`, '--otlp-share=1']);
  let first = true;
  for (let count = 0; count < 2; count++) {
    await joinStock(t, pool, {
      answer: async (task) => {
        if (!first) return goodAnswer(task);
        first = false;
        return { kind: 'error', text: 'this device broke' };
      },
    });
  }
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done');
  await eventually('the segment is told of', async () =>
    collector.spans.some(({ name }) => name === 'segment'),
  );

  assert.deepEqual([...collector.paths], ['/v1/traces']);
  const [segment] = collector.spans.filter(({ name }) => name === 'segment');
  assert.ok(segment && !segment.parentSpanId);
  assert.equal(segment.status?.code ?? 0, 0);
  const attempts = collector.spans.filter(({ name }) => name === 'attempt');
  assert.deepEqual(attempts.map(({ status }) => status?.message).sort(), ['error', undefined]);
  const good = attempts.find(({ status }) => status?.message === undefined);
  const steps = collector.spans.filter(({ parentSpanId }) => parentSpanId === good?.spanId);
  const names = ['fetch', 'transcode', 'upload', 'verify', 'store'];
  assert.deepEqual(
    steps.map(({ name }) => name),
    names,
  );
  const ofSegment = collector.spans.filter(({ parentSpanId }) => parentSpanId === segment.spanId);
  assert.deepEqual(
    ofSegment.map(({ name }) => name).toSorted(),
    ['admit', 'attempt', 'attempt', 'dispatch', 'dispatch', 'receive', 'reply'],
    'front, dispatch, worker, verify and ledger: nothing of the way is left out',
  );
  const [second] = ofSegment.filter(({ name }) => name === 'dispatch').slice(-1);
  assert.equal(second?.endTimeUnixNano, good?.startTimeUnixNano, 'dispatched, then attempted');
  for (const { startTimeUnixNano, endTimeUnixNano } of collector.spans) {
    assert.ok(BigInt(startTimeUnixNano) <= BigInt(endTimeUnixNano));
    assert.ok(BigInt(startTimeUnixNano) >= BigInt(segment.startTimeUnixNano));
  }
  const told = JSON.stringify(collector.spans);
  assert.doesNotMatch(told, /127\.0\.0\.1|https?:|trib_/, 'no address, URL or credential');
});

test('a collector that is away costs no segment', async (t) => {
  const pool = await startTestPool(t, ['--otlp-url=http://127.0.0.1:9', '--otlp-share=1']);
  await joinStock(t, pool);
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  for (let count = 0; count < 3; count++) {
    const reply = await gateway.submit(await gateway.session(), await stampedSource());
    assert.equal(reply.result?.result.kind, 'done');
  }
});

test('nobody is told of anything unless the operator says where', async (t) => {
  const collector = await startCollector(t);
  const pool = await startTestPool(t, ['--otlp-share=1']);
  await joinStock(t, pool);
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done');
  await pool.stop();
  assert.deepEqual([...collector.paths], []);
});
