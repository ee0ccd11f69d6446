import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../base/clock.ts';
import type { SessionId, TaskId } from '../base/ids.ts';
import { createTable, jobId, only, workerId } from './table.test-kit.ts';

const session = 's1' as SessionId;

test('a segment goes to a worker, is judged, stored, acknowledged and settled, in this order', () => {
  const table = createTable();
  table.join('ann');
  const [sent] = only(table.submit('j1'), 'send_task');
  assert.equal(sent?.worker, 'ann');
  const actions = table.deliver(table.taskOf('j1').task);
  assert.deepEqual(
    actions.map(({ type }) => type),
    ['accept_result', 'store', 'acknowledge', 'settle_job'],
  );
});

test('segments of one session go to one worker, one at a time, in order', () => {
  const table = createTable();
  for (const name of ['ann', 'bob', 'cid']) table.join(name);
  for (const job of ['j1', 'j2', 'j3']) table.submit(job, { session });
  assert.equal(only(table.log, 'send_task').length, 1);
  const { worker } = table.taskOf('j1');
  table.deliver(table.taskOf('j1').task);
  assert.equal(table.taskOf('j2').worker, worker);
  assert.equal(table.tasksOf('j3').length, 0);
  table.deliver(table.taskOf('j2').task);
  assert.equal(table.taskOf('j3').worker, worker);
});

test('the sixth segment of a session is refused as busy, and the other five are served', () => {
  const table = createTable();
  table.join('ann');
  for (const job of ['1', '2', '3', '4', '5', '6']) table.submit(job, { session });
  const [failed, ...more] = only(table.log, 'fail_job');
  assert.deepEqual(more, []);
  assert.equal(failed?.job, '6');
  assert.equal(failed?.text, 'OrchestratorBusy');
  for (const job of ['1', '2', '3', '4', '5']) table.deliver(table.taskOf(job).task);
  assert.equal(only(table.log, 'settle_job').length, 5);
});

test('an idle session is torn down after 70 s and gives its place back', () => {
  const table = createTable();
  table.join('ann', { capacity: 1 });
  table.submit('j1', { session });
  table.deliver(table.taskOf('j1').task);
  assert.equal(table.dispatch.hasCapacity({ bits: 1n }), false);
  assert.equal(only(table.wait(69_000), 'send_teardown').length, 0);
  const [teardown] = only(table.wait(1_001), 'send_teardown');
  assert.equal(teardown?.session, session);
  assert.equal(table.dispatch.hasCapacity({ bits: 1n }), true);
});

test('a gateway that ends its session frees the worker as soon as its segment is done', () => {
  const table = createTable();
  table.join('ann', { capacity: 1 });
  table.submit('j1', { session });
  assert.deepEqual(table.play({ type: 'session_ended', session }), []);
  const actions = table.deliver(table.taskOf('j1').task);
  assert.equal(only(actions, 'settle_job').length, 1);
  assert.equal(only(actions, 'send_teardown').length, 1);
});

test('a worker that dies mid-segment costs one retry on another worker at once', () => {
  const table = createTable();
  table.join('ann');
  table.join('bob');
  table.submit('j1', { session });
  const first = table.taskOf('j1');
  table.play({ type: 'worker_left', connection: first.connection, reason: 'lost' });
  const second = table.taskOf('j1');
  assert.equal(second.attempt, 2);
  assert.notEqual(second.worker, first.worker);
  table.deliver(second.task);
  table.submit('j2', { session });
  assert.equal(table.taskOf('j2').worker, second.worker);
});

test('the answer of a worker whose stream broke still counts while the segment is open', () => {
  const table = createTable();
  const connection = table.join('ann');
  table.submit('j1');
  const { task } = table.taskOf('j1');
  table.play({ type: 'worker_left', connection, reason: 'lost' });
  assert.equal(only(table.deliver(task), 'settle_job').length, 1);
});

