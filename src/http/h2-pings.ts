import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';

/** One PING a few seconds is ours; more under way mean that the peer does not answer. */
const UNDER_WAY_MAX = 4;

/** The PING frames of this side that wait for their answers. */
export interface Pings {
  /** Whether the peer answers in time; false as well once the connection is gone. */
  ask(timeoutMs: number): Promise<boolean>;
  /** A PING came back. */
  answered(payload: Buffer): void;
  /** No answer will come any more. */
  end(): void;
}

/** Creates the pings of a connection; `send` gets the payload of each. */
export function createPings(clock: Clock, send: (payload: Buffer) => void): Pings {
  const waiting = new Map<string, (alive: boolean) => void>();
  return {
    ask: (timeoutMs) =>
      new Promise((resolve) => {
        const payload = randomBytes(8);
        const key = payload.toString('hex');
        const settle = (alive: boolean) => {
          timer.cancel();
          waiting.delete(key);
          resolve(alive);
        };
        const timer = clock.after(timeoutMs, () => settle(false));
        // The timer decides where the peer has not answered those before.
        if (waiting.size < UNDER_WAY_MAX) send(payload);
        waiting.set(key, settle);
      }),
    answered: (payload) => waiting.get(payload.toString('hex'))?.(true),
    end() {
      for (const settle of waiting.values()) settle(false);
    },
  };
}
