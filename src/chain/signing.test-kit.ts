import { randomBytes } from 'node:crypto';
import { encodeFunctionData, type Hex } from 'viem';
import { hex } from '../base/bytes.ts';
import { quiet } from '../base/log.ts';
import { addressOf } from '../protocol/signature.ts';
import { bondingManagerAbi } from './abi/bonding-manager.ts';
import { controllerAbi } from './abi/controller.ts';
import { livepeerTokenAbi } from './abi/livepeer-token.ts';
import { roundsManagerAbi } from './abi/rounds-manager.ts';
import { serviceRegistryAbi } from './abi/service-registry.ts';
import { ticketBrokerAbi } from './abi/ticket-broker.ts';
import type { UnsignedTransaction } from './sign-transaction.ts';
import type { SigningContract } from './signing-contracts.ts';
import type { SigningPolicy } from './signing-policy.ts';
import { openSums, type Sums } from './signing-sums.ts';
import { accountsOf, createVault, type Vault, type VaultKey } from './signing-vault.ts';

export const ETH = 10n ** 18n;
export const LPT = ETH;
export const CHAIN_ID = 31_337;

export const keyOf = (byte: number) => Buffer.alloc(32, byte);
export const addressOfKey = (key: Uint8Array): Hex => `0x${hex(addressOf(key))}`;
export const node = addressOfKey(keyOf(1));
export const redeemer = addressOfKey(keyOf(2));
export const rewardCaller = addressOfKey(keyOf(3));
/** A cold account, whose key no signer has. */
export const orchestrator = addressOfKey(keyOf(4));
export const friend = addressOfKey(keyOf(5));
export const stranger = addressOfKey(keyOf(6));
export const NOBODY: Hex = `0x${'00'.repeat(20)}`;

const places: Record<SigningContract, Hex> = {
  BondingManager: `0x${'b1'.repeat(20)}`,
  TicketBroker: `0x${'b2'.repeat(20)}`,
  RoundsManager: `0x${'b3'.repeat(20)}`,
  ServiceRegistry: `0x${'b4'.repeat(20)}`,
  AIServiceRegistry: `0x${'b5'.repeat(20)}`,
  LivepeerToken: `0x${'b6'.repeat(20)}`,
  LivepeerGovernor: `0x${'b7'.repeat(20)}`,
  Poll: `0x${'b8'.repeat(20)}`,
};
export const at = (contract: SigningContract): Hex => places[contract];

/** Keys of three roles, or one that has them all. */
export function testKeys(): [VaultKey, ...VaultKey[]] {
  const key = (byte: number, roles: VaultKey['roles']): VaultKey => ({
    address: addressOf(keyOf(byte)),
    key: keyOf(byte),
    roles,
  });
  return [key(1, ['node']), key(2, ['redeemer']), key(3, ['reward_caller'])];
}

/** A cold orchestrator, a friend who may be paid, and limits that are quickly reached. */
export function testPolicy(changes: Partial<SigningPolicy> = {}): SigningPolicy {
  return {
    chainId: CHAIN_ID,
    accounts: accountsOf(testKeys()),
    orchestrator,
    contracts: new Map(
      Object.entries(places).map(([name, address]) => [address, name as SigningContract]),
    ),
    withdrawTo: new Set([friend]),
    transferTo: new Set([friend]),
    limits: {
      gasLimitMax: 5_000_000n,
      gasPriceMax: 10n ** 10n,
      feePerTransaction: ETH / 100n,
      feesPerDay: 1_000n * ETH,
      ethPerTransaction: ETH,
      ethPerDay: 2n * ETH,
      lptPerTransaction: 100n * LPT,
      lptPerDay: 250n * LPT,
    },
    ...changes,
  };
}

export function testVault(parts: { policy?: SigningPolicy; sums?: Sums } = {}): Vault {
  return createVault({
    keys: testKeys(),
    policy: parts.policy ?? testPolicy(),
    sums: parts.sums ?? openSums(':memory:', () => 0),
    random: randomBytes,
    log: quiet,
  });
}

/** A transaction that costs little: what it does is given. */
export function unsigned(
  changes: Partial<UnsignedTransaction> & Pick<UnsignedTransaction, 'to'>,
): UnsignedTransaction {
  return {
    chainId: CHAIN_ID,
    nonce: 0,
    value: 0n,
    data: '0x',
    gasLimit: 500_000n,
    maxFeePerGas: 10n ** 9n,
    maxPriorityFeePerGas: 0n,
    ...changes,
  };
}

/** A winning ticket as redemption calls take it. */
export function ticketFor(recipient: Hex) {
  return {
    recipient,
    sender: stranger,
    faceValue: ETH,
    winProb: 1n,
    senderNonce: 1n,
    recipientRandHash: `0x${'11'.repeat(32)}` as Hex,
    auxData: `0x${'22'.repeat(64)}` as Hex,
  };
}

const signature: Hex = `0x${'33'.repeat(65)}`;

/** Calls with canonical data, to the contract that has the method. */
export const call = {
  bonding: (
    functionName:
      | 'bond'
      | 'unbond'
      | 'rebond'
      | 'rebondFromUnbonded'
      | 'withdrawStake'
      | 'transcoder'
      | 'reward'
      | 'rewardForTranscoder'
      | 'setRewardCaller'
      | 'withdrawFees'
      | 'bondForWithHint'
      | 'transferBond'
      | 'slashTranscoder'
      | 'setController'
      | 'bondWithHint',
    args: readonly unknown[],
  ) => ({
    to: at('BondingManager'),
    data: encodeFunctionData({ abi: bondingManagerAbi, functionName, args } as never) as Hex,
  }),
  redeem: (recipient: Hex) => ({
    to: at('TicketBroker'),
    data: encodeFunctionData({
      abi: ticketBrokerAbi,
      functionName: 'redeemWinningTicket',
      args: [ticketFor(recipient), signature, 5n],
    }),
  }),
  redeemBatch: (recipients: readonly Hex[]) => ({
    to: at('TicketBroker'),
    data: encodeFunctionData({
      abi: ticketBrokerAbi,
      functionName: 'batchRedeemWinningTickets',
      args: [recipients.map(ticketFor), recipients.map(() => signature), recipients.map(() => 5n)],
    }),
  }),
  broker: (functionName: 'fundDeposit' | 'unlock' | 'withdraw') => ({
    to: at('TicketBroker'),
    data: encodeFunctionData({ abi: ticketBrokerAbi, functionName }),
  }),
  initializeRound: () => ({
    to: at('RoundsManager'),
    data: encodeFunctionData({ abi: roundsManagerAbi, functionName: 'initializeRound' }),
  }),
  serviceUri: (uri: string) => ({
    to: at('ServiceRegistry'),
    data: encodeFunctionData({
      abi: serviceRegistryAbi,
      functionName: 'setServiceURI',
      args: [uri],
    }),
  }),
  token: (functionName: 'approve' | 'transfer', to: Hex, amount: bigint) => ({
    to: at('LivepeerToken'),
    data: encodeFunctionData({ abi: livepeerTokenAbi, functionName, args: [to, amount] }),
  }),
  tokenFrom: (from: Hex, to: Hex, amount: bigint) => ({
    to: at('LivepeerToken'),
    data: encodeFunctionData({
      abi: livepeerTokenAbi,
      functionName: 'transferFrom',
      args: [from, to, amount],
    }),
  }),
  pause: () => ({
    to: at('RoundsManager'),
    data: encodeFunctionData({ abi: controllerAbi, functionName: 'pause' }),
  }),
} as const;
