import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overviewText, standingOf, standingText } from '../../web/worker/standing.ts';
import { sum } from '../../web/worker/sums.ts';
import { earnedCharts, hoursOf } from '../../web/worker/work-charts.ts';

const clock = (iso: string) => iso.slice(11, 16);
const machine = {
  name: 'heron',
  state: 'active',
  status: 'Working',
  connections: 1,
  sessions: 3,
  capacity: 8,
};

test('a state is said in words, with what to do next or that nothing needs doing', () => {
  const quarantined = 'Quarantined until 2026-12-03T14:05:00.000Z: its last results failed';
  const cases = [
    [{}, 'Working. 3 of 8 sessions. Nothing needs your attention.'],
    [
      { status: 'Idle: no demand', sessions: 0 },
      'Idle: no demand. 0 of 8 sessions. Nothing needs your attention.',
    ],
    [
      { state: 'paused', status: 'Paused: resume it to give it work' },
      'Paused. 3 of 8 sessions. It gets no new work until it is resumed.',
    ],
    [
      { status: quarantined },
      /^Quarantined until 14:05\. 3 of 8 sessions\. Its last results failed/,
    ],
    [
      { status: 'Not connected', connections: 0, sessions: 0, capacity: 0 },
      /^Not connected\. Start the worker program/,
    ],
    [
      { state: 'revoked', status: 'Revoked', connections: 0, capacity: 0 },
      /^Revoked\. .*stays yours/,
    ],
  ] as const;
  for (const [change, wanted] of cases) {
    const text = overviewText([{ ...machine, ...change }], clock);
    if (typeof wanted === 'string') assert.equal(text, wanted);
    else assert.match(text, wanted);
  }
  assert.equal(standingText(standingOf({ ...machine, status: quarantined }), clock).length, 23);
});

test('of several machines the one that needs somebody is named', () => {
  const away = { ...machine, name: 'kiln-2', status: 'Not connected', connections: 0, capacity: 0 };
  const gone = { ...away, sessions: 0 };
  assert.match(
    overviewText([machine, gone], clock),
    /^1 of 2 machines are connected\. 3 of 8 sessions\. kiln-2: not connected\. Start the worker/,
  );
  const both = overviewText([machine, gone, { ...gone, name: 'otter' }], clock);
  assert.match(both, /kiln-2: not connected\. 1 more needs a look\.$/);
  assert.match(overviewText([machine, machine], clock), /Nothing needs your attention\.$/);
});

test('hours without work are zero, and not left out', () => {
  const now = Date.parse('2026-12-03T14:30:00Z');
  const work = { at: '2026-12-03T12:00:00.000Z', jobs: 2, pixels: '5', p50Ms: 40, p95Ms: 60 };
  const earned = [{ asset: 'ETH', amount: '1500000000000000', decimals: 18 }];
  const hours = hoursOf([{ ...work, earned, failures: [] }], { now, hours: 4 });
  assert.deepEqual(
    hours.map(({ jobs, p50Ms }) => [jobs, p50Ms]),
    [
      [0, null],
      [2, 40],
      [0, null],
      [0, null],
    ],
  );
  const [chart, ...others] = earnedCharts(hours);
  assert.deepEqual(
    chart?.series[0]?.points.map(([, value]) => value),
    [0, 0.0015, 0, 0],
  );
  assert.equal(others.length, 0);
});

test('amounts are added up by asset, exactly', () => {
  const eth = (amount: string) => ({ asset: 'ETH', amount, decimals: 18 });
  const lpt = { asset: 'LPT', amount: '7', decimals: 18 };
  assert.deepEqual(sum([eth('90071992547409931'), lpt, eth('2')]), [eth('90071992547409933'), lpt]);
  assert.deepEqual(sum([eth('5'), eth('-5')]), []);
});
