import type { Hex } from 'viem';
import type { JournalRules } from './journal-types.ts';
import type { Network } from './networks.ts';

const GWEI = 1_000_000_000n;

/**
 * How a journal behaves where no setting says otherwise. Waiting is counted in looks at the chain,
 * so that a local chain, which is looked at more often, is waited for less.
 */
export function rulesFor(network: Network, self: Hex): JournalRules {
  const { pollMs, cancelGasLimit, arbitrum } = network;
  return {
    self,
    cancelGasLimit,
    // Arbitrum asks for 0.01 to 0.1 gwei, and for some gwei in its worst hours.
    maxFeePerGas: arbitrum ? 10n * GWEI : 1_000n * GWEI,
    // Work that burns more than half of what it brings is better done later.
    worthShare: { numerator: 1n, denominator: 2n },
    // On Arbitrum each is in the sequence before the next one goes; elsewhere nodes keep 64.
    inFlightMax: 16,
    resendMs: 6 * pollMs,
    // Three blocks of L1 on Arbitrum: time for a peak of the base fee to pass.
    replaceAfterMs: 8 * pollMs,
    giveUpAfterMs: 120 * pollMs,
    signTimeoutMs: 15_000,
    retryMs: Math.min(1_000, pollMs),
  };
}
