import type { Address, Hex } from 'viem';
import { hex } from '../../base/bytes.ts';
import type { Contracts } from '../../chain/contracts.ts';
import type { IntentId } from '../../chain/journal-types.ts';
import { networkOf } from '../../chain/networks.ts';
import type { Providers } from '../../chain/providers.ts';
import type { Signing } from '../../chain/signing.ts';
import { ownReward } from '../../duties/own-reward.ts';
import { anchorData } from '../../epochs/anchor.ts';
import { lptMoved } from '../../payouts/lpt-moved.ts';
import type { ChainAccounts } from './chain-accounts.ts';
import { type ChainPaying, chainPaying } from './chain-paying.ts';

/** What 48 bytes of data cost beside a transaction without any. */
const ANCHOR_DATA_GAS = 5_000n;

/** What paying needs of the chain. */
export interface ChainPay {
  /** Writes the digest of an epoch's record into the chain, once. */
  anchor(epoch: bigint, digest: Uint8Array): Promise<void>;
  /** LPT that a reward call added to the pool's own stake. */
  rewardOf(transaction: Hex, block: bigint): Promise<bigint>;
  /** LPT that a transaction brought to the treasury, less what it took from it. */
  lptMoved(transaction: Hex): Promise<bigint>;
  /** What sends payouts. */
  readonly paying: ChainPaying;
}

export function chainPay(parts: {
  readonly providers: Providers;
  readonly contracts: Contracts;
  readonly signing: Signing;
  readonly accounts: ChainAccounts;
  readonly orchestrator: Address;
}): ChainPay {
  const { providers, contracts, signing, accounts, orchestrator } = parts;
  const { bondingManager, token } = contracts;
  const paying = chainPaying(parts);
  return {
    async anchor(epoch, digest) {
      await accounts.of('node')?.submit({
        id: `anchor:${epoch}` as IntentId,
        to: `0x${hex(signing.address)}`,
        value: 0n,
        data: anchorData(epoch, digest),
        gasLimit: networkOf(providers.chainId).cancelGasLimit + ANCHOR_DATA_GAS,
        worthWei: undefined,
      });
    },
    paying,
    rewardOf: (_, block) => ownReward({ providers, bondingManager, orchestrator }, block),
    lptMoved: (transaction) =>
      lptMoved({ providers, token, treasury: paying.treasury }, transaction),
  };
}
