import type { Address } from 'viem';

/** When a block will not be undone. */
export type Finality =
  /** What the nodes call so: on Arbitrum, in a batch that L1 holds. */
  | { readonly tag: 'finalized' | 'safe' }
  /** So many blocks below the head; 0 where blocks are never undone. */
  | { readonly depth: number };

/** What differs between the chains that the contracts are on. */
export interface Network {
  /** Undefined: whatever the nodes say when they are first asked. */
  readonly chainId: number | undefined;
  /** Undefined: must be given by a setting. */
  readonly controller: Address | undefined;
  /** Blocks carry `l1BlockNumber`, by which the contracts count; gas includes a share of L1. */
  readonly arbitrum: boolean;
  /** Gas that redeeming one ticket is reckoned with. */
  readonly redeemGas: bigint;
  /** Gas of each further ticket of a batch. */
  readonly batchedGas: bigint;
  /** Gas of a transfer of nothing to ourselves, with room for what L1 costs at that moment. */
  readonly cancelGasLimit: bigint;
  readonly finality: Finality;
  /** How often the chain is looked at, milliseconds. */
  readonly pollMs: number;
  /** More blocks than this between the heads of two providers, and nothing is sent. */
  readonly headLagMax: bigint;
}

/**
 * The chains by the name of `--network`.
 *
 * Addresses: protocol: `deployments/arbitrumMainnet/Controller.json`. Gas of a redemption: wire:
 * go-livepeer `cmd/livepeer/starter/starter.go: redeemGasL1, redeemGasL2`.
 */
export const networks: Readonly<Record<'arbitrum-one' | 'devnet', Network>> = {
  'arbitrum-one': {
    chainId: 42_161,
    controller: '0xD8E8328501E9645d16Cf49539efC04f734606ee4',
    arbitrum: true,
    redeemGas: 1_200_000n,
    batchedGas: 400_000n,
    // 21,000 of execution; posting its 120 bytes to L1 is charged as gas, too, and follows L1's price.
    cancelGasLimit: 800_000n,
    finality: { tag: 'finalized' },
    pollMs: 5_000,
    // Four blocks a second: a provider that is a minute behind is not one to send by.
    headLagMax: 240n,
  },
  devnet: {
    chainId: undefined,
    controller: undefined,
    arbitrum: false,
    redeemGas: 350_000n,
    batchedGas: 250_000n,
    cancelGasLimit: 21_000n,
    finality: { depth: 0 },
    pollMs: 250,
    headLagMax: 5n,
  },
};

/** The network of a chain id: `devnet` for every chain without an entry of its own. */
export function networkOf(chainId: number): Network {
  const known = Object.values(networks).find((network) => network.chainId === chainId);
  return known ?? networks.devnet;
}