test('one stalled segment leaves the worker its other segments', () => {
  const table = createTable();
  const connection = table.join('ann', { capacity: 4 });
  table.submit('j1');
  table.submit('j2', { deadlineAt: (table.now + 60_000) as Instant });
  table.wait(8_001);
  assert.equal(only(table.log, 'fail_job').length, 1);
  assert.equal(only(table.deliver(table.taskOf('j2').task), 'settle_job').length, 1);
  assert.equal(table.dispatch.worker(workerId('ann'))?.connections[0]?.connection, connection);
});

test('a silent worker is followed by another within half of the time, and the first good answer wins', () => {
  const table = createTable();
  table.join('ann');
  table.join('bob');
  table.submit('j1');
  const first = table.taskOf('j1');
  const [record] = only(table.wait(3_601), 'record_failure');
  assert.equal(record?.reason, 'late');
  const second = table.taskOf('j1');
  assert.notEqual(second.worker, first.worker);
  const won = table.deliver(first.task);
  assert.equal(only(won, 'settle_job')[0]?.task, first.task);
  assert.equal(only(won, 'cancel_task')[0]?.task, second.task);
  const late = table.arrive(second.task);
  assert.equal(late?.type === 'refuse_result' && late.reason, 'too_late');
});

test('after three attempts the segment fails, with the last text of a worker', () => {
  const table = createTable();
  for (const name of ['ann', 'bob', 'cid', 'dan']) table.join(name);
  table.submit('j1');
  for (const text of ['one', 'two', 'three']) {
    const { task } = table.taskOf('j1');
    table.arrive(task);
    table.play({ type: 'result_failed', task, text, retryable: true });
  }
  assert.equal(new Set(table.tasksOf('j1').map(({ worker }) => worker)).size, 3);
  assert.equal(only(table.log, 'fail_job')[0]?.text, 'three');
});

test('one worker that calls the input bad is not believed before a second one says so', () => {
  const table = createTable();
  for (const name of ['ann', 'bob', 'cid']) table.join(name);
  table.submit('j1');
  const text = 'Unsupported input codec';
  const liar = table.taskOf('j1');
  table.arrive(liar.task);
  table.play({ type: 'result_failed', task: liar.task, text, retryable: false });
  assert.equal(only(table.log, 'fail_job').length, 0);
  table.deliver(table.taskOf('j1').task);
  assert.equal(only(table.log, 'settle_job').length, 1);
  assert.equal(table.dispatch.worker(liar.worker)?.failures, 1);

  table.submit('j2');
  for (let i = 0; i < 2; i++) {
    const { task } = table.taskOf('j2');
    table.arrive(task);
    table.play({ type: 'result_failed', task, text, retryable: false });
  }
  const [failed] = only(table.log, 'fail_job');
  assert.equal(failed?.reason, 'bad_input');
  assert.equal(failed?.text, text);
});

test('the only worker that calls the input bad is passed on unchanged at once', () => {
  const table = createTable();
  table.join('ann');
  table.submit('j1');
  const { task } = table.taskOf('j1');
  table.arrive(task);
  const text = 'No keyframes in input';
  const actions = table.play({ type: 'result_failed', task, text, retryable: false });
  assert.equal(only(actions, 'fail_job')[0]?.text, text);
});

test('a segment that two workers died on is poison and is not given to a third', () => {
  const table = createTable();
  for (const name of ['ann', 'bob', 'cid']) table.join(name);
  table.submit('j1');
  for (let i = 0; i < 2; i++) {
    const { task, connection } = table.taskOf('j1');
    table.play({ type: 'task_fetched', task });
    table.play({ type: 'worker_left', connection, reason: 'lost' });
  }
  const [failed] = only(table.log, 'fail_job');
  assert.equal(failed?.poison, true);
  assert.equal(table.tasksOf('j1').length, 2);
});

