import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { declaredMetrics } from '../../scripts/docs-metrics.ts';
import { findPromtool } from '../../scripts/promtool.ts';
import type { Instant } from '../../src/base/clock.ts';
import {
  type ConnectionId,
  type JobId,
  type SessionId,
  secureRandom,
  type WorkerId,
} from '../../src/base/ids.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { createDispatch } from '../../src/dispatch/dispatch.ts';
import { dispatchMetrics } from '../../src/dispatch/metrics.ts';
import { workersMetrics } from '../../src/workers/metrics.ts';
import type { Worker } from '../../src/workers/worker.ts';
import { startTestPool } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const RULES = join(ROOT, 'deploy/prometheus/alerts.yml');
const BOARDS = globSync('deploy/grafana/*.json', { cwd: ROOT });
const run = promisify(execFile);

/** Every expression of the boards and rules, with where it stands. */
function expressions(): readonly { readonly where: string; readonly expr: string }[] {
  const rules = readFileSync(RULES, 'utf8').matchAll(/alert: (\w+)\n\s+expr: >-\n\s+(.+)\n/g);
  const alerts = [...rules].map(([, where = '', expr = '']) => ({ where, expr }));
  const boards = BOARDS.flatMap((file) => {
    const { panels } = JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as {
      panels: { title: string; targets?: { expr: string }[] }[];
    };
    return panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ where: `${file}: ${title}`, expr })),
    );
  });
  assert.ok(alerts.length > 20 && boards.length > 20);
  return [...alerts, ...boards];
}

test('boards and alerts name metrics and labels that there are', async () => {
  const declared = new Map((await declaredMetrics()).map((metric) => [metric.name, metric]));
  for (const { where, expr } of expressions()) {
    for (const [, name = '', , selector = ''] of expr.matchAll(
      /\b(tributary_\w+)(\{([^}]*)\})?/g,
    )) {
      const metric = declared.get(name) ?? declared.get(name.replace(/_(bucket|count|sum)$/, ''));
      assert.ok(metric, `${where}: there is no ${name}`);
      for (const [, label = ''] of selector.matchAll(/(\w+)\s*[=!]~?/g)) {
        assert.ok(metric.labels.includes(label), `${where}: ${name} has no label ${label}`);
      }
    }
    for (const [, labels = ''] of expr.matchAll(/by \(([^)]*)\)/g)) {
      const known = new Set([...declared.values()].flatMap((metric) => [...metric.labels, 'le']));
      for (const label of labels.split(','))
        assert.ok(known.has(label.trim()), `${where}: ${label}`);
    }
  }
});

