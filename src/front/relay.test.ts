import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BlobStore, createBlobStore } from '../base/blob.ts';
import { FakeClock, instant } from '../base/clock.ts';
import {
  type ConnectionId,
  newConnectionId,
  newJobId,
  newSessionId,
  newWorkerId,
  type SessionId,
  type WorkerId,
} from '../base/ids.ts';
import { quiet } from '../base/log.ts';
import { pixels } from '../base/money.ts';
import { createDispatch } from '../dispatch/dispatch.ts';
import { seededBytes } from '../dispatch/table.test-kit.ts';
import { type AttemptFailed, createRelay, type Job, type Rendition, type Task } from './relay.ts';

interface Player {
  readonly worker: WorkerId;
  readonly connection: ConnectionId;
  readonly tasks: Task<string>[];
  readonly teardowns: SessionId[];
  ended: number;
}

/** A relay with a real dispatch, a clock moved by hand, and a store that answers when told to. */
function createBench() {
  const clock = new FakeClock();
  const blobs: BlobStore = createBlobStore({ bytesMax: 64 * 1024 * 1024 });
  const failures: { task: Task<string>; failure: AttemptFailed }[] = [];
  const refused: string[] = [];
  const storing: PromiseWithResolvers<'stored' | 'duplicate'>[] = [];
  const random = seededBytes(7);
  const dispatch = createDispatch({ random });
  const relay = createRelay<string>({
    dispatch,
    clock,
    log: quiet,
    store() {
      const pending = Promise.withResolvers<'stored' | 'duplicate'>();
      storing.push(pending);
      return pending.promise;
    },
    recordFailure: (task, failure) => failures.push({ task, failure }),
    refused: (reason) => refused.push(reason),
  });

  return {
    clock,
    dispatch,
    blobs,
    failures,
    refused,
    storing,
    relay,
    join(send: (task: Task<string>) => Promise<void> = async () => {}): Player {
      const player: Player = {
        worker: newWorkerId(random),
        connection: newConnectionId(random),
        tasks: [],
        teardowns: [],
        ended: 0,
      };
      relay.join(
        {
          connection: player.connection,
          worker: player.worker,
          capacity: 4,
          bits: 1n,
          state: 'active',
        },
        {
          send(task) {
            player.tasks.push(task);
            return send(task);
          },
          teardown: (session) => player.teardowns.push(session),
          end: () => {
            player.ended += 1;
          },
        },
      );
      return player;
    },
    submit(session: SessionId = newSessionId(random)): Job<string> {
      const source = blobs.create();
      source.write(Buffer.from('source'));
      source.complete();
      const job = relay.submit({
        job: newJobId(clock.now(), random),
        session,
        needs: { bits: 1n },
        durationMs: 2_000,
        deadlineAt: instant(clock.now() + 7_600),
        renditionCount: 1,
        detail: 'a segment',
        source,
      });
      source.release(); // the job holds it from here on
      return job;
    },
    rendition(): Rendition {
      const blob = blobs.create();
      blob.write(Buffer.from('rendition'));
      blob.complete();
      const counted = { width: 16, height: 16, frames: 1, pixels: pixels(256n) };
      return { blob, hash: new Uint8Array(32), ...counted };
    },
  };
}

type Bench = ReturnType<typeof createBench>;

/** Resolves when everything that was ready to run has run. */
const settled = () => new Promise(setImmediate);

function claim({ relay }: Bench, task: Task<string> | undefined): Task<string> {
  assert.ok(task);
  const claimed = relay.claim(task.id, task.worker);
  assert.ok(claimed.ok);
  return claimed.task;
}

/** The worker answers well and the database stores it. */
async function answer(bench: Bench, player: Player): Promise<Rendition> {
  const task = claim(bench, player.tasks.at(-1));
  const rendition = bench.rendition();
  const acknowledged = bench.relay.judged(task, { ok: true }, [rendition]);
  bench.storing.at(-1)?.resolve('stored');
  assert.equal(await acknowledged, 'stored');
  return rendition;
}

/** The one that got the only task, and the other. */
function byTask(players: readonly [Player, Player]): readonly [Player, Player] {
  const [first, second] = players;
  assert.equal(first.tasks.length + second.tasks.length, 1);
  return first.tasks.length === 1 ? [first, second] : [second, first];
}

test('worker and gateway hear yes only when the contribution is durable', async () => {
  const bench = createBench();
  const player = bench.join();
  const job = bench.submit();
  const heard: string[] = [];
  const task = claim(bench, player.tasks[0]);
  const rendition = bench.rendition();
  void bench.relay.judged(task, { ok: true }, [rendition]).then((yes) => heard.push(yes));
  void job.outcome.then((outcome) => heard.push(outcome.ok ? 'done' : outcome.reason));
  await settled();
  assert.deepEqual(heard, []);

  bench.storing[0]?.resolve('stored');
  await settled();
  assert.deepEqual(heard.toSorted(), ['done', 'stored']);
  assert.equal(bench.failures.length, 0);
});

