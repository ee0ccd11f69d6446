import { type Address, isAddressEqual, zeroAddress } from 'viem';

/** A place in the transcoder pool. */
export interface PoolMember {
  readonly address: Address;
  /** In 10^-18 LPT. */
  readonly stake: bigint;
}

/** The transcoder pool, as the contract orders it: the largest stake first. */
export interface TranscoderPool {
  readonly members: readonly PoolMember[];
  readonly sizeMax: number;
}

/** The neighbours that a changed stake gets: the next larger and the next smaller one. */
export type Hint = readonly [previous: Address, next: Address];

/** No hint: the contract searches from the head. */
export const NO_HINT: Hint = [zeroAddress, zeroAddress];

/** What the pool looks like when an account has another stake. */
export interface PoolChange {
  readonly pool: TranscoderPool;
  readonly hint: Hint;
  /** Place from 0 in the new pool; undefined: the account is not in it. */
  readonly place: number | undefined;
  /** Who has to leave for it. */
  readonly evicted: Address | undefined;
}

/**
 * The pool after `address` has `stake`: re-inserted in front of its equals, as the contract does;
 * into a full pool only with more than the last one has. A wrong hint costs gas, nothing else.
 *
 * protocol: SortedDoublyLL.updateKey, BondingManager.tryToJoinActiveSet.
 */
export function withStake(pool: TranscoderPool, address: Address, stake: bigint): PoolChange {
  const others = pool.members.filter((member) => !isAddressEqual(member.address, address));
  const wasIn = others.length < pool.members.length;
  const out = { pool: { ...pool, members: others }, hint: NO_HINT, place: undefined };
  if (stake === 0n) return { ...out, evicted: undefined };
  const last = others.at(-1);
  const full = !wasIn && others.length >= pool.sizeMax;
  if (full && (!last || stake <= last.stake)) return { ...out, evicted: undefined };
  const staying = full ? others.slice(0, -1) : others;
  const found = staying.findIndex((member) => member.stake <= stake);
  const place = found < 0 ? staying.length : found;
  const members = staying.toSpliced(place, 0, { address, stake });
  return {
    pool: { ...pool, members },
    hint: [members[place - 1]?.address ?? zeroAddress, members[place + 1]?.address ?? zeroAddress],
    place,
    evicted: full ? last?.address : undefined,
  };
}

/** Place from 0 of an account; undefined when it is not in the pool. */
export function placeOf(pool: TranscoderPool, address: Address): number | undefined {
  const place = pool.members.findIndex((member) => isAddressEqual(member.address, address));
  return place < 0 ? undefined : place;
}
