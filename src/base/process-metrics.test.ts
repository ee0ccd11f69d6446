import { match } from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from './metrics.ts';
import { processMetrics } from './process-metrics.ts';

test('a process tells how late its event loop was and what memory it takes', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const metrics = createMetrics();
  const stop = processMetrics(metrics);
  t.mock.timers.tick(10_000);
  const text = await metrics.text();
  match(text, /^tributary_process_event_loop_delay_seconds\{quantile="0.99"\} \d/m);
  match(text, /^tributary_process_resident_bytes [1-9]/m);
  stop();
});
