import type { Hex } from 'viem';

/** `transfer(address,uint256)`: what pays a token to one account. */
export function encodeTransfer(to: Hex, amount: bigint): Hex {
  return `0xa9059cbb${word(BigInt(to))}${word(amount)}`;
}

/** `approve(address,uint256)` */
export function encodeApprove(spender: Hex, amount: bigint): Hex {
  return `0x095ea7b3${word(BigInt(spender))}${word(amount)}`;
}

/** `balanceOf(address)` */
export function readBalance(of: Hex): Hex {
  return `0x70a08231${word(BigInt(of))}`;
}

/** The first word of an answer as a number. Throws RangeError when there is none. */
export function readWord(answer: Hex): bigint {
  if (!/^0x[0-9a-fA-F]{64}/.test(answer)) throw new RangeError('no word was answered');
  return BigInt(answer.slice(0, 66));
}

function word(value: bigint): string {
  const digits = value.toString(16);
  if (value < 0n || digits.length > 64) throw new RangeError('not a word');
  return digits.padStart(64, '0');
}