test('renditions are held for their receiver, and nothing is held after him', async () => {
  const bench = createBench();
  const player = bench.join();
  const job = bench.submit();
  const rendition = await answer(bench, player);
  rendition.blob.release(); // by the one who received it from the worker
  const outcome = await job.outcome;
  assert.ok(outcome.ok);
  assert.equal(outcome.renditions[0], rendition);
  assert.equal(rendition.blob.length, 9, 'the receiver still holds it');
  assert.ok(bench.blobs.bytesInUse > 0);

  outcome.renditions[0]?.blob.release();
  assert.equal(bench.blobs.bytesInUse, 0, 'the source went with its job');
  assert.deepEqual(bench.relay.tasks(), []);
});

test('a task is good for one answer, from its own worker, and none after it was given up', async () => {
  const bench = createBench();
  const { relay, refused } = bench;
  const players = [bench.join(), bench.join()] as const;
  bench.submit();
  const [busy, other] = byTask(players);
  const task = busy.tasks[0] as Task<string>;
  assert.deepEqual(relay.claim(task.id, other.worker), { ok: false, reason: 'not_your_task' });
  assert.deepEqual(relay.claim(99n as never, busy.worker), { ok: false, reason: 'unknown_task' });
  await answer(bench, busy);
  assert.deepEqual(relay.claim(task.id, busy.worker), { ok: false, reason: 'already_answered' });
  assert.deepEqual(relay.claim(task.id, other.worker), { ok: false, reason: 'not_your_task' });

  const job = bench.submit(task.job.session);
  relay.abandon(job.id);
  const given = busy.tasks.at(-1) as Task<string>;
  assert.deepEqual(relay.claim(given.id, busy.worker), { ok: false, reason: 'too_late' });
  assert.deepEqual(refused, [
    'not_your_task',
    'unknown_task',
    'already_answered',
    'not_your_task',
    'too_late',
  ]);
});

test('a task that cannot be written goes to another worker, and its stream is ended', async () => {
  const bench = createBench();
  const broken = bench.join(() => Promise.reject(new Error('the stream is gone')));
  const job = bench.submit();
  const steady = bench.join();
  await settled();

  assert.equal(broken.ended, 1);
  assert.equal(steady.tasks.length, 1);
  assert.equal(steady.tasks[0]?.attempt, 2);
  await answer(bench, steady);
  assert.equal((await job.outcome).ok, true);
  assert.deepEqual(
    bench.failures.map(({ task, failure }) => [task.worker, failure.reason]),
    [[broken.worker, 'send_failed']],
  );
});

test('a worker that leaves costs one retry; an answer that is arriving still counts', async () => {
  const bench = createBench();
  const leaving = bench.join();
  const job = bench.submit();
  const steady = bench.join();
  bench.relay.leave(leaving.connection, 'lost');
  bench.relay.leave(leaving.connection, 'lost'); // a second word about it changes nothing
  await answer(bench, steady);
  assert.equal((await job.outcome).ok, true);

  const second = bench.submit(job.session);
  const task = claim(bench, steady.tasks.at(-1));
  bench.relay.leave(steady.connection, 'lost');
  const acknowledged = bench.relay.judged(task, { ok: true }, [bench.rendition()]);
  bench.storing.at(-1)?.resolve('stored');
  assert.equal(await acknowledged, 'stored');
  assert.equal((await second.outcome).ok, true);
});

test('a late attempt that is credited in the end is not on record as failed', async () => {
  const bench = createBench();
  const slow = bench.join();
  const job = bench.submit();
  bench.clock.advance(4_000); // past the first worker's share of the time
  await settled();
  await answer(bench, slow);
  assert.equal((await job.outcome).ok, true);
  assert.deepEqual(bench.failures, []);
});

test('a late attempt that comes to nothing is on record once', async () => {
  const bench = createBench();
  const slow = bench.join();
  const job = bench.submit();
  const quick = bench.join();
  bench.clock.advance(4_000);
  await settled();
  assert.equal(quick.tasks.length, 1, 'tried elsewhere');
  await answer(bench, quick);
  assert.equal((await job.outcome).ok, true);

  const late = slow.tasks[0] as Task<string>;
  assert.deepEqual(bench.relay.claim(late.id, slow.worker), { ok: false, reason: 'too_late' });
  assert.deepEqual(
    bench.failures.map(({ task, failure }) => [task.worker, failure.reason]),
    [[slow.worker, 'late']],
  );
  assert.deepEqual(slow.teardowns, [job.session], 'the session moved');
});

test('a bad result and an error cost a retry, and the worker hears OK', async () => {
  const bench = createBench();
  const liar = bench.join();
  const job = bench.submit();
  const failing = bench.join();
  const lie = claim(bench, liar.tasks[0]);
  assert.equal(await bench.relay.judged(lie, { ok: false, reason: 'wrong_size' }, []), 'rejected');
  const steady = bench.join();
  const fault = claim(bench, failing.tasks[0]);
  assert.equal(await bench.relay.failed(fault, 'TranscoderStopped', true), 'rejected');
  await answer(bench, steady);

  assert.equal((await job.outcome).ok, true);
  assert.deepEqual(
    bench.failures.map(({ failure }) => [failure.worker, failure.reason, failure.detail]),
    [
      [liar.worker, 'rejected', 'wrong_size'],
      [failing.worker, 'error', 'TranscoderStopped'],
    ],
  );
});

