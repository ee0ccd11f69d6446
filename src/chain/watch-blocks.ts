import type { Hex } from 'viem';
import { type Instant, instant } from '../base/clock.ts';

/** Blocks further below the head than this are taken as settled: twice the deepest reorg known. */
export const BLOCKS_KEPT = 256n;
/** However far apart the blocks are that were looked at, so many of them are remembered. */
const LOOKS_KEPT = 64;
/** Blocks of a range of events to begin with; go-livepeer asks for 1,000 at a time. */
export const RANGE_START = 1_000n;
const RANGE_MAX = 5_000n;
/**
 * Blocks whose events are asked for again: nodes behind one address index events late, and say
 * nothing for a block of which they already gave the header. 16 s on Arbitrum.
 */
export const OVERLAP = 64n;

/** A block that was looked at. Not every block is: Arbitrum makes twenty between two looks. */
export interface Block {
  readonly number: bigint;
  readonly hash: Hex;
  readonly parentHash: Hex;
  readonly l1Block: bigint;
  readonly at: Instant;
  readonly baseFeePerGas: bigint;
}

/** A block as nodes send it; what is not needed is not named. */
export interface Header {
  readonly number?: string | null;
  readonly hash?: string | null;
  readonly parentHash?: string;
  readonly timestamp?: string;
  readonly baseFeePerGas?: string | null;
  readonly l1BlockNumber?: string;
}

/**
 * Reads a header; undefined when it is none: no number, a zero hash, or no `l1BlockNumber` where
 * there must be one. Wire: go-livepeer eth/blockwatch/client.go takes the block's own number for it
 * on other chains.
 */
export function readHeader(
  header: Header | null,
  { arbitrum }: { readonly arbitrum: boolean },
): Block | undefined {
  const number = quantity(header?.number);
  const seconds = quantity(header?.timestamp);
  const hash = hashOf(header?.hash);
  const parentHash = hashOf(header?.parentHash);
  if (number === undefined || seconds === undefined || !hash) return undefined;
  if (!parentHash && number > 0n) return undefined;
  const l1Block = quantity(header?.l1BlockNumber) ?? (arbitrum ? undefined : number);
  if (l1Block === undefined || seconds > SECONDS_MAX) return undefined;
  return {
    number,
    hash,
    parentHash: parentHash ?? hash,
    l1Block,
    at: instant(Number(seconds) * 1000),
    baseFeePerGas: quantity(header?.baseFeePerGas) ?? 0n,
  };
}
/** Year 9999: more is no time. */
const SECONDS_MAX = 253_402_300_799n;

/** How a new head stands to the blocks that were looked at, oldest first. */
export type Standing =
  /** Nothing new; the node may lag. */
  | { readonly is: 'old' }
  /** It follows the newest. */
  | { readonly is: 'linked' }
  /** Another block than the one that was there. */
  | { readonly is: 'forked' }
  /** Is this block, still, the one of its number? If so, the head is `otherwise`. */
  | { readonly is: 'unclear'; readonly ask: Block; readonly otherwise: 'linked' | 'old' };

/** Compares a head with what is known, which is something, without asking. */
export function standingOf(known: readonly Block[], head: Block): Standing {
  const tip = known.at(-1);
  if (!tip) return { is: 'old' };
  const same = known.find(({ number }) => number === head.number);
  if (same) return { is: same.hash === head.hash ? 'old' : 'forked' };
  if (head.number === tip.number + 1n) {
    return { is: head.parentHash === tip.hash ? 'linked' : 'forked' };
  }
  if (head.number > tip.number) return { is: 'unclear', ask: tip, otherwise: 'linked' };
  const below = known.findLast(({ number }) => number < head.number);
  // Below everything that is remembered: a node that was just set up, or a chain begun anew.
  return below ? { is: 'unclear', ask: below, otherwise: 'old' } : { is: 'old' };
}

/** What to remember once `block` is the newest: what was after it is gone. */
export function remember(known: readonly Block[], block: Block): readonly Block[] {
  const before = known.filter(({ number }) => number < block.number);
  const all = [...before, block];
  const many = all.length - LOOKS_KEPT;
  return all.filter(({ number }, at) => number + BLOCKS_KEPT >= block.number || at >= many);
}

/** The first range of blocks to ask events for, ends included, and how many blocks it has. */
export interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

/** The next range of at most `size` blocks up to the head; undefined when there is none. */
export function rangeFrom(from: bigint, head: bigint, size: bigint): Range | undefined {
  if (from > head) return undefined;
  const to = from + size - 1n;
  return { from, to: to < head ? to : head };
}

/** After a range was refused: half of it; undefined when it was a single block. */
export function smaller({ from, to }: Range): bigint | undefined {
  const size = to - from + 1n;
  return size > 1n ? size / 2n : undefined;
}

/** After a range was answered. */
export function larger(size: bigint): bigint {
  return size * 2n < RANGE_MAX ? size * 2n : RANGE_MAX;
}

/**
 * The head to go by when several nodes say theirs: of those near the middle one the lowest, so that
 * every one of them knows the block. Of two that are far apart it is the higher: nodes fall behind
 * more often than they lie.
 */
export function commonHead(heads: readonly Block[], lagMax: bigint): Block | undefined {
  const lowestFirst = [...heads].sort((a, b) => (a.number < b.number ? -1 : 1));
  const middle = lowestFirst[lowestFirst.length >> 1]?.number ?? 0n;
  return lowestFirst.find(({ number }) => number + lagMax >= middle);
}

/** Do the heads contradict each other: two hashes for one number? */
export function headsDiffer(heads: readonly Block[]): boolean {
  return heads.some((a) => heads.some((b) => a.number === b.number && a.hash !== b.hash));
}

/** A number as nodes write it; undefined when it is none. */
export function quantity(text: string | null | undefined): bigint | undefined {
  return typeof text === 'string' && /^0x[0-9a-fA-F]{1,64}$/.test(text) ? BigInt(text) : undefined;
}

/** A hash as nodes write it; undefined when it is none, or zero. */
export function hashOf(text: string | null | undefined): Hex | undefined {
  if (typeof text !== 'string' || !/^0x[0-9a-fA-F]{64}$/.test(text)) return undefined;
  return /^0x0*$/.test(text) ? undefined : (text.toLowerCase() as Hex);
}
