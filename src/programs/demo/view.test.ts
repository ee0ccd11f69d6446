import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPaint, textWidth, VIEW_COLUMNS } from '../../base/terminal.ts';
import { busyText } from './busy.ts';
import { terminalSvg } from './svg.ts';
import { resultLines, type Scene, sceneLines, scenePlain } from './view.ts';

const plain = createPaint({ env: {}, isTty: false });
const colours = createPaint({ env: {}, isTty: true });

const scene: Scene = {
  headline: 'Working. 1 of 2 workers connected, no segment failed.',
  tone: 'paid',
  elapsedMs: 17_400,
  totalMs: 30_000,
  workers: [
    {
      name: 'heron',
      state: 'Killed at 0:15',
      tone: 'wrong',
      segments: 7,
      failedAttempts: 1,
      pixels: 303_782_400n,
    },
    { name: 'otter', state: 'Working', tone: 'paid', segments: 1, failedAttempts: 0, pixels: 5n },
  ],
  segments: { ok: 8, inFlight: 1, retried: 1, failed: 0 },
  addedMs: { p50: 912, p99: 2140 },
  chain: {
    active: true,
    round: 3n,
    roundInitialized: true,
    lastRewardRound: 3n,
    stake: 10n ** 21n,
    pendingFees: 15n * 10n ** 16n,
    ticketsReceived: 18n,
    ticketsWon: 10n,
    ticketsRedeemed: 9n,
    expectedValueWei: 144n * 10n ** 15n,
    redeemedWei: 144n * 10n ** 15n,
    queuedWinners: 1n,
    gasSpentWei: 5n,
  },
  events: ['0:15  heron was killed in the middle of a segment'],
};

const result = {
  headline: 'All 15 segments came back, although heron was killed in the middle of one.',
  ok: true,
  contributed: scene.workers.map((row) => ({ ...row, paid: '0.07123 ETH' })),
  checks: [{ name: 'Pixels agree', ok: true, figure: '303 Mpx decoded = counted = credited' }],
  chain: scene.chain,
  addedMs: scene.addedMs,
  events: scene.events,
  master: 'demo-output/master.m3u8',
};

test('the view says in words and 80 columns what goes on', () => {
  const lines = sceneLines(scene, plain);
  assert.equal(lines[0], `Tributary demo${' '.repeat(54)}0:17 of 0:30`);
  assert.match(
    lines.join('\n'),
    /heron {4}Killed at 0:15 +7 segments {3}303 Mpx\n +otter +Working +1 segment +5 px/,
  );
  assert.match(lines.join('\n'), /8 done · 1 in flight · 1 retried · 0 failed/);
  assert.match(lines.join('\n'), /added p50 912 ms · p99 2\.14 s/);
  assert.match(lines.join('\n'), /18 received · 10 won · 9 redeemed · 0\.144 ETH/);
  assert.match(lines.join('\n'), /round 3 · reward called/);
  for (const line of lines) assert.ok(textWidth(line) <= VIEW_COLUMNS, line);
  assert.deepEqual(sceneLines(scene, colours).map(textWidth), lines.map(textWidth));
  assert.equal(
    scenePlain(scene),
    '0:17 of 0:30  8 done · 1 retried · 0 failed · added p50 912 ms · p99 2.14 s',
  );
});

test('what stays on the screen is the outcome with its sums and checks', () => {
  const lines = resultLines(result, plain);
  assert.match(lines.join('\n'), /heron +7 +303,782,400 +1 +0\.07123 ETH\n/);
  assert.match(lines.join('\n'), /Together +8 +303,782,405 +1\n/);
  assert.match(lines.join('\n'), /Tickets won and redeemed +9 +144000000000000000 +0\.144 ETH/);
  assert.doesNotMatch(lines.join('\n'), /nobody/);
  assert.match(lines.join('\n'), /Held {4}Pixels agree {2}303 Mpx/);
  for (const line of lines) assert.ok(textWidth(line) <= VIEW_COLUMNS, line);
});

test('a demo that failed on a busy machine says so below its outcome', () => {
  const busy = busyText({ waiting: 34.2, cores: 2 }, undefined);
  const lines = resultLines(
    { ...result, ok: false, headline: '1 of 10 checks failed.', busy },
    plain,
  );
  assert.match(
    lines.join(' '),
    /failed\. Too little CPU may be why: the load of this machine is 34/,
  );
  for (const line of lines) assert.ok(textWidth(line) <= VIEW_COLUMNS, line);
});

test('fees that the contract credits to nobody have a line, so that the sums agree', () => {
  const chain = { ...scene.chain, pendingFees: 14n * 10n ** 16n };
  const text = resultLines({ ...result, chain } as typeof result, plain).join('\n');
  assert.match(text, /Fees on chain, to withdraw +140000000000000000 +0\.14 ETH/);
  assert.match(text, /Fees credited to nobody +4000000000000000 +0\.004 ETH/);
  assert.match(text, /In the round of its first reward/);
});

test('the picture holds every word of the screen, escaped, and no colour code', () => {
  const svg = terminalSvg(
    resultLines({ ...result, headline: 'a <b> & "c"' }, colours),
    'Tributary <demo>',
  );
  assert.match(svg, /^<svg xmlns=/);
  assert.match(svg, /<title>Tributary &#60;demo&#62;<\/title>/);
  assert.match(svg, /class="paid">a &#60;b&#62; &#38; &#34;c&#34;<\/text>/);
  assert.match(svg, /class="strong">Tributary demo<\/text>/);
  assert.ok(!svg.includes('\u001b'));
});