test('a task is good for one answer of one worker', () => {
  const table = createTable();
  table.join('ann');
  table.submit('j1');
  const { task } = table.taskOf('j1');
  const reason = (worker?: string, id = task) => {
    const answer = table.arrive(id, worker);
    return answer?.type === 'refuse_result' ? answer.reason : undefined;
  };
  assert.equal(reason('eve'), 'not_your_task');
  assert.equal(reason('ann', 7n as TaskId), 'unknown_task');
  assert.equal(reason('ann'), undefined);
  assert.equal(reason('ann'), 'already_answered');
  table.play({ type: 'result_judged', task, verdict: { ok: true } });
  table.play({ type: 'stored', task, outcome: 'stored' });
  assert.equal(reason('ann'), 'already_answered');
  assert.equal(table.dispatch.summary().totals.refused, 4);
});

test('a revoked worker is cut, its work is done elsewhere, nobody else notices', () => {
  const table = createTable();
  table.join('ann');
  table.submit('j1');
  const { task } = table.taskOf('j1');
  table.join('bob');
  table.arrive(task);
  const actions = table.play({ type: 'worker_state', worker: workerId('ann'), state: 'revoked' });
  assert.equal(only(actions, 'disconnect').length, 1);
  assert.equal(table.taskOf('j1').worker, 'bob');
  const judged = table.play({ type: 'result_judged', task, verdict: { ok: true } });
  assert.equal(only(judged, 'acknowledge')[0]?.outcome, 'rejected');
  assert.equal(only(table.deliver(table.taskOf('j1').task), 'settle_job').length, 1);
});

test('paused and draining workers get no new session; what runs finishes', () => {
  for (const state of ['paused', 'draining'] as const) {
    const table = createTable();
    table.join('ann');
    table.submit('j1', { session });
    table.play({ type: 'worker_state', worker: workerId('ann'), state });
    assert.equal(table.dispatch.hasCapacity({ bits: 1n }), false);
    assert.equal(only(table.deliver(table.taskOf('j1').task), 'settle_job').length, 1);
    table.join('bob');
    table.submit('j2', { session });
    assert.equal(table.taskOf('j2').worker, 'bob');
    assert.equal(only(table.log, 'send_teardown').length, 1);
  }
});

test('jobs fail with the words of the protocol when nobody can take them', () => {
  const table = createTable({ limits: { reconnectWindowMs: 0 } });
  const textOf = (job: string, bits = 1n) =>
    only(table.submit(job, { needs: { bits } }), 'fail_job')[0]?.text;
  assert.equal(textOf('j1'), 'no transcoders available');
  table.join('ann', { capacity: 1 });
  assert.equal(textOf('j2', 2n), 'no transcoders can provide requested capabilities');
  assert.equal(textOf('j3'), undefined);
  assert.equal(textOf('j4'), 'OrchestratorCapped');
});

test('just after a start a job waits a moment for the workers to come back', () => {
  const table = createTable();
  assert.equal(only(table.submit('j1'), 'fail_job').length, 0);
  table.wait(700);
  table.join('ann');
  assert.equal(table.taskOf('j1').worker, 'ann');
});

test('a device with three encoders takes one session of three renditions', () => {
  const table = createTable({ limits: { reconnectWindowMs: 0 } });
  table.join('ann', { capacity: 10, encoderSessions: 3 });
  assert.equal(only(table.submit('j1'), 'send_task').length, 1);
  assert.equal(only(table.submit('j2'), 'fail_job')[0]?.reason, 'capped');
});

test('a worker that keeps failing is quarantined for longer each time, and comes back on trial', () => {
  const table = createTable();
  for (const name of ['ann', 'bob', 'cid', 'dan']) table.join(name, { capacity: 50 });
  const untils: number[] = [];
  const startedAt = table.now;
  for (let i = 0; untils.length < 2 && i < 2_000; i++) {
    const job = `j${i}`;
    table.submit(job);
    const { task, worker } = table.taskOf(job);
    if (worker !== 'ann') table.deliver(task);
    else {
      table.arrive(task);
      const bad = { ok: false, reason: 'remux' } as const;
      const [notice] = only(
        table.play({ type: 'result_judged', task, verdict: bad }),
        'quarantine',
      );
      if (notice) untils.push(notice.untilAt - table.now);
      table.deliver(table.taskOf(job).task);
    }
    table.play({ type: 'session_ended', session: table.taskOf(job).session });
    table.wait(100);
  }
  assert.deepEqual(untils, [5_000, 10_000]);
  assert.ok(table.now > startedAt + 5_000);
  assert.equal(only(table.log, 'release')[0]?.state, 'half_open');
});