test('each alert says what to do about it', () => {
  const guide = readFileSync(join(ROOT, 'docs/guides/alerts.md'), 'utf8');
  const rules = readFileSync(RULES, 'utf8');
  const alerts = [...rules.matchAll(/alert: (\w+)/g)].map(([, name = '']) => name);
  const pages = [...guide.matchAll(/^## (\w+)$/gm)].map(([, name = '']) => name);
  assert.deepEqual(alerts.toSorted(), pages.toSorted());
  for (const name of alerts) {
    assert.match(rules, new RegExp(`runbook: docs/guides/alerts.md#${name.toLowerCase()}\n`));
  }
});

test('Prometheus takes the rules, and they fire when they should and only then', async (t) => {
  const promtool = await promtoolOrSkip(t);
  if (!promtool) return;
  const cwd = join(ROOT, 'deploy/prometheus');
  await run(promtool, ['check', 'rules', 'alerts.yml'], { cwd });
  await run(promtool, ['check', 'config', 'prometheus.yml'], { cwd });
  await run(promtool, ['test', 'rules', 'alerts.test.yml'], { cwd });
});

test('the metrics of a pool are well formed, and as many with workers as without', async (t) => {
  const pool = await startTestPool(t);
  const read = async () => (await fetch(`${pool.adminUrl}/metrics`)).text();
  const series = (text: string) =>
    new Set(
      text
        .split('\n')
        .filter((line) => /^tributary_/.test(line))
        .map((line) => line.split(' ')[0]),
    );
  await joinStock(t, pool);
  const one = series(await read());
  for (let count = 0; count < 4; count++) await joinStock(t, pool);
  const text = await read();
  assert.deepEqual(
    [...series(text)].filter((name) => !one.has(name)),
    [],
  );
  assert.doesNotMatch(text, /\bworker="/);

  const promtool = await promtoolOrSkip(t);
  if (!promtool) return;
  const checking = run(promtool, ['check', 'metrics']);
  checking.child.stdin?.end(text);
  await checking;
});

/** Labels whose values are a closed list, or as many as the operator names. */
const LABELS = new Set([
  ...['outcome', 'reason', 'state', 'status', 'verdict', 'how', 'why', 'kind', 'type', 'ended'],
  ...['duty', 'end', 'alarm', 'protocol', 'quantile', 'provider', 'asset', 'what'],
]);

test('metrics are named as Prometheus asks, and no label holds what there are thousands of', async () => {
  const declared = await declaredMetrics();
  assert.ok(declared.length > 50);
  const folders = new Set(
    globSync('src/**/{metrics,*-metrics}.ts', { cwd: ROOT }).map((file) => file.split('/')[1]),
  );
  for (const { name, kind, help, labels } of declared) {
    assert.match(name, /^tributary(_[a-z0-9]+){2,}$/, name);
    const [, folder = ''] = name.split('_');
    assert.ok(folders.has(folder) || ['process', 'worker'].includes(folder), `${name}: ${folder}`);
    assert.equal(name.endsWith('_total'), kind === 'counter', `${name} is a ${kind}`);
    assert.doesNotMatch(name, /_(bucket|count|sum)$/, `${name} is taken for a part of a histogram`);
    assert.doesNotMatch(name, /_(ms|millis\w*|micros\w*|minutes|hours|kib|mib|kb|mb|percent)(_|$)/);
    if (kind === 'histogram') assert.match(name, /_(seconds|bytes|contributions)$/, name);
    assert.match(help, /^[A-Z0-9].*\.$/, `${name} says what it is in a sentence`);
    for (const label of labels) assert.ok(LABELS.has(label), `${name} has the label ${label}`);
  }
});

test('10,000 workers make as many series as ten', async () => {
  const seriesOf = async (count: number) => {
    const metrics = createMetrics();
    const dispatch = createDispatch({ random: secureRandom });
    dispatchMetrics(metrics, dispatch);
    const now = 1_700_000_000_000 as Instant;
    const workers: Worker[] = [];
    for (let i = 0; i < count; i++) {
      const worker = `w${i}` as WorkerId;
      const connection = `c${i}` as ConnectionId;
      dispatch.apply({ type: 'worker_joined', connection, worker, capacity: 2, bits: 1n }, now);
      workers.push({
        ...{ id: worker, name: worker, state: 'active', payoutAddress: undefined },
        ...{ createdAt: now, validSecrets: 1 },
      });
    }
    for (let i = 0; i < count; i++) {
      dispatch.apply(
        {
          ...{ type: 'job_submitted', job: `j${i}` as JobId, session: `s${i}` as SessionId },
          ...{ needs: { bits: 1n }, durationMs: 2_000, renditionCount: 1 },
          deadlineAt: (now + 8_000) as Instant,
        },
        now,
      );
    }
    const counts = workersMetrics(metrics);
    counts.enrolled(workers);
    const text = await metrics.text();
    assert.match(text, new RegExp(`^tributary_dispatch_workers ${count}$`, 'm'));
    assert.match(
      text,
      new RegExp(`^tributary_workers_enrolled\\{state="active"\\} ${count}$`, 'm'),
    );
    return text
      .split('\n')
      .filter((line) => line.startsWith('tributary_'))
      .map((line) => line.slice(0, line.lastIndexOf(' ')));
  };
  assert.deepEqual(await seriesOf(10_000), await seriesOf(10));
});

/** Says so where the checker is not to be had: that is for the machine to bring, not for the rules. */
async function promtoolOrSkip(t: TestContext): Promise<string | undefined> {
  const found = await findPromtool();
  if (!found) t.skip('promtool is not here, and apt-get cannot fetch it');
  return found;
}
