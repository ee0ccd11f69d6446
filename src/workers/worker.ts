import { hex, parseHex } from '../base/bytes.ts';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import { keccak256 } from '../base/keccak.ts';

/** Where payouts go: `0x` and 40 hex digits in EIP-55 capitals. */
export type PayoutAddress = string & { readonly __brand: 'PayoutAddress' };

/**
 * `active` gets jobs; `paused` stays connected and gets none; `draining` finishes what it has and is
 * then let go; `revoked` is refused for good.
 */
export const workerStates = ['active', 'paused', 'draining', 'revoked'] as const;
export type WorkerState = (typeof workerStates)[number];

/** Somebody whose machines work for the pool. */
export interface Worker {
  readonly id: WorkerId;
  readonly name: string;
  readonly payoutAddress: PayoutAddress | undefined;
  readonly state: WorkerState;
  readonly createdAt: Instant;
  /** How many secrets are accepted now: 2 during a rotation, 0 when revoked. */
  readonly validSecrets: number;
}

const NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** 1 to 64 letters, digits, dots, dashes or underscores: safe in a terminal, a path and a URL. */
export function isWorkerName(text: string): boolean {
  return NAME.test(text) && text !== '.' && text !== '..';
}

/**
 * Decodes a payout address: 20 bytes of hex, all of one case, or mixed with the right checksum
 * (EIP-55). Undefined otherwise, and for the zero address, from which nothing comes back.
 */
export function parsePayoutAddress(text: string): PayoutAddress | undefined {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) return undefined;
  const bytes = parseHex(text);
  if (!bytes || bytes.every((byte) => byte === 0)) return undefined;
  const checked = payoutAddress(bytes);
  const digits = text.slice(2);
  const oneCase = digits === digits.toLowerCase() || digits === digits.toUpperCase();
  return oneCase || text === checked ? checked : undefined;
}

/** The EIP-55 text of 20 bytes: a hex digit is a capital where the hash of the text has a high bit. */
export function payoutAddress(bytes: Uint8Array): PayoutAddress {
  const digits = hex(bytes);
  const hash = hex(keccak256(Buffer.from(digits, 'ascii')));
  let text = '0x';
  for (let i = 0; i < digits.length; i++) {
    const digit = digits[i] as string;
    text += Number.parseInt(hash[i] as string, 16) >= 8 ? digit.toUpperCase() : digit;
  }
  return text as PayoutAddress;
}

/** May a worker go from one state to another? A revoked one never comes back. */
export function mayBecome(from: WorkerState, to: WorkerState): boolean {
  return from !== 'revoked' || to === 'revoked';
}
