import type { ConnectionId, TaskId, WorkerId } from '../../src/base/ids.ts';
import { newConnectionId, newWorkerId } from '../../src/base/ids.ts';
import { createWay, type Way } from './network.ts';
import type { Job, World } from './world.ts';

/** No answer to pings for so long: both ends give the connection up. */
const PING_MS = 8_000;
const BAD_INPUT_TEXT = 'Unsupported input codec';

/** What the pool is told when it connects. */
export interface Offer {
  readonly capacity: number;
  readonly bits: bigint;
  readonly version: string;
  readonly encoderSessions?: number;
  readonly distanceMs: number;
}

/** One transcoder process: connects, works, and does all that can go wrong with one. */
export interface Worker {
  readonly id: WorkerId;
  readonly offer: Offer;
  connect(): void;
  /** The network to it fails for a while. */
  cut(ms: number): void;
  /** The stream was ended by the pool. */
  cutOff(connection: ConnectionId): void;
  /** A task came along the stream. */
  receive(connection: ConnectionId, work: Work): void;
  /** Never did anything wrong, and was there all the time. */
  readonly blameless: boolean;
  readonly way: Way;
}

/** A task as the worker sees it, and the truth about its job. */
export interface Work {
  readonly task: TaskId;
  readonly job: Job;
  readonly durationMs: number;
}

type Fate = 'good' | 'dies' | 'stalls' | 'slow' | 'garbage' | 'error' | 'liar' | 'broken_upload';

export function createWorker(world: World, index: number): Worker {
  const { chance, clockwork, scenario } = world;
  const way = createWay(world);
  // Encoders for at least one session of the widest ladder, or a job could never be done.
  const limited = chance.hits(scenario.encoderLimitShare);
  const offer: Offer = {
    capacity: chance.whole(scenario.capacityMin, scenario.capacityMax),
    bits: chance.hits(scenario.weakShare) ? 0x5fffn : 0x7fffffn,
    version: chance.hits(scenario.weakShare) ? '0.8.4' : '0.9.1',
    distanceMs: scenario.latencyMs,
    ...(limited ? { encoderSessions: chance.whole(4, 9) } : {}),
  };
  const pace =
    scenario.family === 'overload' ? chance.between(0.2, 0.6) : chance.between(0.08, 0.5);
  /** Another life of the process, or another connection: what came before no longer counts. */
  let life = 0;
  let connection: ConnectionId | undefined;
  let blameless = true;

  const connect = (): void => {
    const id = newConnectionId(chance.bytes);
    connection = id;
    way.request(() => {
      if (connection !== id) return;
      if (!world.pool.join(self, id)) {
        connection = undefined;
        reconnect();
      }
    });
  };

  const reconnect = (): void => {
    clockwork.after(chance.between(250, 1_500), () => {
      if (!connection) connect();
    });
  };

  const die = (): void => {
    blameless = false;
    const lost = connection;
    life++;
    connection = undefined;
    if (lost) {
      // Its machine says so, or nobody does until the pings stay unanswered.
      if (chance.hits(0.7)) way.request(() => world.pool.leave(lost, 'lost'));
      else clockwork.after(PING_MS, () => world.pool.leave(lost, 'lost'));
    }
    clockwork.after(chance.between(1_000, 12_000), () => {
      if (!connection) connect();
    });
  };

  const fateOf = (work: Work): Fate => {
    if (work.job.nature === 'poison') return 'dies';
    if (work.job.nature === 'bad_input') return 'liar';
    const { stormMs, sickMs } = scenario;
    if (index === 0 && clockwork.now < sickMs) return 'garbage';
    if (stormMs && clockwork.now > stormMs[0] && clockwork.now < stormMs[1]) return 'garbage';
    const shares: readonly (readonly [Fate, number])[] = [
      ['dies', scenario.deathShare],
      ['stalls', scenario.stallShare],
      ['slow', scenario.slowShare],
      ['garbage', scenario.garbageShare],
      ['error', scenario.errorShare],
      ['liar', scenario.liarShare],
      ['broken_upload', scenario.brokenUploadShare],
    ];
    for (const [fate, share] of shares) if (chance.hits(share)) return fate;
    return 'good';
  };

  const work = (todo: Work): void => {
    const fate = fateOf(todo);
    if (fate !== 'good') blameless = false;
    world.trace.note(clockwork.now, 'worker', self.id, 'works', todo.task, fate);
    const usualMs = todo.durationMs * pace * chance.between(0.8, 1.3);
    if (chance.hits(scenario.foreignShare)) {
      const answer = { ...plain(todo.task), worker: stranger() };
      clockwork.after(chance.between(0, 2 * usualMs), () => world.pool.answer(answer));
    }
    const lived = life;
    if (fate === 'stalls') return;
    const takesMs = fate === 'slow' ? usualMs * chance.between(3, 20) : usualMs;
    clockwork.after(fate === 'dies' ? takesMs / 2 : takesMs, () => {
      if (lived !== life) return;
      if (fate === 'dies') die();
      else post(todo, fate);
    });
  };

  const post = (todo: Work, fate: Fate): void => {
    const lived = life;
    way.request(() => {
      const answer = {
        task: todo.task,
        worker: self.id,
        uploadMs: chance.between(5, 100),
        good: fate === 'good' || fate === 'slow',
        ...(fate === 'error' ? { error: { text: 'some device error', retryable: true } } : {}),
        ...(fate === 'liar' ? { error: { text: BAD_INPUT_TEXT, retryable: false } } : {}),
        ...(fate === 'broken_upload' ? { error: { text: 'upload broke', retryable: true } } : {}),
      };
      world.pool.answer(answer);
      if (chance.hits(scenario.duplicateShare)) world.pool.answer(answer);
    });
    if (chance.hits(scenario.duplicateShare)) {
      clockwork.after(chance.between(0, 3_000), () => {
        if (lived === life) way.request(() => world.pool.answer(plain(todo.task)));
      });
    }
  };

  const plain = (task: TaskId) => ({ task, worker: self.id, uploadMs: 20, good: true });

  /** Another enrolled worker, which somehow learned of the task. */
  const stranger = (): WorkerId => {
    const other = chance.oneOf(world.workers);
    return other.id === self.id ? newWorkerId(chance.bytes) : other.id;
  };

  const self: Worker = {
    id: newWorkerId(chance.bytes),
    offer,
    way,
    get blameless() {
      return blameless;
    },
    connect,
    cut(ms) {
      blameless = false;
      way.cutUntil = Math.max(way.cutUntil, clockwork.now + ms);
      const lost = connection;
      if (!lost || ms < PING_MS) return;
      clockwork.after(PING_MS, () => world.pool.leave(lost, 'lost'));
      // It goes on with what it has, and posts it when the network is back.
      clockwork.after(ms, () => {
        if (connection !== lost) return;
        connection = undefined;
        reconnect();
      });
    },
    cutOff(lost) {
      if (connection !== lost) return;
      connection = undefined;
      reconnect();
    },
    receive(on, todo) {
      if (on !== connection) return;
      const lived = life;
      way.request(() => {
        if (lived !== life) return;
        if (world.pool.fetch(todo.task, self.id)) way.request(() => lived === life && work(todo));
      });
    },
  };
  return self;
}