test('an operator takes a worker off work for as long as it says, and lets it back on trial', () => {
  const table = createTable();
  table.join('one');
  const [action] = table.play({
    type: 'worker_quarantined',
    worker: workerId('one'),
    ms: 600_000,
  });
  assert.deepEqual(
    [action?.type, table.dispatch.worker(workerId('one'))?.health],
    ['quarantine', 'quarantined'],
  );
  assert.equal(table.dispatch.summary().quarantined, 1, 'even the last one: the operator decides');
  table.play({ type: 'worker_quarantined', worker: workerId('one'), ms: 60_000 });
  table.wait(59_000);
  assert.equal(table.dispatch.worker(workerId('one'))?.health, 'quarantined', 'again, for less');
  table.play({ type: 'worker_probed', worker: workerId('one'), ok: true });
  assert.equal(table.dispatch.worker(workerId('one'))?.health, 'half_open');
  assert.equal(table.dispatch.summary().quarantined, 0);
});

test('one machine of a worker is taken off work, and its other goes on', () => {
  const table = createTable({ limits: { reconnectWindowMs: 0 } });
  const session = 'a session of the machine' as SessionId;
  const shut = table.join('ann', { capacity: 9 });
  table.submit('j0', { session });
  const other = table.join('ann', { capacity: 9 });
  const view = () => table.dispatch.worker(workerId('ann'));

  table.play({ type: 'machine_quarantined', connection: shut, ms: 60_000 });
  assert.deepEqual(
    view()?.connections.map(({ quarantinedUntilAt: at }) => at),
    [table.now + 60_000, undefined],
  );
  assert.equal(view()?.health, 'healthy', 'nothing is held against the worker');
  assert.equal(table.dispatch.summary().capacity, 9);
  const chosen = ['j1', 'j2', 'j3', 'j4'].map((job) => {
    table.submit(job);
    return table.taskOf(job).connection;
  });
  assert.deepEqual(chosen, Array(4).fill(other));
  table.deliver(table.taskOf('j0').task);
  table.submit('j5', { session });
  assert.equal(table.taskOf('j5').connection, other, 'its session moves, too');

  table.wait(60_000);
  assert.deepEqual(
    view()?.connections.map(({ quarantinedUntilAt: at }) => at),
    [undefined, undefined],
  );
  table.play({ type: 'machine_quarantined', connection: other, ms: 60_000 });
  table.play({ type: 'machine_released', connection: other });
  assert.equal(table.dispatch.summary().capacity, 18, 'ended by hand');
  table.play({ type: 'machine_quarantined', connection: other, ms: 60_000 });
  table.play({ type: 'worker_left', connection: other, reason: 'closed' });
  table.wait(60_000);
  assert.equal(table.dispatch.summary().capacity, 9, 'a machine that is gone disturbs nobody');
});

test('quarantine never takes the last worker', () => {
  const table = createTable();
  table.join('ann');
  for (let i = 0; i < 10; i++) {
    table.submit(`j${i}`);
    const { task } = table.taskOf(`j${i}`);
    table.arrive(task);
    table.play({ type: 'result_judged', task, verdict: { ok: false, reason: 'rubbish' } });
  }
  assert.equal(table.dispatch.hasCapacity({ bits: 1n }), true);
});

