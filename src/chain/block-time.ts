import { type Instant, instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Providers } from './providers.ts';
import { field, quantity, toHex } from './transactions-look.ts';

/** When a block was made. Throws `rpc_unavailable` while nobody says. */
export async function blockTime(
  providers: Pick<Providers, 'request'>,
  block: bigint,
): Promise<Instant> {
  const found = await providers.request('eth_getBlockByNumber', [toHex(block), false]);
  const seconds = quantity(field(found, 'timestamp'));
  if (seconds === undefined) {
    throw new TributaryError('rpc_unavailable', 'No node says when a block was made.');
  }
  return instant(Number(seconds) * 1_000);
}