test('a result that we could not read is tried elsewhere and held against nobody', async () => {
  const bench = createBench();
  const { relay, failures } = bench;
  const players = [bench.join(), bench.join()] as const;
  // More than enough failures for a quarantine, were they anybody's.
  for (let round = 0; round < 12; round++) {
    for (const { tasks } of players) tasks.length = 0;
    const job = bench.submit();
    const [unlucky, other] = byTask(players);
    const acknowledged = relay.unread(claim(bench, unlucky.tasks[0]), 'out of memory');
    assert.equal(await acknowledged, 'rejected');
    assert.equal(other.tasks.length, 1, 'the segment goes on at once');
    (await answer(bench, other)).blob.release();
    const outcome = await job.outcome;
    assert.ok(outcome.ok);
    assert.equal(bench.dispatch.worker(unlucky.worker)?.failures, 0);
    relay.endSession(job.session);
  }
  assert.deepEqual(
    new Set(failures.map(({ failure }) => failure.reason)),
    new Set(['abandoned']),
    'which the ledger leaves out',
  );
});

test('a result that cannot be stored is not credited, and the gateway may go elsewhere', async () => {
  const bench = createBench();
  const player = bench.join();
  const job = bench.submit();
  const task = claim(bench, player.tasks[0]);
  const rendition = bench.rendition();
  const acknowledged = bench.relay.judged(task, { ok: true }, [rendition]);
  bench.storing[0]?.reject(new Error('the database is away'));
  assert.equal(await acknowledged, 'not_stored');
  rendition.blob.release();
  assert.deepEqual(await job.outcome, {
    ok: false,
    reason: 'not_stored',
    text: 'OrchestratorBusy',
  });
  assert.equal(bench.blobs.bytesInUse, 0);
});

test('a job ends at its deadline whatever its workers do', async () => {
  const bench = createBench();
  const player = bench.join();
  const job = bench.submit();
  bench.clock.advance(7_600);
  const outcome = await job.outcome;
  assert.ok(!outcome.ok);
  assert.equal(outcome.text, 'Remote transcoder took too long');
  assert.equal(bench.blobs.bytesInUse, 0);
  const late = player.tasks[0] as Task<string>;
  assert.equal(bench.relay.claim(late.id, player.worker).ok, false);
});

test('answers that came in when the job was over are answered too', async () => {
  const bench = createBench();
  const player = bench.join();
  const job = bench.submit();
  const task = claim(bench, player.tasks[0]);
  bench.relay.abandon(job.id);
  assert.equal(await bench.relay.judged(task, { ok: true }, [bench.rendition()]), 'not_needed');
  assert.equal(
    await bench.relay.failed(task, 'again', true),
    'not_needed',
    'a second word about it is harmless',
  );
  assert.equal(bench.storing.length, 0);
});

test('the end of a session waits for its job, then its worker gets one teardown', async () => {
  const bench = createBench();
  const player = bench.join();
  const job = bench.submit();
  assert.equal(bench.relay.knows(job.session), true);
  bench.relay.endSession(job.session);
  assert.deepEqual(player.teardowns, []);
  await answer(bench, player);
  assert.equal((await job.outcome).ok, true);
  assert.deepEqual(player.teardowns, [job.session]);
  bench.relay.endSession(job.session);
  assert.equal(player.teardowns.length, 1);
});

test('an idle session is forgotten after 70 s, one that runs is not', async () => {
  const bench = createBench();
  const player = bench.join();
  const job = bench.submit();
  await answer(bench, player);
  bench.clock.advance(69_000);
  bench.relay.sweep();
  assert.equal(bench.relay.knows(job.session), true);
  bench.clock.advance(2_000);
  bench.relay.sweep();
  assert.equal(bench.relay.knows(job.session), false);
  assert.deepEqual(player.teardowns, [job.session]);
});

test('draining waits for the running jobs, then every stream is ended', async () => {
  const bench = createBench();
  await bench.relay.idle();
  const player = bench.join();
  bench.submit();
  let idle = false;
  const waiting = bench.relay.idle().then(() => {
    idle = true;
  });
  await settled();
  assert.equal(idle, false);
  await answer(bench, player);
  await waiting;
  bench.relay.disconnectAll();
  assert.equal(player.ended, 1);
});

test('a revoked worker is cut at once, and what it is still sending does not count', async () => {
  const bench = createBench();
  const cut = bench.join();
  const job = bench.submit();
  const task = claim(bench, cut.tasks[0]);
  const steady = bench.join();
  bench.relay.setWorkerState(cut.worker, 'revoked');
  assert.equal(cut.ended, 1);
  assert.equal(await bench.relay.judged(task, { ok: true }, [bench.rendition()]), 'rejected');
  assert.equal(bench.storing.length, 0);
  assert.equal(steady.ended, 0);
  await answer(bench, steady);
  assert.equal((await job.outcome).ok, true);
});
