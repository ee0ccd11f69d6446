import { createPublicClient, custom, type PublicClient, RpcRequestError } from 'viem';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import { chainMetrics } from './metrics.ts';
import { networkOf } from './networks.ts';
import { createEndpoint, type Endpoint, type RpcAnswer } from './rpc-endpoint.ts';
import type { RpcRefusal } from './rpc-refusal.ts';

/** How often all providers are compared, also while nothing is sent. */
const COMPARE_MS = 15_000;

/** What one provider said; failures are values, and their reason is ours, not the provider's. */
export type ProviderAnswer<T> = { readonly label: string } & RpcAnswer<T>;

/** Why the providers cannot be trusted just now. */
export type ProvidersAlarm = 'wrong_chain' | 'head_lag' | 'unreachable';

/** The nodes of one chain, by whatever URLs. */
export interface Providers {
  readonly chainId: number;
  readonly count: number;
  /**
   * Asks the first provider that answers. Several questions of one moment become one batch.
   *
   * @throws TributaryError `rpc_unavailable` when none answers, `rpc_refused` (an `RpcRefusal`) when
   * a node says no; neither text holds a URL
   */
  request<T>(method: string, params: readonly unknown[]): Promise<T>;
  /** The same question to each, labelled `provider 1`, `provider 2`. They resolve one by one. */
  requestEach<T>(method: string, params: readonly unknown[]): readonly Promise<ProviderAnswer<T>>[];
  /** {@link requestEach}, all together. Never throws. */
  requestAll<T>(method: string, params: readonly unknown[]): Promise<readonly ProviderAnswer<T>[]>;
  /** Contract calls and the like, over {@link request}; see `ownError` for what it throws. */
  readonly client: PublicClient;
  readonly alarm: ProvidersAlarm | undefined;
  close(): Promise<void>;
}

