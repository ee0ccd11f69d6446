import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Instant } from '../base/clock.ts';
import type { ConnectionId, JobId, SessionId, TaskId, WorkerId } from '../base/ids.ts';
import { createDispatch } from './dispatch.ts';
import type { DispatchAction, DispatchEvent, SendTask } from './dispatch-types.ts';
import { seededBytes } from './table.test-kit.ts';

/**
 * Events in any order and number, sensible or not: what comes out must still keep the promises. The
 * simulation plays plausible worlds; this plays the others.
 */
const WORKERS = 5;
const DEADLINE_MS = 8_000;

type Step =
  | { readonly do: 'join'; readonly worker: number; readonly capacity: number }
  | { readonly do: 'leave'; readonly which: number; readonly lost: boolean }
  | { readonly do: 'submit'; readonly session: number; readonly streaming: boolean }
  /** It arrives; what it is worth is known with a later `judge`. */
  | { readonly do: 'arrive'; readonly which: number }
  | { readonly do: 'judge'; readonly which: number; readonly how: How }
  | { readonly do: 'commit'; readonly ok: boolean }
  | { readonly do: 'repeat' | 'foreign' | 'sendFailed' | 'fetched'; readonly which: number }
  | { readonly do: 'abandon' | 'sourceComplete'; readonly which: number }
  | { readonly do: 'end'; readonly session: number }
  | { readonly do: 'state'; readonly worker: number; readonly state: number }
  | { readonly do: 'probe'; readonly worker: number; readonly ok: boolean }
  | { readonly do: 'wait'; readonly ms: number };
type How = 'good' | 'bad' | 'error' | 'bad_input';

const whole = (max: number) => fc.nat({ max });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      worker: whole(WORKERS - 1),
      capacity: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('leave' as const),
      which: whole(9),
      lost: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      session: whole(7),
      streaming: fc.boolean(),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({ do: fc.constant('arrive' as const), which: whole(9) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('judge' as const),
      which: whole(9),
      how: fc.constantFrom<How>('good', 'good', 'good', 'bad', 'error', 'bad_input'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      ok: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
    }),
  },
  fc.record({
    do: fc.constantFrom('repeat' as const, 'foreign' as const, 'sendFailed' as const, 'fetched'),
    which: whole(9),
  }) as fc.Arbitrary<Step>,
  fc.record({
    do: fc.constantFrom('abandon' as const, 'sourceComplete' as const),
    which: whole(9),
  }),
  fc.record({ do: fc.constant('end' as const), session: whole(7) }),
  fc.record({ do: fc.constant('state' as const), worker: whole(WORKERS - 1), state: whole(3) }),
  fc.record({ do: fc.constant('probe' as const), worker: whole(WORKERS - 1), ok: fc.boolean() }),
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: whole(6_000) }),
  },
);

