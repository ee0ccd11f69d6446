import type { JobId, SessionId } from '../../src/base/ids.ts';
import { newJobId, newSessionId } from '../../src/base/ids.ts';
import type { Needs } from '../../src/dispatch/dispatch-types.ts';
import type { World } from './world.ts';

/** wire: go-livepeer server/segment_rpc.go: a gateway waits max(8 s, 4 x duration) for a segment. */
const deadlineMs = (durationMs: number) => Math.max(8_000, 4 * durationMs);

/** Plain jobs, and jobs that need a bit or a version that weak workers lack. */
export const PLAIN: Needs = { bits: 0x5fffn };
const DEMANDING: readonly Needs[] = [
  { bits: 0x15fffn },
  { bits: 0x5fffn, minVersion: '0.9.0' },
  PLAIN,
];

/** One stream after the other, live-paced; sometimes all of its segments at once. */
export function createGateway(world: World, index: number): { open(): void } {
  const { chance, clockwork, scenario } = world;

  const open = (): void => {
    if (clockwork.now > scenario.streamMs) return;
    const session = newSessionId(chance.bytes);
    const durationMs = chance.oneOf([1_000, 2_000, 2_000, 4_000]);
    const stream = {
      session,
      durationMs,
      needs: scenario.weakShare > 0 ? chance.oneOf(DEMANDING) : PLAIN,
      renditions: chance.whole(1, 4),
      left: chance.whole(1, scenario.segmentsMax),
      burst: chance.hits(scenario.burstShare),
    };
    world.trace.note(clockwork.now, 'gateway', index, session, durationMs, stream.left);
    segment(stream);
  };

  const segment = (stream: {
    readonly session: SessionId;
    readonly durationMs: number;
    readonly needs: Needs;
    readonly renditions: number;
    left: number;
    readonly burst: boolean;
  }): void => {
    if (stream.left === 0 || clockwork.now > scenario.streamMs) {
      if (chance.hits(scenario.endedShare)) world.pool.endSession(stream.session);
      clockwork.after(chance.between(0, 1_000), open);
      return;
    }
    stream.left--;
    send(stream);
    const pace = stream.burst ? chance.between(0, 300) : stream.durationMs;
    clockwork.after(pace, () => segment(stream));
  };

  const send = (stream: Parameters<typeof segment>[0]): void => {
    const id: JobId = newJobId(1_700_000_000_000 + Math.floor(clockwork.now), chance.bytes);
    const nature = chance.hits(scenario.poisonShare)
      ? 'poison'
      : chance.hits(scenario.badInputShare)
        ? 'bad_input'
        : 'good';
    const streaming = chance.hits(scenario.streamingShare);
    world.pool.submit({
      id,
      nature,
      session: stream.session,
      needs: stream.needs,
      durationMs: stream.durationMs,
      waitMs: deadlineMs(stream.durationMs),
      renditions: stream.renditions,
      streaming,
    });
    if (streaming) clockwork.after(chance.between(20, 600), () => world.pool.sourceComplete(id));
    if (chance.hits(scenario.abandonShare)) {
      clockwork.after(chance.between(0, 700), () => world.pool.abandon(id));
    }
  };

  return { open };
}
