import { hash } from 'node:crypto';
import { hex, parseHex } from '../base/bytes.ts';
import { type Instant, instant } from '../base/clock.ts';
import { keccak256 } from '../base/keccak.ts';
import { checksumAddress, parseAddress, recover } from '../protocol/signature.ts';
import type { Recipient } from './plan-types.ts';

/** A worker that lost its key, or its operator, has this long to notice that somebody changed it. */
export const OPERATOR_DELAY_MS = 48 * 3_600_000;
/** A signed wish that nobody hands in for so long is not one any more. */
const EXPIRY_MS_MAX = 30 * 86_400_000;
/** A contract wallet with many owners signs with a few hundred bytes. */
const SIGNATURE_BYTES_MAX = 4_096;

/** What both addresses sign. */
export interface AddressWish {
  /** The orchestrator, in lower case, so that a signature counts at one pool only. */
  readonly pool: Recipient;
  readonly chainId: number;
  readonly worker: string;
  readonly from: Recipient;
  readonly to: Recipient;
  /** One more for each change of the worker. */
  readonly nonce: bigint;
  readonly expiresAt: Instant;
}

/**
 * The text that both addresses sign, as wallets show it (EIP-191, `personal_sign`): a person can read
 * what it does, and any wallet can sign it.
 */
export function addressMessage(wish: AddressWish): string {
  return [
    'Change my payout address',
    '',
    `Pool: ${shown(wish.pool)} on chain ${wish.chainId}`,
    `Worker: ${wish.worker}`,
    `From: ${shown(wish.from)}`,
    `To: ${shown(wish.to)}`,
    `Nonce: ${wish.nonce}`,
    `Valid until: ${new Date(wish.expiresAt).toISOString()}`,
  ].join('\n');
}

function shown(address: Recipient): string {
  return checksumAddress(parseHex(address) as Uint8Array);
}

/** The digest that is signed: EIP-191, version 0x45. */
export function addressDigest(wish: AddressWish): Uint8Array {
  return textDigest(addressMessage(wish));
}

/** What a wallet signs of a text (`personal_sign`): EIP-191, version 0x45. */
export function textDigest(text: string): Uint8Array {
  const message = Buffer.from(text, 'utf8');
  const prefix = Buffer.from(`\x19Ethereum Signed Message:\n${message.length}`, 'latin1');
  return keccak256(Buffer.concat([prefix, message]));
}

/** Why an address is not taken. */
export type AddressRefusal =
  | 'address_invalid'
  | 'zero_address'
  | 'own_address'
  | 'address_unchanged'
  | 'expired'
  | 'wrong_nonce'
  | 'old_signature_wrong'
  | 'new_signature_wrong';

/** Decodes an address that was typed; undefined when it is none or its checksum is wrong. */
export function recipientIn(text: string): Recipient | undefined {
  const address = parseAddress(text);
  return address && `0x${hex(address)}`;
}

/** Whether workers may be paid there at all. `own`: the pool's accounts and contracts. */
export function refusalOf(to: Recipient, own: ReadonlySet<string>): AddressRefusal | undefined {
  if (/^0x0{40}$/.test(to)) return 'zero_address';
  return own.has(to) ? 'own_address' : undefined;
}

/** Whether a wish is one for now. */
export function wishRefusal(
  { expiresAt, nonce, from, to }: AddressWish,
  now: { readonly at: Instant; readonly nonce: bigint; readonly address: Recipient | undefined },
): AddressRefusal | undefined {
  if (from !== now.address) return 'old_signature_wrong';
  if (from === to) return 'address_unchanged';
  if (nonce !== now.nonce) return 'wrong_nonce';
  return expiresAt < now.at || expiresAt - now.at > EXPIRY_MS_MAX ? 'expired' : undefined;
}

/** Asks a contract wallet; see PayoutChain. */
type ContractSays = (
  address: Recipient,
  digest: `0x${string}`,
  signature: `0x${string}`,
) => Promise<boolean>;

/** Whether an account, or the contract that it is, signed a digest. */
export async function isSignedBy(
  address: Recipient,
  digest: Uint8Array,
  signature: string,
  contractSays: ContractSays | undefined,
): Promise<boolean> {
  const bytes = parseHex(signature);
  if (!bytes || bytes.length === 0 || bytes.length > SIGNATURE_BYTES_MAX) return false;
  const signer = recover(digest, normal(bytes));
  if (signer && `0x${hex(signer)}` === address) return true;
  return contractSays ? contractSays(address, `0x${hex(digest)}`, `0x${hex(bytes)}`) : false;
}

/** Some wallets write v as 0 and 1. */
function normal(signature: Uint8Array): Uint8Array {
  const v = signature[64];
  if (signature.length !== 65 || (v !== 0 && v !== 1)) return signature;
  const copy = Uint8Array.from(signature);
  copy[64] = 27 + v;
  return copy;
}

/** Of a token: what is stored of it. */
export function tokenHash(token: string): string {
  return hash('sha256', token, 'hex');
}

/** When a change that the operator asked for takes effect: at once where there was none before. */
export function operatorEffectiveAt(at: Instant, address: Recipient | undefined): Instant {
  return address === undefined ? at : instant(at + OPERATOR_DELAY_MS);
}
