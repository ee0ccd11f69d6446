import type { JobId, TaskId } from '../../src/base/ids.ts';
import type { World } from './world.ts';

/**
 * A database that groups its commits: a write is durable only some time after it was asked for, and
 * a crash loses what was not. It takes the same job twice, so that only dispatch prevents it.
 */
export interface Store {
  write(job: JobId, task: TaskId, done: (outcome: 'stored' | 'failed') => void): void;
  crash(): void;
  has(task: TaskId): boolean;
  /** How many contributions each job has. */
  readonly byJob: ReadonlyMap<JobId, number>;
}

export function createStore(world: World): Store {
  const { chance, clockwork, scenario } = world;
  const durable = new Set<TaskId>();
  const byJob = new Map<JobId, number>();
  let epoch = 0;
  return {
    byJob,
    has: (task) => durable.has(task),
    crash: () => void epoch++,
    write(job, task, done) {
      const asked = epoch;
      clockwork.after(chance.between(1, 1 + 2 * scenario.commitMs), () => {
        if (asked !== epoch) return;
        if (chance.hits(scenario.storeFailShare)) {
          done('failed');
          return;
        }
        durable.add(task);
        const count = (byJob.get(job) ?? 0) + 1;
        byJob.set(job, count);
        if (count > 1) world.violated('two_contributions', `job ${job} has ${count} contributions`);
        done('stored');
      });
    },
  };
}
