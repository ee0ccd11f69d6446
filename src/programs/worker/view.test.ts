import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, type Instant } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import type { Io } from '../../base/terminal.ts';
import type { LinkState } from './link.ts';
import { createTally } from './tally.ts';
import { closingLine, createWorkerView, liveLine } from './view.ts';
import type { WorkerStatus } from './worker.ts';

const plain = (_tone: unknown, text: string) => text;
const connected: LinkState = { state: 'connected', since: 0 as Instant };

function status(link: LinkState, change: Partial<WorkerStatus> = {}): WorkerStatus {
  const tally = createTally();
  tally.posted({ mediaMs: 2000, transcodeMs: 950, pixels: 1_240_000_000n });
  const base = {
    draining: false,
    sessions: 3,
    capacity: 8,
    running: 1,
    onDevices: new Map(),
    receipts: undefined,
  };
  return { ...base, link, tally, ...change };
}

function terminal(isTty: boolean, env: Io['env'] = {}) {
  const written: string[] = [];
  const stdout = { write: (text: string) => void written.push(text) };
  return { io: { stdout, stderr: stdout, env, isTty, columns: 80 } satisfies Io, written };
}

test('the live line tells state, sessions, segments, speed and the last error', () => {
  const working = status(connected);
  assert.equal(
    liveLine(working, 0, plain),
    'Working · 3 of 8 sessions · 1 segment · 2.1× real time',
  );
  working.tally.failed('No keyframes\u001b[2J in input');
  assert.equal(
    liveLine({ ...working, running: 0 }, 0, plain),
    'Idle: no demand · 3 of 8 sessions · 1 segment · 2.1× real time · 1 failed · last: No keyframes in input',
  );
  const waiting = status({ state: 'waiting', until: 12_000 as Instant, reason: 'x' });
  assert.match(liveLine(waiting, 0, plain), /^Retry in 12 s · /);
});

test('where there is no terminal, a line is printed for each change of state only', () => {
  const { io, written } = terminal(false);
  const clock = new FakeClock();
  const view = createWorkerView(io, clock);
  for (const sessions of [1, 2, 3]) {
    view.show(status(connected, { sessions }));
    clock.advance(1_000);
  }
  view.show(status({ state: 'waiting', until: 0 as Instant, reason: 'lost' }));
  view.close(status({ state: 'closed' }));
  assert.deepEqual(written, [
    'Working. Nothing needs your attention.\n',
    'Not connected: lost. Trying again by itself.\n',
    'Left. 1 segment, none failed, 1.24 Gpx, 2.1× real time.\n',
  ]);
});

test('a terminal gets one line redrawn in place, without colour where NO_COLOR is set', () => {
  const { io, written } = terminal(true, { NO_COLOR: '1' });
  const clock = new FakeClock();
  const view = createWorkerView(io, clock);
  view.show(status(connected));
  view.show(status(connected, { sessions: 4 }));
  assert.equal(written.length, 1, 'changes within a quarter of a second share a redraw');
  clock.advance(250);
  assert.equal(written.length, 2);
  assert.match(written[1] ?? '', /4 of 8 sessions/);
  assert.ok(!written.join('').includes('\u001b[32m'));
});

test('who was refused gets no closing line', () => {
  const { io, written } = terminal(false);
  const error = new TributaryError('credential_invalid', 'No.');
  createWorkerView(io, new FakeClock()).close(status({ state: 'refused', error }));
  assert.deepEqual(written, []);
  assert.match(closingLine(status({ state: 'closed' })), /^Left\. /);
});
