import type { PublicClient } from 'viem';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';

/** What one provider said; failures are values, and their reason holds nothing that it wrote. */
export type ProviderAnswer<T> = { readonly label: string } & (
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string }
);

/** Why the providers cannot be trusted just now. */
export type ProvidersAlarm = 'wrong_chain' | 'head_lag' | 'unreachable';

/** The nodes of one chain, by whatever URLs. */
export interface Providers {
  readonly chainId: number;
  readonly count: number;
  /**
   * Asks the first provider that answers. Several questions of one moment become one batch.
   *
   * @throws TributaryError `rpc_unavailable` when none answers, `rpc_refused` when the node says no;
   * neither text holds a URL
   */
  request<T>(method: string, params: readonly unknown[]): Promise<T>;
  /** The same question to all, labelled `provider 1`, `provider 2`. */
  requestAll<T>(method: string, params: readonly unknown[]): Promise<readonly ProviderAnswer<T>[]>;
  /** Contract calls and the like, over {@link request}. */
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
export async function openProviders(_parts: ProvidersParts): Promise<Providers> {
  throw new TributaryError('internal', 'not there yet');
}
