import type { Instant } from '../src/base/clock.ts';
import type { ConnectionId, JobId, SessionId, WorkerId } from '../src/base/ids.ts';
import { secureRandom } from '../src/base/ids.ts';
import { createDispatch } from '../src/dispatch/dispatch.ts';
import type { Dispatch, SendTask } from '../src/dispatch/dispatch-types.ts';

/**
 * Time of one decision (a new session's first segment: match, choose, bind, set deadlines, count
 * the reasons of all who did not get it) in fleets of 10 to 10,000 mixed workers, and how it grows.
 * Limits: 5 µs at 10,000, slope 0.1 in the log-log plot.
 */
const SIZES = [10, 100, 1_000, 10_000] as const;
const DECISION_US_MAX = 5;
const SLOPE_MAX = 0.1;
/** Decisions timed at a stretch: fits into the smallest fleet, hides the cost of the stop watch. */
const STRETCH = 8;
/** Enough for a quiet one at each size, on a machine that does other things too. */
const ROUNDS = 40;
const DECISIONS_PER_ROUND = 8_000;
/** H264 with all it needs; then some with HEVC, some with VP9. */
const BITS = [0x5fffn, 0xffffn, 0x15fffn, 0x45fffn, 0x7ffffn, 0x4005fffn];
const VERSIONS = ['0.9.0', '0.9.1', '0.9.2', '0.10.0'];
const NEEDS = [
  { bits: 0x5fffn, minVersion: '0.9.0' },
  { bits: 0x5fffn, minVersion: '0.9.1' },
  { bits: 0x5fffn },
  { bits: 0x5001n },
];

let now = 1_700_000_000_000;

function fleetOf(size: number): Dispatch {
  const dispatch = createDispatch({ random: secureRandom });
  for (let i = 0; i < size; i++) {
    dispatch.apply(
      {
        type: 'worker_joined',
        connection: `connection-${i}` as ConnectionId,
        worker: `worker-${i}` as WorkerId,
        capacity: 4 + (i % 5),
        bits: BITS[i % BITS.length] as bigint,
        version: VERSIONS[(i >> 2) % VERSIONS.length] as string,
        distanceMs: 5 + (i % 40),
        ...(i % 3 === 0 ? { encoderSessions: 12 + (i % 4) } : {}),
      },
      now as Instant,
    );
  }
  return dispatch;
}

/** Half of the places taken, so that candidates differ in load. */
function fill(dispatch: Dispatch, size: number): void {
  const filled: SendTask[] = [];
  for (let i = 0; i < size * 2; i++) {
    const [sent] = submit(dispatch, `filler-${i}`, i);
    if (sent) filled.push(sent);
  }
  for (const task of filled) answer(dispatch, task);
}

let serial = 0;
function submit(dispatch: Dispatch, session: string, kind: number): SendTask[] {
  return dispatch
    .apply(eventOf(session, kind), now as Instant)
    .filter((action) => action.type === 'send_task');
}

function eventOf(session: string, kind: number) {
  return {
    type: 'job_submitted',
    job: `job-${serial++}` as JobId,
    session: session as SessionId,
    needs: NEEDS[kind % NEEDS.length] as (typeof NEEDS)[number],
    durationMs: 2_000,
    deadlineAt: (now + 8_000) as Instant,
    renditionCount: 3,
  } as const;
}

function answer(dispatch: Dispatch, { task, worker }: SendTask): void {
  dispatch.apply({ type: 'result_arriving', task, worker }, now as Instant);
  dispatch.apply({ type: 'result_judged', task, verdict: { ok: true } }, now as Instant);
  dispatch.apply({ type: 'stored', task, outcome: 'stored' }, now as Instant);
}

/** Microseconds for one decision, and for a whole life (decision, answer, store, end). */
function measure(dispatch: Dispatch): { decisionUs: number; lifeUs: number } {
  let decisionNs = 0n;
  let count = 0;
  const begun = process.hrtime.bigint();
  while (count < DECISIONS_PER_ROUND) {
    const events = Array.from({ length: STRETCH }, (_, i) => eventOf(`session-${count + i}`, i));
    const from = process.hrtime.bigint();
    const results = events.map((event) => dispatch.apply(event, now as Instant));
    decisionNs += process.hrtime.bigint() - from;
    count += STRETCH;
    now += 1;
    for (const actions of results) {
      const sent = actions.find((action) => action.type === 'send_task');
      if (!sent) continue;
      answer(dispatch, sent);
      dispatch.apply({ type: 'session_ended', session: sent.session }, now as Instant);
    }
  }
  const lifeNs = process.hrtime.bigint() - begun;
  return { decisionUs: Number(decisionNs) / count / 1e3, lifeUs: Number(lifeNs) / count / 1e3 };
}

/** The round that other programs on the machine disturbed least. */
const best = (values: readonly number[]) => Math.min(...values);

const fleets = SIZES.map((size) => {
  const dispatch = fleetOf(size);
  fill(dispatch, size);
  measure(dispatch); // warm
  return { size, dispatch, decisions: [] as number[], lives: [] as number[] };
});
// Rounds take turns, so that a noisy moment of the machine meets all sizes.
for (let round = 0; round < ROUNDS; round++) {
  for (const fleet of fleets) {
    const { decisionUs, lifeUs } = measure(fleet.dispatch);
    fleet.decisions.push(decisionUs);
    fleet.lives.push(lifeUs);
  }
}

console.log('claim, ours, limit, ratio');
const points = fleets.map(({ size, decisions, lives }) => {
  const us = best(decisions);
  const life = best(lives);
  console.log(
    `decision at ${size} workers (µs), ${us.toFixed(2)}, ${DECISION_US_MAX}, ${(us / DECISION_US_MAX).toFixed(2)}`,
  );
  console.log(`whole life of a one-segment session at ${size} (µs), ${life.toFixed(2)}, -, -`);
  return { x: Math.log10(size), y: Math.log10(us) };
});
const slope = slopeOf(points);
console.log(
  `growth (log-log slope 10 to 10000), ${slope.toFixed(3)}, ${SLOPE_MAX}, ${(slope / SLOPE_MAX).toFixed(2)}`,
);

function slopeOf(points: readonly { x: number; y: number }[]): number {
  const mean = (pick: (point: { x: number; y: number }) => number) =>
    points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const x = mean((point) => point.x);
  const y = mean((point) => point.y);
  const over = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0);
  return over / points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
}
