import { createCipheriv, createDecipheriv, randomUUID, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { hex, parseHex } from '../base/bytes.ts';
import { type RandomBytes, secureRandom } from '../base/ids.ts';
import { keccak256 } from '../base/keccak.ts';
import { ADDRESS_BYTES, addressOf } from '../protocol/signature.ts';
import { type Derivation, derivationProblem, deriveKey } from './key-derivation.ts';

const PRIVATE_KEY_BYTES = 32;
const IV_BYTES = 16;
const MAC_BYTES = 32;
const SALT_BYTES = 32;
/** A salt is 32 bytes; some programs take 64. */
const SALT_BYTES_MAX = 1024;

/** What a file costs its owner, and a thief, to open. */
export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** geth's standard, which go-livepeer uses as well: 256 MiB and about a second. */
export const STANDARD_COST: ScryptCost = { n: 2 ** 18, r: 8, p: 1 };

/** A key that is still closed: a Web3 Secret Storage file of version 3. */
export interface ClosedKey {
  /** 20 bytes; some programs leave it out. */
  readonly address: Uint8Array | undefined;
  readonly derivation: Derivation;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly mac: Uint8Array;
}

const hexText = (min: number, max: number) =>
  z
    .string()
    .max(2 * max + 2)
    .transform((text) => parseHex(text))
    .refine((bytes) => bytes !== undefined && bytes.length >= min && bytes.length <= max)
    .transform((bytes) => bytes as Uint8Array);
const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31);
const salt = hexText(0, SALT_BYTES_MAX);
const dklen = z.literal(32);

const cryptoShape = z.intersection(
  z.object({
    cipher: z.literal('aes-128-ctr'),
    ciphertext: hexText(1, PRIVATE_KEY_BYTES),
    cipherparams: z.object({ iv: hexText(IV_BYTES, IV_BYTES) }),
    mac: hexText(MAC_BYTES, MAC_BYTES),
  }),
  z.discriminatedUnion('kdf', [
    z.object({
      kdf: z.literal('scrypt'),
      kdfparams: z.object({ n: count, r: count, p: count, dklen, salt }),
    }),
    z.object({
      kdf: z.literal('pbkdf2'),
      kdfparams: z.object({ c: count, prf: z.literal('hmac-sha256'), dklen, salt }),
    }),
  ]),
);

const fileShape = z.object({
  version: z.union([z.literal(3), z.literal('3')]),
  address: hexText(ADDRESS_BYTES, ADDRESS_BYTES).optional(),
  crypto: cryptoShape,
});

/**
 * Reads the text of a V3 file, as hostile input. The answer's `problem` completes "This is no
 * keystore that can be opened: …".
 *
 * Source: Web3 Secret Storage Definition; geth reads the names of the top in any case
 * (go-ethereum accounts/keystore/passphrase.go).
 */
export function parseKeystore(
  text: string,
):
  | { readonly ok: true; readonly closed: ClosedKey }
  | { readonly ok: false; readonly problem: string } {
  const json = parseObject(text);
  if (!json) return { ok: false, problem: 'it is not a JSON object' };
  if ('version' in json && ![3, '3'].includes(json.version as number | string)) {
    return { ok: false, problem: 'it is not of version 3' };
  }
  const parsed = fileShape.safeParse(json);
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.join('.') || 'crypto';
    return { ok: false, problem: `"${where}" is missing or not as Web3 Secret Storage has it` };
  }
  const { address, crypto } = parsed.data;
  const derivation: Derivation =
    crypto.kdf === 'scrypt'
      ? { kdf: 'scrypt', ...crypto.kdfparams }
      : { kdf: 'pbkdf2', ...crypto.kdfparams };
  const problem = derivationProblem(derivation);
  if (problem) return { ok: false, problem };
  const { ciphertext, mac, cipherparams } = crypto;
  return { ok: true, closed: { address, derivation, iv: cipherparams.iv, ciphertext, mac } };
}

/**
 * The private key of a closed key: 32 bytes, which the caller zeroes when it is done with them.
 * `wrong_password` may also be a damaged file: the MAC is over both. `wrong_key`: what is inside is
 * no private key, or not the one of the address that the file names.
 */
export async function decryptKey(
  closed: ClosedKey,
  password: string,
): Promise<
  | { readonly ok: true; readonly key: Uint8Array }
  | { readonly ok: false; readonly reason: 'wrong_password' | 'wrong_key' }
> {
  const derived = await deriveKey(password, closed.derivation);
  try {
    if (!timingSafeEqual(macOf(derived, closed.ciphertext), closed.mac)) {
      return { ok: false, reason: 'wrong_password' };
    }
    const decipher = createDecipheriv('aes-128-ctr', derived.subarray(0, 16), closed.iv);
    const inside = decipher.update(closed.ciphertext);
    // Old programs dropped leading zeros.
    const key = new Uint8Array(PRIVATE_KEY_BYTES);
    key.set(inside, PRIVATE_KEY_BYTES - inside.length);
    inside.fill(0);
    if (belongs(key, closed.address)) return { ok: true, key };
    key.fill(0);
    return { ok: false, reason: 'wrong_key' };
  } finally {
    derived.fill(0);
  }
}

/** The text of a V3 file for a 32-byte private key, as geth writes it. RangeError if it is none. */
export async function encryptKey(
  key: Uint8Array,
  password: string,
  options: { readonly cost?: ScryptCost; readonly random?: RandomBytes } = {},
): Promise<string> {
  const { n, r, p } = options.cost ?? STANDARD_COST;
  const random = options.random ?? secureRandom;
  const address = addressOf(key);
  const saltBytes = random(SALT_BYTES);
  const iv = random(IV_BYTES);
  const derived = await deriveKey(password, { kdf: 'scrypt', n, r, p, salt: saltBytes });
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv);
  const ciphertext = cipher.update(key);
  const mac = macOf(derived, ciphertext);
  derived.fill(0);
  return JSON.stringify({
    address: hex(address),
    crypto: {
      cipher: 'aes-128-ctr',
      ciphertext: hex(ciphertext),
      cipherparams: { iv: hex(iv) },
      kdf: 'scrypt',
      kdfparams: { dklen: 32, n, p, r, salt: hex(saltBytes) },
      mac: hex(mac),
    },
    id: randomUUID(),
    version: 3,
  });
}

function macOf(derived: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  return keccak256(Buffer.concat([derived.subarray(16, 32), ciphertext]));
}

function belongs(key: Uint8Array, address: Uint8Array | undefined): boolean {
  try {
    const found = hex(addressOf(key));
    return address === undefined || found === hex(address);
  } catch {
    return false; // zero, or not below the curve's order
  }
}

/** The names at the top in lower case: MyEtherWallet wrote `Crypto`. */
function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k.toLowerCase(), v]));
  } catch {
    return undefined;
  }
}
