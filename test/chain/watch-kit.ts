import { type Clock, FakeClock } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { resolveContracts } from '../../src/chain/contracts.ts';
import { openProviders, type Providers } from '../../src/chain/providers.ts';
import type { Redeemed } from '../../src/chain/view.ts';
import { type ChainWatch, openChainWatch } from '../../src/chain/watch.ts';
import type { WatchRpc } from '../../src/chain/watch-rpc.ts';
import type { Database } from '../../src/database/database.ts';
import type { Protocol } from './protocol.ts';

const POLL_MS = 250;

/** How a test bends what a provider says; undefined leaves it as it is. */
export type Bend = (
  method: string,
  params: readonly unknown[],
  said: unknown,
) => { readonly say: unknown } | { readonly fail: true } | undefined;

/** Providers that really ask, and whose answers a test bends: the first and the second apart. */
export interface Bent extends WatchRpc {
  bend: Bend[];
  readonly calls: { method: string; params: readonly unknown[] }[];
}

/** So many providers of one chain, all of them honest until a test says otherwise. */
export function bentProviders(real: Providers, count = 1): Bent {
  const ask = async (index: number, method: string, params: readonly unknown[]) => {
    bent.calls.push({ method, params });
    const said = await real.request<unknown>(method, params);
    const bend = bent.bend[index]?.(method, params, said);
    if (bend && 'fail' in bend) throw new Error('this provider fails');
    return bend ? bend.say : said;
  };
  const bent: Bent = {
    chainId: real.chainId,
    count,
    bend: [],
    calls: [],
    request: <T>(method: string, params: readonly unknown[]) =>
      ask(0, method, params) as Promise<T>,
    requestEach: <T>(method: string, params: readonly unknown[]) =>
      Array.from({ length: count }, async (_, index) => {
        const label = `provider ${index + 1}`;
        try {
          return { label, ok: true as const, value: (await ask(index, method, params)) as T };
        } catch {
          return { label, ok: false as const, reason: 'unreachable' };
        }
      }),
  };
  return bent;
}

/** A watch that looks when the test says so. */
export interface Watching {
  readonly watch: ChainWatch;
  readonly redeemed: Redeemed[];
  /** One look at the chain, done when it is over. */
  look(): Promise<void>;
}

/** Providers and contracts of a local chain. */
export async function connect({ devnet }: Protocol) {
  const clock = { now: () => new FakeClock().now(), after: () => ({ cancel() {} }) };
  const providers = await openProviders({
    ...{ urls: [devnet.url], log: quiet, metrics: createMetrics() },
    clock: clock as Clock,
  });
  return { providers, contracts: await resolveContracts(providers, devnet.addresses.Controller) };
}

/** Opens a watch over these providers; what it is told of redeemed tickets is kept. */
export async function openWatching(
  protocol: Protocol,
  parts: {
    database: Database;
    rpc: WatchRpc;
    contracts: Awaited<ReturnType<typeof connect>>['contracts'];
  },
): Promise<Watching> {
  const time = new FakeClock();
  let planned = Promise.withResolvers<void>();
  const clock: Clock = {
    now: () => time.now(),
    after(ms, run) {
      const timer = time.after(ms, run);
      if (ms === POLL_MS) planned.resolve();
      return timer;
    },
  };
  const redeemed: Redeemed[] = [];
  const watch = await openChainWatch({
    database: parts.database,
    providers: parts.rpc,
    contracts: parts.contracts,
    recipient: protocol.of('orchestrator'),
    redeemed: async (event) => void redeemed.push(event),
    ...{ clock, log: quiet, metrics: createMetrics(), pollMs: POLL_MS, arbitrum: false },
  });
  return {
    watch,
    redeemed,
    async look() {
      planned = Promise.withResolvers<void>();
      time.advance(POLL_MS);
      await planned.promise;
    },
  };
}
