import { type Address, concat, encodeFunctionData, getContractAddress, type Hex } from 'viem';
import { disperseAbi } from './abi/disperse.ts';
import { disperseCode } from './disperse-code.ts';

/**
 * A contract that is at this address on nearly every chain, Arbitrum One and anvil among them, and
 * creates what it is sent at an address that follows from the bytes alone
 * (github.com/Arachnid/deterministic-deployment-proxy).
 */
export const CREATOR: Address = '0x4e59b44847b379578588920ca78fbf26c0b4956c';
const SALT: Hex = `0x${'00'.repeat(32)}`;

/** Where Disperse is on every chain on which anybody has deployed it: no setting, nothing to trust. */
export const DISPERSE: Address = getContractAddress({
  opcode: 'CREATE2',
  from: CREATOR,
  salt: SALT,
  bytecode: disperseCode,
});

/** What {@link CREATOR} is sent to put Disperse there. */
export const deployDisperseData: Hex = concat([SALT, disperseCode]);

/** One recipient with its amount in base units. */
export interface Share {
  readonly to: Hex;
  readonly amount: bigint;
}

/** What pays ether to many; its value is the sum. `batch`: 32 bytes that name it in the events. */
export function disperseEtherData(batch: Hex, shares: readonly Share[]): Hex {
  return encodeFunctionData({
    abi: disperseAbi,
    functionName: 'disperseEther',
    args: [batch, shares.map(({ to }) => to), shares.map(({ amount }) => amount)],
  });
}

/** What pays tokens to many, out of an allowance. */
export function disperseTokenData(batch: Hex, token: Hex, shares: readonly Share[]): Hex {
  return encodeFunctionData({
    abi: disperseAbi,
    functionName: 'disperseToken',
    args: [batch, token, shares.map(({ to }) => to), shares.map(({ amount }) => amount)],
  });
}
