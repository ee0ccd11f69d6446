import type { World } from './world.ts';

/**
 * The way between the pool and one worker: late by a random time, in order, and cut at times. What
 * is sent into a cut arrives when it ends; who notices the cut first is up to the two ends.
 */
export interface Way {
  /** Along the open stream: in order. */
  stream(deliver: () => void): void;
  /** A request of its own: may overtake others. */
  request(deliver: () => void): void;
  cutUntil: number;
}

export function createWay(world: World): Way {
  const { clockwork, chance, scenario } = world;
  let lastArrival = 0;
  const delay = (): number => {
    const late = chance.between(scenario.latencyMs / 2, scenario.latencyMs * 2);
    return Math.max(0, way.cutUntil - clockwork.now) + late;
  };
  const way: Way = {
    cutUntil: 0,
    stream(deliver) {
      lastArrival = Math.max(lastArrival, clockwork.now + delay());
      clockwork.after(lastArrival - clockwork.now, deliver);
    },
    request(deliver) {
      clockwork.after(delay(), deliver);
    },
  };
  return way;
}
