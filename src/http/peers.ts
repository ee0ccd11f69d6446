import { randomBytes } from 'node:crypto';
import { hmacSha256 } from '../base/mac.ts';
import { networkOf } from './address.ts';

/** Who is connected from where, counted under names that say nothing about the address. */
export interface Peers {
  /** The name of a remote address: the same for all of an IPv6 /64, which one customer gets. */
  nameOf(address: string): string;
  readonly connections: Counts;
  readonly exchanges: Counts;
}

export interface Counts {
  of(peer: string): number;
  add(peer: string): void;
  remove(peer: string): void;
}

export function createPeers(): Peers {
  const salt = randomBytes(16);
  return {
    nameOf: (address) =>
      hmacSha256(salt).update(networkOf(address)).digest('base64url').slice(0, 16),
    connections: createCounts(),
    exchanges: createCounts(),
  };
}

/** Counts that are forgotten when they are back at none. */
export function createCounts(): Counts {
  const counts = new Map<string, number>();
  return {
    of: (peer) => counts.get(peer) ?? 0,
    add(peer) {
      counts.set(peer, (counts.get(peer) ?? 0) + 1);
    },
    remove(peer) {
      const left = (counts.get(peer) ?? 0) - 1;
      if (left > 0) counts.set(peer, left);
      else counts.delete(peer);
    },
  };
}
