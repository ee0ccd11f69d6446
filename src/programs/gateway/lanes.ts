/** At most `lanes` tasks at once; the next one waits for a free lane. */
export interface Lanes {
  readonly busy: number;
  /** Resolves when the task has started. A task must not reject. */
  start(task: () => Promise<void>): Promise<void>;
  /** Resolves when every started task has ended. */
  idle(): Promise<void>;
}

export function createLanes(lanes: number): Lanes {
  const running = new Set<Promise<void>>();
  return {
    get busy() {
      return running.size;
    },
    async start(task) {
      while (running.size >= lanes) await Promise.race(running);
      const promise = task().finally(() => running.delete(promise));
      running.add(promise);
    },
    async idle() {
      await Promise.all(running);
    },
  };
}
