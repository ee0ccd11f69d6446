import type { Address } from 'viem';
import { TributaryError } from '../base/errors.ts';
import { aggregatorV3Abi } from './abi/aggregator-v3.ts';
import type { Providers } from './providers.ts';
import { ownError } from './rpc-refusal.ts';

/** The feed for ETH / USD on Arbitrum One. Wire: go-livepeer cmd/livepeer/starter/starter.go. */
export const PRICE_FEED_ARBITRUM_ONE: Address = '0x639Fe6ab55C921f74e7fac1ee960C0B6293ba612';

/** What a feed says now. */
export interface PriceFeedAnswer {
  /** `ETH / USD`: what one unit of the first costs in the second. */
  readonly description: string;
  readonly decimals: number;
  readonly answer: bigint;
  /** Unix seconds. */
  readonly updatedAt: bigint;
}

/**
 * Reads a Chainlink aggregator. Protocol: AggregatorV3Interface.latestRoundData.
 *
 * @throws TributaryError `price_feed_failed` when there is no feed at that address,
 * `rpc_unavailable` when no provider answers
 */
export async function readPriceFeed(
  { client }: Pick<Providers, 'client'>,
  address: Address,
): Promise<PriceFeedAnswer> {
  const feed = { address, abi: aggregatorV3Abi } as const;
  try {
    const [description, decimals, [, answer, , updatedAt]] = await Promise.all([
      client.readContract({ ...feed, functionName: 'description' }),
      client.readContract({ ...feed, functionName: 'decimals' }),
      client.readContract({ ...feed, functionName: 'latestRoundData' }),
    ]);
    return { description, decimals, answer, updatedAt };
  } catch (cause) {
    const own = ownError(cause);
    if (own?.code === 'rpc_unavailable') throw own;
    const text = 'the contract at --price-feed is not a price feed';
    throw new TributaryError('price_feed_failed', text, { cause });
  }
}