/** Plays the steps and keeps the books that the promises are checked against. */
function play(steps: readonly Step[], seed: number): void {
  const dispatch = createDispatch({ random: seededBytes(seed) });
  let now = 1_700_000_000_000;
  let serial = 0;
  const connections = new Map<ConnectionId, { worker: WorkerId; capacity: number }>();
  const sessions = new Map<ConnectionId, Set<SessionId>>();
  const jobs = new Map<JobId, { deadlineAt: number; ended: number; tried: Set<WorkerId> }>();
  const tasks: SendTask[] = [];
  const accepted = new Set<TaskId>();
  const acknowledged = new Map<TaskId, number>();
  const stored = new Map<TaskId, JobId>();
  const storing: TaskId[] = [];
  const unjudged: TaskId[] = [];

  const see = (action: DispatchAction): void => {
    switch (action.type) {
      case 'send_task': {
        tasks.push(action);
        const job = jobs.get(action.job);
        assert.ok(job && job.ended === 0, 'a task only for an open job');
        assert.ok(!job.tried.has(action.worker), 'never the same worker again');
        assert.ok(job.tried.add(action.worker).size <= 3, 'at most three attempts');
        const held = sessions.get(action.connection);
        assert.ok(held, 'only to who is connected');
        held.add(action.session);
        const { capacity } = connections.get(action.connection) as { capacity: number };
        assert.ok(held.size <= capacity, 'capacity is never exceeded');
        return;
      }
      case 'send_teardown':
        assert.ok(
          sessions.get(action.connection)?.delete(action.session),
          'a teardown ends a session',
        );
        return;
      case 'accept_result':
        assert.ok(!accepted.has(action.task), 'one answer for each task');
        accepted.add(action.task);
        return;
      case 'store':
        storing.push(action.task);
        return;
      case 'acknowledge':
        acknowledged.set(action.task, (acknowledged.get(action.task) ?? 0) + 1);
        assert.ok(accepted.has(action.task), 'only what was accepted is acknowledged');
        if (action.outcome === 'stored')
          assert.ok(stored.has(action.task), 'only after it is stored');
        return;
      case 'settle_job': {
        const job = jobs.get(action.job);
        assert.ok(job && stored.get(action.task) === action.job, 'settled after stored');
        assert.equal(++job.ended, 1, 'ended once');
        assert.ok(now <= job.deadlineAt, 'within the deadline');
        return;
      }
      case 'fail_job': {
        const job = jobs.get(action.job);
        assert.ok(job);
        assert.equal(++job.ended, 1, 'ended once');
        assert.ok(now <= job.deadlineAt, 'within the deadline');
        return;
      }
      case 'disconnect':
        drop(action.connection);
        return;
      default:
        return;
    }
  };
  const drop = (connection: ConnectionId) => {
    connections.delete(connection);
    sessions.delete(connection);
  };
  const apply = (event: DispatchEvent): void => {
    const actions = dispatch.apply(event, now as Instant);
    // The world hears of a lost connection before it sees what dispatch did about it.
    for (const action of actions) see(action);
  };
  const commit = (outcome: 'stored' | 'failed') => {
    const task = storing.shift();
    if (task === undefined) return;
    const job = tasks.find((sent) => sent.task === task)?.job as JobId;
    if (outcome === 'stored') {
      assert.ok(![...stored.values()].includes(job), 'at most one contribution for a job');
      stored.set(task, job);
    }
    apply({ type: 'stored', task, outcome });
  };
  const wait = (ms: number): void => {
    const end = now + ms;
    for (;;) {
      const at = dispatch.nextTimerAt();
      if (at === undefined || at > end) break;
      now = Math.max(now, at);
      apply({ type: 'timer' });
    }
    now = end;
  };
  const nth = <T>(things: Iterable<T>, which: number): T | undefined => {
    const all = [...things];
    return all.length === 0 ? undefined : all[all.length - 1 - (which % all.length)];
  };
  const workerOf = (n: number) => `worker-${n}` as WorkerId;

  const take = (one: Step): void => {
    switch (one.do) {
      case 'join': {
        const connection = `connection-${serial++}` as ConnectionId;
        const worker = workerOf(one.worker);
        connections.set(connection, { worker, capacity: one.capacity });
        sessions.set(connection, new Set());
        const state = 'active';
        const { capacity } = one;
        apply({ type: 'worker_joined', connection, worker, capacity, bits: 1n, state });
        return;
      }
      case 'leave': {
        const connection = nth(connections.keys(), one.which);
        if (!connection) return;
        drop(connection);
        apply({ type: 'worker_left', connection, reason: one.lost ? 'lost' : 'closed' });
        return;
      }
      case 'submit': {
        const job = `job-${serial++}` as JobId;
        const deadlineAt = now + DEADLINE_MS;
        jobs.set(job, { deadlineAt, ended: 0, tried: new Set() });
        apply({
          type: 'job_submitted',
          job,
          session: `session-${one.session}` as SessionId,
          needs: { bits: 1n },
          durationMs: 2_000,
          deadlineAt: deadlineAt as Instant,
          renditionCount: 3,
          sourceStreaming: one.streaming,
        });
        return;
      }
      case 'arrive': {
        const sent = nth(tasks.slice(-6), one.which);
        if (!sent || accepted.has(sent.task)) return;
        const { task, worker } = sent;
        apply({ type: 'result_arriving', task, worker });
        if (accepted.has(task)) unjudged.push(task);
        return;
      }
      case 'judge': {
        const task = nth(unjudged, one.which);
        if (task === undefined) return;
        unjudged.splice(unjudged.indexOf(task), 1);
        const { how } = one;
        if (how === 'good') apply({ type: 'result_judged', task, verdict: { ok: true } });
        else if (how === 'bad') {
          apply({ type: 'result_judged', task, verdict: { ok: false, reason: 'rubbish' } });
        } else apply({ type: 'result_failed', task, text: how, retryable: how === 'error' });
        return;
      }
      case 'commit':
        commit(one.ok ? 'stored' : 'failed');
        return;
      case 'repeat':
      case 'foreign': {
        const sent = nth(tasks, one.which);
        if (!sent || (one.do === 'repeat' && !accepted.has(sent.task))) return;
        const worker = one.do === 'repeat' ? sent.worker : ('stranger' as WorkerId);
        const before = accepted.size;
        apply({ type: 'result_arriving', task: sent.task, worker });
        assert.equal(accepted.size, before);
        return;
      }
      case 'sendFailed':
      case 'fetched': {
        const sent = nth(tasks, one.which);
        if (!sent) return;
        const type = one.do === 'fetched' ? 'task_fetched' : 'task_send_failed';
        apply({ type, task: sent.task });
        return;
      }
      case 'abandon':
      case 'sourceComplete': {
        const job = nth(jobs.keys(), one.which);
        if (job) apply({ type: one.do === 'abandon' ? 'job_abandoned' : 'source_complete', job });
        return;
      }
      case 'end':
        apply({ type: 'session_ended', session: `session-${one.session}` as SessionId });
        return;
      case 'state': {
        const state = (['active', 'paused', 'draining', 'revoked'] as const)[one.state] ?? 'active';
        apply({ type: 'worker_state', worker: workerOf(one.worker), state });
        return;
      }
      case 'probe':
        apply({ type: 'worker_probed', worker: workerOf(one.worker), ok: one.ok });
        return;
      case 'wait':
        wait(one.ms);
    }
  };
  for (const one of steps) take(one);

  while (storing.length > 0) commit('stored');
  while (unjudged.length > 0) take({ do: 'judge', which: 0, how: 'good' });
  while (storing.length > 0) commit('stored');
  wait(DEADLINE_MS + 71_000);
  for (const [id, job] of jobs) assert.equal(job.ended, 1, `${id} ended`);
  for (const held of sessions.values()) assert.equal(held.size, 0, 'every place is given back');
  for (const task of accepted)
    assert.equal(acknowledged.get(task), 1, 'every answer got its answer');
  const { load, sessions: open, jobsRunning, jobsWaiting } = dispatch.summary();
  assert.deepEqual({ load, open, jobsRunning, jobsWaiting }, ZERO);
}

