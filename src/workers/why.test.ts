import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AssetId, ETH } from '../base/asset.ts';
import { bitsOf } from '../protocol/capabilities.ts';
import { shareNames, type WorkerCounts } from './demand-store.ts';
import { estimateEarnings, type WorkerWeek } from './estimate.ts';
import { failureViews } from './failures.ts';
import { type WhyInput, why } from './why.ts';

const HOUR = 3_600_000;
const now = Date.UTC(2026, 5, 1, 12);
const H264 = bitsOf('H264');
const HEVC = bitsOf('HEVCEncode');

function counted(some: Partial<WorkerCounts>): WorkerCounts {
  const none = Object.fromEntries([...shareNames, 'faster'].map((name) => [name, 0]));
  return { ...none, ...some } as WorkerCounts;
}

function input(some: Partial<WhyInput>): WhyInput {
  return {
    period: { since: now - HOUR, until: now },
    jobs: 0,
    asked: {},
    counts: counted({}),
    failed: 0,
    bits: H264,
    onlineMs: HOUR,
    nodes: 1,
    speed: { mineMs: undefined, theirsMs: undefined },
    curve: [],
    ...some,
  };
}

test('a slow worker is told so, with figures and the step that would change it', () => {
  const answer = why(
    input({
      jobs: 412,
      asked: { [H264.toString(16)]: 390, [(H264 | HEVC).toString(16)]: 22 },
      counts: counted({ passed: 388, faster: 388, paused: 2, capability: 22 }),
      bits: H264 | bitsOf('VP9Encode'),
      speed: { mineMs: 610.4, theirsMs: 240 },
    }),
  );
  assert.equal(answer.couldHaveTaken, 390);
  assert.equal(answer.verdict, 'missed');
  assert.equal(
    answer.text,
    'In the last hour 412 jobs came. You could have taken 390. 388 went to faster workers (your p95 610 ms, theirs 240 ms), 22 asked for what your machines do not offer, 2 came while you were paused. Asked for and not offered by you: HEVCEncode (22). Nothing asked for VP9Encode. Take fewer sessions at once, use a wired network near the pool, or a faster device: whoever answers sooner is preferred.',
  );
});

test('who paused its worker itself is told that it can resume it', () => {
  const answer = why(input({ jobs: 40, counts: counted({ paused: 40 }) }));
  assert.match(answer.text, /40 came while you were paused\..* Resume this worker on its page/);
});

test('what a device offers and nobody uses is named while it is short, and listed always', () => {
  const many = bitsOf('VP9Encode', 'HEVCEncode', 'MP4', 'StorageDirect');
  const asked = { [H264.toString(16)]: 9 };
  const answer = why(input({ jobs: 9, asked, bits: H264 | many }));
  assert.equal(answer.notAsked.length, 4);
  assert.doesNotMatch(answer.text, /Nothing asked for/);
});

test('when nothing is wrong, demand is low, and it is shown as a curve', () => {
  const curve = [{ hour: now - HOUR, jobs: 2 }];
  const answer = why(input({ jobs: 2, counts: counted({ passed: 1, given: 1 }), curve }));
  assert.equal(answer.verdict, 'no_demand');
  assert.match(answer.text, /2 jobs came\. .* You did 1\. .* Nothing is wrong: demand is low\.$/);
  assert.deepEqual(answer.curve, curve);
  assert.equal(
    why(input({})).text,
    'In the last hour no job came. Nothing is wrong: demand is low.',
  );
});

test('what came while nobody was there is told from what came to another node', () => {
  const missed = (some: Partial<WhyInput>) => why(input({ jobs: 10, ...some })).parts;
  assert.deepEqual(
    missed({ counts: counted({ given: 4 }), onlineMs: HOUR / 2 }).map(({ reason, jobs }) => [
      reason,
      jobs,
    ]),
    [['not_connected', 6]],
  );
  assert.deepEqual(
    missed({ counts: counted({ given: 4 }), nodes: 2 }).map(({ reason, jobs }) => [reason, jobs]),
    [['elsewhere', 6]],
  );
});

