import { hex } from '../base/bytes.ts';
import { TICKETS_MAX } from '../protocol/payment.ts';

/** Blocks after which parameters are forgotten: no reorganisation reaches back so far. */
const FORGET_BLOCKS = 256n;

/** Which ticket parameters a nonce is for. */
export interface NonceKey {
  /** 32 bytes. */
  readonly recipientRandHash: Uint8Array;
  readonly expirationBlock: bigint;
}

/** The numbers of tickets, which must differ among those of one recipientRand. */
export interface SenderNonces {
  /**
   * The next `count` numbers, the first being 1; undefined when the recipient would refuse so many.
   * A number is never given twice, also when its ticket was not sent.
   */
  take(key: NonceKey, count: number): readonly number[] | undefined;
  /** How many can still be taken. */
  left(key: NonceKey): number;
  /** Parameters that expired long before this L1 block need no memory. */
  forget(lastL1Block: bigint): void;
}

/**
 * Counts per recipientRand, for all sessions of a gateway: an orchestrator that hands the same
 * parameters out twice gets no number twice. Wire: go-livepeer pm/sender.go, pm/recipient.go.
 */
export function createSenderNonces(): SenderNonces {
  const used = new Map<string, { last: number; readonly expirationBlock: bigint }>();
  const left = (key: NonceKey) => TICKETS_MAX - (used.get(hex(key.recipientRandHash))?.last ?? 0);
  return {
    take(key, count) {
      if (count > left(key)) return undefined;
      const name = hex(key.recipientRandHash);
      const { recipientRandHash: _, ...rest } = key;
      const entry = used.get(name) ?? { last: 0, ...rest };
      const first = entry.last + 1;
      entry.last += count;
      used.set(name, entry);
      return Array.from({ length: count }, (_unused, index) => first + index);
    },
    left,
    forget(lastL1Block) {
      for (const [name, { expirationBlock }] of used) {
        if (expirationBlock + FORGET_BLOCKS <= lastL1Block) used.delete(name);
      }
    },
  };
}