test('every worker that missed a job knows why', () => {
  const table = createTable({ limits: { reconnectWindowMs: 0 } });
  table.join('able', { capacity: 1, version: '0.9.1' });
  table.join('unable', { bits: 4n, version: '0.9.1' });
  table.join('outdated', { version: '0.8.0' });
  table.join('paused', { state: 'paused', version: '0.9.1' });
  const needs = { bits: 1n, minVersion: '0.9.0' };
  table.submit('j1', { needs, session });
  table.submit('j2', { needs });
  const reasons = (name: string) =>
    Object.entries(table.dispatch.reasonsOf(workerId(name))).filter(([, count]) => count > 0);
  assert.deepEqual(reasons('able'), [['full', 1]]);
  assert.deepEqual(reasons('unable'), [['capability', 2]]);
  assert.deepEqual(reasons('outdated'), [['version', 2]]);
  assert.deepEqual(reasons('paused'), [['paused', 2]]);
  table.deliver(table.taskOf('j1').task);
  table.submit('j3', { needs, session });
  assert.deepEqual(reasons('unable'), [
    ['capability', 2],
    ['affinity', 1],
  ]);
  assert.deepEqual(reasons('able'), [['full', 1]]);
});

test('a body that fails its hash cancels the task and blames nobody', () => {
  const table = createTable();
  table.join('ann');
  table.submit('j1', { sourceStreaming: true });
  const actions = table.play({ type: 'job_abandoned', job: jobId('j1') });
  assert.equal(only(actions, 'cancel_task').length, 1);
  assert.equal(only(actions, 'fail_job')[0]?.reason, 'abandoned');
  assert.equal(table.dispatch.worker(workerId('ann'))?.failures, 0);
  assert.equal(table.dispatch.summary().jobsRunning, 0);
});

test('a slow gateway is not the worker’s fault: soft deadlines start when the source is there', () => {
  const table = createTable();
  table.join('ann');
  table.join('bob');
  table.submit('j1', { sourceStreaming: true });
  assert.deepEqual(table.wait(5_000), []);
  table.play({ type: 'source_complete', job: jobId('j1') });
  assert.equal(only(table.deliver(table.taskOf('j1').task), 'settle_job').length, 1);
});

test('workers that give up a trickling source are not blamed, and the segment ends with it', () => {
  const table = createTable();
  for (const name of ['ann', 'bob', 'cid', 'dan']) table.join(name);
  const gaveUp = (task: TaskId) => {
    table.arrive(task);
    const text = 'context deadline exceeded';
    table.play({ type: 'result_failed', task, text, retryable: true });
  };
  for (let i = 0; i < 6; i++) {
    const job = `j${i}`;
    const deadlineAt = (table.now + 60_000) as Instant;
    table.submit(job, { sourceStreaming: true, deadlineAt });
    for (let attempt = 0; attempt < 3; attempt++) {
      table.wait(4_000);
      gaveUp(table.taskOf(job).task);
    }
    assert.equal(only(table.log, 'fail_job').at(-1)?.reason, 'attempts_exhausted');
  }
  assert.deepEqual(only(table.log, 'quarantine'), []);

  table.submit('quick', { sourceStreaming: true });
  const { task, worker } = table.taskOf('quick');
  gaveUp(task);
  assert.equal(table.dispatch.worker(worker)?.failures, 1, 'a quick error is its own');
});

test('a clock set forward or back by an hour fails no running job', () => {
  for (const jump of [3_600_000, -3_600_000]) {
    const table = createTable();
    table.join('ann');
    table.submit('j1');
    table.wait(500);
    table.now += jump;
    assert.deepEqual(only(table.play({ type: 'timer' }), 'fail_job'), []);
    assert.equal(only(table.deliver(table.taskOf('j1').task), 'settle_job').length, 1);
  }
});

test('stragglers are hedged within three extra attempts for a hundred jobs', () => {
  const table = createTable();
  for (const name of ['ann', 'bob', 'cid']) table.join(name, { capacity: 10 });
  let hedges = 0;
  for (let i = 0; i < 400; i++) {
    const job = `j${i}`;
    table.submit(job);
    const first = table.taskOf(job);
    table.wait(i % 10 === 9 ? 900 : 300);
    const last = table.taskOf(job);
    if (last !== first && last.kind === 'hedge') hedges++;
    table.deliver(last.task);
    table.play({ type: 'session_ended', session: first.session });
  }
  assert.ok(hedges >= 8 && hedges <= 12, `${hedges} hedges of 400 jobs`);
});