const ZERO = { load: 0, open: 0, jobsRunning: 0, jobsWaiting: 0 };

test('no job is lost, none done twice, no capacity exceeded, no deadline missed, no answer early', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 120 }), fc.nat(), (steps, seed) => {
      play(steps, seed % 1_000);
    }),
    { numRuns: 3_000 },
  );
});

test('for every worker, the jobs it got and the jobs it missed add up to all jobs', () => {
  const bits = fc.constantFrom(1n, 3n, 7n);
  const fleet = fc.array(fc.record({ bits, capacity: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 1,
    maxLength: 6,
  });
  const jobs = fc.array(
    fc.record({
      bits,
      session: fc.nat({ max: 5 }),
      answer: fc.boolean(),
      state: fc.nat({ max: 9 }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(fleet, jobs, (workers, list) => {
      const limits = { workerWaitMs: 0 };
      const dispatch = createDispatch({ random: seededBytes(5), limits });
      const now = 1_700_000_000_000 as Instant;
      const name = (index: number) => `w${index}` as WorkerId;
      workers.forEach((worker, index) => {
        const connection = `c${index}` as ConnectionId;
        const joined = { connection, worker: name(index), ...worker };
        dispatch.apply({ type: 'worker_joined', ...joined }, now);
      });
      const got = new Map<WorkerId, number>();
      let decided = 0;
      list.forEach((job, index) => {
        if (job.state < 3) {
          const state = (['paused', 'active', 'draining'] as const)[job.state] ?? 'active';
          const worker = name(index % workers.length);
          dispatch.apply({ type: 'worker_state', worker, state }, now);
        }
        const session = `s${job.session}` as SessionId;
        const actions = dispatch.apply(
          {
            type: 'job_submitted',
            job: `j${index}` as JobId,
            session,
            needs: { bits: job.bits },
            durationMs: 2_000,
            deadlineAt: (now + 8_000) as Instant,
            renditionCount: 1,
          },
          now,
        );
        const sent = actions.find((action) => action.type === 'send_task');
        if (sent) got.set(sent.worker, (got.get(sent.worker) ?? 0) + 1);
        const failed = actions.find((action) => action.type === 'fail_job');
        if (sent || failed?.reason === 'capped' || failed?.reason === 'no_capability') decided++;
        if (!sent) return;
        const { task, worker } = sent;
        dispatch.apply({ type: 'result_arriving', task, worker }, now);
        dispatch.apply({ type: 'result_judged', task, verdict: { ok: true } }, now);
        dispatch.apply({ type: 'stored', task, outcome: 'stored' }, now);
        if (job.answer) dispatch.apply({ type: 'session_ended', session }, now);
      });
      workers.forEach((_, index) => {
        const missed = Object.values(dispatch.reasonsOf(name(index))).reduce((a, b) => a + b, 0);
        assert.equal(missed + (got.get(name(index)) ?? 0), decided);
      });
    }),
    { numRuns: 300 },
  );
});