test('a worker that gets its part of the work is told that, too', () => {
  const counts = counted({ given: 60, passed: 60, faster: 0, full: 10 });
  const { verdict, parts, text } = why(input({ jobs: 130, counts }));
  assert.equal(verdict, 'fair_share');
  assert.deepEqual(
    parts.map(({ reason }) => reason),
    ['luck', 'full'],
  );
  assert.match(text, /Nothing is wrong: you get your part of it\.$/);
});

test('every job is in one part, or was got', () => {
  const count = fc.nat(1_000);
  const share = fc.record(Object.fromEntries(shareNames.map((name) => [name, count])));
  fc.assert(
    fc.property(
      share,
      fc.double({ min: 0, max: 1, noNaN: true }),
      count,
      count,
      (some, f, away, bad) => {
        const counts = counted({ ...some, faster: (some.passed ?? 0) * f });
        const known = shareNames.reduce((sum, name) => sum + counts[name], 0);
        const answer = why(input({ jobs: known + away, counts, failed: bad }));
        const parts = answer.parts.reduce((sum, { jobs }) => sum + jobs, 0);
        assert.equal(parts + answer.got, answer.jobs);
      },
    ),
  );
});

test('failures are said in words that say what to do', () => {
  const views = failureViews({ 'late:late': 2, 'rejected:wrong_frame_count': 5, 'new:thing': 1 });
  assert.deepEqual(
    views.map(({ what, count }) => [what, count]),
    [
      ['rejected:wrong_frame_count', 5],
      ['late:late', 2],
      ['new:thing', 1],
    ],
  );
  assert.match(views[0]?.text ?? '', /refused it: wrong frame count\.$/);
  assert.ok(views.every(({ step }) => step.endsWith('.')));
});

const WEEK = 7 * 24 * HOUR;

function weeksOf(worker: string, amounts: readonly bigint[], share = 1): WorkerWeek[] {
  return amounts.map((amount, index) => ({
    worker,
    gpuClass: 'RTX 4090',
    week: now - index * WEEK,
    onlineMs: WEEK * share,
    earned: { [ETH]: amount } as Record<AssetId, bigint>,
  }));
}

test('the calculator says what it rests on, and that a whole week was reckoned', () => {
  const history = [...weeksOf('a', [100n, 300n]), ...weeksOf('b', [100n, 200n], 0.5)];
  const estimate = estimateEarnings('rtx 4090', history);
  assert.ok(estimate.ok);
  assert.deepEqual(estimate.perWeek, [{ asset: ETH, low: 100n, middle: 200n, high: 300n }]);
  assert.deepEqual([estimate.workers, estimate.weeks, estimate.sure], [2, 2, 'somewhat']);
  assert.match(estimate.text, /From 4 weeks of 2 workers over 2 weeks/);
});

test('the calculator says when it cannot say', () => {
  const reason = (history: readonly WorkerWeek[], gpuClass = 'RTX 4090') => {
    const estimate = estimateEarnings(gpuClass, history);
    return estimate.ok ? undefined : estimate.reason;
  };
  assert.equal(reason([]), 'no_such_class');
  assert.equal(reason(weeksOf('a', [1n, 2n]), 'GTX 970'), 'no_such_class');
  assert.equal(reason(weeksOf('a', [1n, 2n, 3n])), 'too_few_workers');
  assert.equal(reason([...weeksOf('a', [1n, 2n]), ...weeksOf('b', [1n], 0.1)]), 'too_few_workers');
  assert.equal(reason([...weeksOf('a', [1n]), ...weeksOf('b', [1n])]), 'too_short');
});

test('an estimate lies within what was seen, whatever that is', () => {
  fc.assert(
    fc.property(
      fc.array(fc.bigInt({ min: 0n, max: 2n ** 90n }), { minLength: 2, maxLength: 30 }),
      (amounts) => {
        const estimate = estimateEarnings('RTX 4090', [
          ...weeksOf('a', amounts),
          ...weeksOf('b', amounts),
        ]);
        assert.ok(estimate.ok);
        const [only] = estimate.perWeek;
        assert.ok(only && only.low <= only.middle && only.middle <= only.high);
        assert.ok(amounts.includes(only.low) && amounts.includes(only.high));
      },
    ),
  );
});