/** What {@link openProviders} needs. */
export interface ProvidersParts {
  /** http or https; user, password, path and query are secrets. */
  readonly urls: readonly string[];
  /** What every provider must say; undefined: what the first one says. */
  readonly chainId?: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * Opens the providers and asks each for its chain.
 *
 * @throws TributaryError `chain_wrong` when one of them serves another chain, `rpc_unavailable` when
 * none answers and no chain id was given, `setting_invalid` for what is no URL
 */
export async function openProviders(parts: ProvidersParts): Promise<Providers> {
  const { clock, log } = parts;
  const metrics = chainMetrics(parts.metrics);
  const endpoints = parts.urls.map((url, index) => {
    const label = `provider ${index + 1}`;
    return createEndpoint({
      label,
      url,
      clock,
      failed(reason) {
        metrics.providerFailed(label, reason);
        log.debug('chain_provider_failed', { name: label, reason });
      },
    });
  });
  const chainId = await chainOf(endpoints, parts.chainId);
  const { headLagMax } = networkOf(chainId);
  /** What is known of each that makes it a bad one to ask. */
  const suspects = new Set<Endpoint>();
  let alarm: ProvidersAlarm | undefined;
  let closed = false;

  /** Good ones first, in the order in which they were given. */
  function ranked(): readonly Endpoint[] {
    const now = clock.now();
    const rank = (endpoint: Endpoint) =>
      (suspects.has(endpoint) ? 2 : 0) + (endpoint.resting(now) ? 1 : 0);
    return [...endpoints].sort((a, b) => rank(a) - rank(b));
  }

  async function request<T>(method: string, params: readonly unknown[]): Promise<T> {
    let refusal: RpcRefusal | undefined;
    const order = ranked();
    // A connection that the other side closed in this moment deserves a second try.
    for (const endpoint of order.length === 1 ? [...order, ...order] : order) {
      const answer = await endpoint.ask<T>(method, params);
      if (answer.ok) return answer.value;
      if (answer.reason !== 'refused') continue;
      refusal = answer.refusal;
      if (refusal.isAboutTheCall) break;
    }
    if (refusal) throw refusal;
    throw new TributaryError('rpc_unavailable', 'No RPC provider answers.', { facts: { method } });
  }

  function requestEach<T>(
    method: string,
    params: readonly unknown[],
  ): readonly Promise<ProviderAnswer<T>>[] {
    const now = clock.now();
    const resting = endpoints.filter((endpoint) => endpoint.resting(now));
    // Rest is for those that others can stand in for.
    const mayRest = resting.length < endpoints.length;
    return endpoints.map(async (endpoint): Promise<ProviderAnswer<T>> => {
      const { label } = endpoint;
      if (mayRest && resting.includes(endpoint)) return { label, ok: false, reason: 'resting' };
      return { label, ...(await endpoint.ask<T>(method, params)) };
    });
  }

  function requestAll<T>(
    method: string,
    params: readonly unknown[],
  ): Promise<readonly ProviderAnswer<T>[]> {
    return Promise.all(requestEach<T>(method, params));
  }

  async function compare(): Promise<void> {
    const [chains, heads] = await Promise.all([
      requestAll<unknown>('eth_chainId', []),
      requestAll<unknown>('eth_blockNumber', []),
    ]);
    suspects.clear();
    const wrong = endpoints.filter((_, index) => {
      const answer = chains[index];
      return answer?.ok && numberOf(answer) !== BigInt(chainId);
    });
    const apart = farApart(
      heads.map((answer) => numberOf(answer)),
      headLagMax,
    );
    for (const endpoint of wrong) suspects.add(endpoint);
    for (const index of apart.outliers) {
      const endpoint = endpoints[index];
      if (endpoint) suspects.add(endpoint);
    }
    const answered = heads.some(({ ok }) => ok);
    const now = wrong.length > 0 ? 'wrong_chain' : apart.is ? 'head_lag' : undefined;
    raise(answered ? now : 'unreachable', [...suspects].map(({ label }) => label).join(', '));
  }

  function raise(reason: ProvidersAlarm | undefined, name: string): void {
    if (reason === alarm) return;
    alarm = reason;
    if (reason) log.warn('chain_providers_alarm', { reason, ...(name && { name }) });
    else log.info('chain_providers_agree');
  }

  let timer = clock.after(COMPARE_MS, again);
  function again(): void {
    void compare().finally(() => {
      if (!closed) timer = clock.after(COMPARE_MS, again);
    });
  }
  if (endpoints.length > 0) void compare();

  return {
    chainId,
    count: endpoints.length,
    request,
    requestEach,
    requestAll,
    client: clientOver(request),
    get alarm() {
      return alarm;
    },
    async close() {
      closed = true;
      timer.cancel();
    },
  };
}

/** The chain that all who answer serve. */
async function chainOf(endpoints: readonly Endpoint[], expected?: number): Promise<number> {
  const answers = await Promise.all(
    endpoints.map(async ({ label, ask }) => ({
      label,
      ...(await ask<unknown>('eth_chainId', [])),
    })),
  );
  const ids = answers.flatMap((answer) => {
    const id = numberOf(answer);
    return id === undefined ? [] : [{ label: answer.label, id: Number(id) }];
  });
  const chainId = expected ?? ids[0]?.id;
  if (chainId === undefined) {
    throw new TributaryError('rpc_unavailable', 'No RPC provider says which chain it serves.');
  }
  const wrong = ids.find(({ id }) => id !== chainId);
  if (!wrong) return chainId;
  throw new TributaryError(
    'chain_wrong',
    `RPC ${wrong.label} serves chain ${wrong.id}, not chain ${chainId}.`,
  );
}

/** Of three or more the middle one says which are off; of two nobody can say. */
function farApart(
  heads: readonly (bigint | undefined)[],
  lagMax: bigint,
): { readonly is: boolean; readonly outliers: readonly number[] } {
  const sorted = heads.filter((head) => head !== undefined).sort((a, b) => (a < b ? -1 : 1));
  const [lowest = 0n, highest = 0n] = [sorted[0], sorted.at(-1)];
  const is = highest - lowest > lagMax;
  const middle = sorted[sorted.length >> 1];
  if (!is || middle === undefined || sorted.length < 3) return { is, outliers: [] };
  const outliers = heads.flatMap((head, index) => {
    const off = head !== undefined && (head > middle + lagMax || head < middle - lagMax);
    return off ? [index] : [];
  });
  return { is, outliers };
}

function numberOf(answer: RpcAnswer<unknown>): bigint | undefined {
  if (!answer.ok || typeof answer.value !== 'string') return undefined;
  return /^0x[0-9a-f]{1,13}$/i.test(answer.value) ? BigInt(answer.value) : undefined;
}

/** viem finds the reason of a revert in errors of its own kind only. */
function clientOver(request: Providers['request']): PublicClient {
  const provider = {
    async request({ method, params }: { method: string; params?: unknown }): Promise<unknown> {
      try {
        return await request(method, (params ?? []) as readonly unknown[]);
      } catch (error) {
        throw forViem(error, method);
      }
    },
  };
  return createPublicClient({ transport: custom(provider, { retryCount: 0 }), cacheTime: 0 });
}

function forViem(error: unknown, method: string): unknown {
  if (!(error instanceof TributaryError) || error.code !== 'rpc_refused') return error;
  const { rpcCode, data, message } = error as RpcRefusal;
  const answer = { code: rpcCode, data, message };
  return Object.assign(new RpcRequestError({ body: { method }, error: answer, url: 'provider' }), {
    cause: error,
  });
}
