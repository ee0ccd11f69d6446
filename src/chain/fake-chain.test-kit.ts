import type { Hex } from 'viem';
import type { Receipt, SendAnswer, View } from './journal-types.ts';

/** No reorganisation goes deeper. */
const FINAL_DEPTH = 5;
/** Blocks for which a transaction out of order is kept. */
const HELD_BLOCKS = 2;
const TIP = 1n;

/** A number from 0 up to but not including 1; the same ones again for the same seed. */
export type Chance = () => number;

/** mulberry32. */
export function seededChance(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A transaction of the one account that this chain knows. */
export interface FakeTransaction {
  readonly nonce: number;
  readonly hash: Hex;
  readonly maxFeePerGas: bigint;
}

type Blocks = readonly (readonly FakeTransaction[])[];

/** The chain as one look shows it, which stays the same when the chain goes on. */
export interface Look {
  readonly view: View;
  receiptsOf(hashes: readonly Hex[]): readonly Receipt[];
}

/** A chain with a base fee, reorganisations and, as on Arbitrum, hardly any queue. */
export interface FakeChain {
  baseFee: bigint;
  readonly height: number;
  look(): Look;
  send(tx: FakeTransaction): SendAnswer;
  /** A transaction that the account's owner sends from elsewhere. */
  sendForeign(maxFeePerGas: bigint): void;
  mine(): void;
  /** Undoes blocks that are not final; half of their transactions are never seen again. */
  reorganise(): void;
  /** Transactions in blocks that will not be undone, by nonce. */
  final(): readonly FakeTransaction[];
  readonly pending: readonly FakeTransaction[];
}

export function createFakeChain(chance: Chance): FakeChain {
  let blocks: Blocks = [];
  let finalHeight = 0;
  let foreign = 0;
  const pool = new Map<number, { readonly tx: FakeTransaction; held: number }>();
  const flat = () => blocks.flat();
  const count = () => flat().length;

  const chain: FakeChain = {
    baseFee: 50n,
    get height() {
      return blocks.length;
    },
    get pending() {
      return [...pool.values()].map(({ tx }) => tx);
    },
    look: () => lookAt(blocks, finalHeight, chain.baseFee),
    send(tx) {
      if (flat().some(({ hash }) => hash === tx.hash)) return 'accepted';
      if (tx.nonce < count()) return 'nonce_too_low';
      if (tx.maxFeePerGas < chain.baseFee) return 'fee_too_low';
      const before = pool.get(tx.nonce)?.tx;
      if (before?.hash === tx.hash) return 'accepted';
      if (before && tx.maxFeePerGas * 10n < before.maxFeePerGas * 11n) return 'rejected';
      pool.set(tx.nonce, { tx, held: 0 });
      return 'accepted';
    },
    sendForeign(maxFeePerGas) {
      foreign += 1;
      // A wallet either knows of what is pending, or not.
      const nonce = count() + (chance() < 0.5 ? pool.size : 0);
      chain.send({ nonce, hash: `0x${foreign.toString(16).padStart(64, '0')}`, maxFeePerGas });
    },
    mine() {
      const block: FakeTransaction[] = [];
      for (let nonce = count(); ; nonce += 1) {
        const tx = pool.get(nonce)?.tx;
        if (!tx || tx.maxFeePerGas < chain.baseFee) break;
        block.push(tx);
        pool.delete(nonce);
      }
      blocks = [...blocks, block];
      finalHeight = Math.max(finalHeight, blocks.length - FINAL_DEPTH);
      for (const [nonce, waiting] of pool) {
        waiting.held += 1;
        if (nonce < count() || waiting.held > HELD_BLOCKS) pool.delete(nonce);
      }
    },
    reorganise() {
      const depth = Math.floor(chance() * (blocks.length - finalHeight + 1));
      const undone = blocks.slice(blocks.length - depth).flat();
      blocks = blocks.slice(0, blocks.length - depth);
      for (const tx of undone) {
        if (chance() < 0.5) pool.set(tx.nonce, { tx, held: 0 });
      }
    },
    final: () => blocks.slice(0, finalHeight).flat(),
  };
  return chain;
}

function lookAt(blocks: Blocks, finalHeight: number, baseFeePerGas: bigint): Look {
  const finalNonce = blocks.slice(0, finalHeight).flat().length;
  const latestNonce = blocks.flat().length;
  return {
    view: { latestNonce, finalNonce, baseFeePerGas, priorityFeePerGas: TIP },
    receiptsOf: (hashes) =>
      blocks.flatMap((block, height) =>
        block
          .filter(({ hash }) => hashes.includes(hash))
          .map(({ hash }) => ({
            hash,
            block: BigInt(height),
            succeeded: true,
            final: height < finalHeight,
          })),
      ),
  };
}
