import type { Clock } from '../base/clock.ts';

/** What following the chain needs of the RPC providers; `Providers` is one. */
export interface WatchRpc {
  readonly chainId: number;
  readonly count: number;
  /** Of the first healthy provider. Throws when none answers. */
  request<T>(method: string, params: readonly unknown[]): Promise<T>;
  /** Of every provider; failures as values. */
  requestEach<T>(
    method: string,
    params: readonly unknown[],
  ): readonly Promise<
    { readonly label: string } & (
      | { readonly ok: true; readonly value: T }
      | { readonly ok: false; readonly reason: string }
    )
  >[];
}

/** What one provider answered. */
export interface Answer<T> {
  readonly label: string;
  readonly value: T;
}

/** Asks all providers the same. */
export interface Asker extends Pick<WatchRpc, 'chainId' | 'count' | 'request'> {
  /** The answers that came; never throws. */
  askAll<T>(method: string, params: readonly unknown[]): Promise<readonly Answer<T>[]>;
}

/** Nodes of one kind differ by less; gateways wait 8 s for the answer that this is part of. */
const STRAGGLER_MS = 1_500;

/** Once one provider answered, the others have a moment left: one that hangs must not hold up all. */
export function createAsker(rpc: WatchRpc, clock: Clock): Asker {
  /** With one there is nothing to compare; and it is asked even when it failed a moment ago. */
  async function askOne<T>(method: string, params: readonly unknown[]) {
    try {
      return [{ label: 'provider 1', value: await rpc.request<T>(method, params) }];
    } catch {
      return [];
    }
  }
  function askEach<T>(method: string, params: readonly unknown[]) {
    return new Promise<readonly Answer<T>[]>((resolve) => {
      const answers: Answer<T>[] = [];
      const asked = rpc.requestEach<T>(method, params);
      const timers = new Set<{ cancel(): void }>();
      const done = () => {
        for (const timer of timers) timer.cancel();
        resolve(answers.sort((a, b) => (a.label < b.label ? -1 : 1)));
      };
      const each = asked.map(async (answer) => {
        const said = await answer;
        if (!said.ok) return;
        answers.push({ label: said.label, value: said.value });
        timers.add(clock.after(STRAGGLER_MS, done));
      });
      void Promise.allSettled(each).then(done);
    });
  }
  return {
    chainId: rpc.chainId,
    count: rpc.count,
    request: rpc.request,
    askAll: rpc.count === 1 ? askOne : askEach,
  };
}
