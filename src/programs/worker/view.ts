import type { Clock, Timer } from '../../base/clock.ts';
import { showCount, showFactor, showPixels, showSpan } from '../../base/figures.ts';
import { createLiveView } from '../../base/live-view.ts';
import { createPaint, harmless, type Io, type Paint } from '../../base/terminal.ts';
import type { WorkerStatus } from './worker.ts';

/** Fast enough for the eye, slow enough for the terminal. */
const REDRAW_MS = 250;
/** Counts down the wait for the next attempt. */
const TICK_MS = 1_000;

/** Shows a worker's state on the terminal. */
export interface WorkerView {
  show(status: WorkerStatus): void;
  /** Leaves a line that sums up. */
  close(status: WorkerStatus): void;
}

/**
 * One line that is redrawn in place; where standard output is no terminal, a line for each change
 * of state.
 */
export function createWorkerView(io: Io, clock: Clock): WorkerView {
  const live = createLiveView(io);
  const paint = createPaint(io);
  let latest: WorkerStatus | undefined;
  let redraw: Timer | undefined;
  let closed = false;

  const draw = () => {
    redraw = undefined;
    if (closed || !latest) return;
    live.show([liveLine(latest, clock.now(), paint)], stateSentence(latest));
    if (io.isTty && latest.link.state === 'waiting') redraw = clock.after(TICK_MS, draw);
  };
  return {
    show(status) {
      const before = latest?.link.state;
      latest = status;
      if (before !== status.link.state) {
        redraw?.cancel();
        draw();
      } else redraw ??= clock.after(REDRAW_MS, draw);
    },
    close(status) {
      closed = true;
      redraw?.cancel();
      // Who was refused reads the reason instead.
      if (status.link.state !== 'refused') live.show([closingLine(status)]);
      live.close();
    },
  };
}

/** What goes on, and what to do about it, in a sentence that changes only with the state. */
export function stateSentence({ link, draining }: WorkerStatus): string {
  if (draining) return 'Leaving. Running segments are finished and posted first.';
  switch (link.state) {
    case 'connecting':
      return 'Connecting.';
    case 'connected':
      return 'Working. Nothing needs your attention.';
    case 'waiting':
      return `Not connected: ${harmless(link.reason)}. Trying again by itself.`;
    case 'refused':
      // Why, and what to do, is said once: by whoever ends the program.
      return 'Refused.';
    case 'closed':
      return 'Left.';
  }
}

/** The live line: state, sessions, segments, speed, last error. */
export function liveLine(status: WorkerStatus, now: number, paint: Paint): string {
  const { link, draining, tally, sessions, capacity, receipts } = status;
  const parts = [stateWord(status, now, paint)];
  if (link.state === 'connected' || draining) parts.push(`${sessions} of ${capacity} sessions`);
  parts.push(segmentsText(tally.segments));
  if (tally.speed !== undefined) parts.push(`${showFactor(tally.speed)} real time`);
  if (tally.failures > 0) parts.push(paint('attention', `${showCount(tally.failures)} failed`));
  if (receipts && receipts.missing > 0) {
    parts.push(paint('wrong', `${showCount(receipts.missing)} receipts missing`));
  }
  if (tally.lastError !== undefined) {
    parts.push(paint('muted', `last: ${harmless(tally.lastError)}`));
  }
  return parts.join(' · ');
}

function stateWord({ link, draining, running }: WorkerStatus, now: number, paint: Paint): string {
  if (draining) return paint('attention', `Leaving, ${running} to finish`);
  switch (link.state) {
    case 'connecting':
      return 'Connecting';
    case 'connected':
      return running > 0 ? paint('paid', 'Working') : paint('paid', 'Idle: no demand');
    case 'waiting':
      return paint('attention', `Retry in ${showSpan(Math.max(0, link.until - now))}`);
    case 'refused':
      return paint('wrong', 'Refused');
    case 'closed':
      return 'Left';
  }
}

/** Worth pasting into a chat. */
export function closingLine({ tally, receipts }: WorkerStatus): string {
  const speed = tally.speed === undefined ? '' : `, ${showFactor(tally.speed)} real time`;
  const failures = tally.failures === 0 ? 'none failed' : `${showCount(tally.failures)} failed`;
  const kept = receipts && receipts.kept > 0 ? `, ${showCount(receipts.kept)} receipts kept` : '';
  return `Left. ${segmentsText(tally.segments)}, ${failures}, ${showPixels(tally.pixels)}${speed}${kept}.`;
}

function segmentsText(count: number): string {
  return `${showCount(count)} ${count === 1 ? 'segment' : 'segments'}`;
}
