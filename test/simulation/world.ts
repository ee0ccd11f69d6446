import type { JobId } from '../../src/base/ids.ts';
import type { Sabotage } from '../../src/dispatch/dispatch-types.ts';
import { type Chance, createChance } from './chance.ts';
import { type Clockwork, createClockwork } from './clockwork.ts';
import { createGateway } from './gateway.ts';
import { createPool, type Pool } from './pool.ts';
import { createRules, type Rules } from './rules.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import { createStore, type Store } from './store.ts';
import { createTrace, type Trace } from './trace.ts';
import { createWorker, type Worker } from './worker.ts';

/** Time for everything to come to rest: the longest deadline, and the idle end of sessions. */
const REST_MS = 110_000;

/** One pool, its workers and its gateways, in one process and one thread, under one seed. */
export interface World {
  readonly scenario: Scenario;
  readonly chance: Chance;
  readonly clockwork: Clockwork;
  readonly trace: Trace;
  readonly rules: Rules;
  readonly store: Store;
  readonly pool: Pool;
  readonly workers: Worker[];
  readonly jobs: Map<JobId, Job>;
  readonly sabotage: Sabotage | undefined;
  violated(rule: string, detail: string): void;
}

/** What is true of a job, whatever the pool believes. */
export interface Job {
  readonly id: JobId;
  readonly nature: 'good' | 'bad_input' | 'poison';
  readonly deadlineAt: number;
  readonly clockJumps: number;
  outcome: 'open' | 'settled' | 'failed' | 'abandoned' | 'pool_gone';
}

export interface Outcome {
  readonly seed: number;
  readonly hash: string;
  readonly violations: readonly { readonly rule: string; readonly detail: string }[];
  readonly counts: Readonly<Record<string, number>>;
}

export interface RunOptions {
  readonly sabotage?: Sabotage;
  readonly print?: (line: string) => void;
  /** Ends the run at the first violation: enough to know that a bug was found. */
  readonly stopAtFirst?: boolean;
}

class Stopped extends Error {}

/** Runs the world of a seed to its end and says what went against the rules. */
export function run(seed: number, options: RunOptions = {}): Outcome {
  const violations: { rule: string; detail: string }[] = [];
  const world = createWorld(seed, options, (rule, detail) => {
    violations.push({ rule, detail });
    world.trace.note(world.clockwork.now, 'VIOLATED', rule, detail);
    if (options.stopAtFirst) throw new Stopped();
  });
  try {
    begin(world);
    world.clockwork.runUntil(world.scenario.streamMs + REST_MS);
    world.rules.atRest();
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  }
  return { seed, hash: world.trace.hash, violations, counts: world.rules.counts };
}

function createWorld(
  seed: number,
  options: RunOptions,
  violated: (rule: string, detail: string) => void,
): World {
  const scenario = scenarioOf(seed);
  // Parts need each other: they get the world and look at its fields only when something happens.
  const world = {
    scenario,
    chance: createChance(seed),
    clockwork: createClockwork(),
    trace: createTrace(options.print),
    workers: [],
    jobs: new Map(),
    sabotage: options.sabotage,
    violated,
  } as unknown as { -readonly [K in keyof World]: World[K] };
  world.store = createStore(world);
  world.rules = createRules(world);
  world.pool = createPool(world);
  return world;
}

function begin(world: World): void {
  const { scenario, chance, clockwork, workers } = world;
  for (let i = 0; i < scenario.workers; i++) {
    const worker = createWorker(world, i);
    workers.push(worker);
    clockwork.after(chance.between(0, 500), () => worker.connect());
  }
  for (let i = 0; i < scenario.gateways; i++) {
    const gateway = createGateway(world, i);
    clockwork.after(1_000 + chance.between(0, 2_000), () => gateway.open());
  }
  often(world, scenario.partitionsPerMinute, () => {
    chance.oneOf(workers).cut(chance.between(500, 15_000));
  });
  often(world, scenario.jumpsPerMinute, () => {
    world.pool.setClock(chance.between(-120_000, 120_000));
  });
  often(world, scenario.restartsPerMinute, () => world.pool.crash(chance.between(100, 2_000)));
  often(world, scenario.operatorPerMinute, () => {
    const worker = chance.oneOf(workers);
    const state = chance.oneOf(['paused', 'draining', 'active'] as const);
    world.pool.setState(worker.id, state);
    clockwork.after(chance.between(2_000, 8_000), () => world.pool.setState(worker.id, 'active'));
  });
}

/** Calls `happen` at random moments, so often on average, while gateways stream. */
function often(world: World, perMinute: number, happen: () => void): void {
  if (perMinute <= 0) return;
  const { clockwork, chance, scenario } = world;
  const next = () => {
    clockwork.after(chance.between(0, 120_000 / perMinute), () => {
      if (clockwork.now > scenario.streamMs) return;
      happen();
      next();
    });
  };
  next();
}
