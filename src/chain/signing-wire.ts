import type { Hex } from 'viem';
import { hex, parseHex } from '../base/bytes.ts';
import type { UnsignedTransaction } from './sign-transaction.ts';
import { type AccountStatement, decodeStatement, encodeStatement } from './signing-statement.ts';

// Frames between the signer and who is connected to it, big-endian:
//   length of what follows (4 bytes), number of the request (4), kind (1), body.
// The signer speaks first, with a hello of number 0. Every field has one width, so a frame either is
// exactly a request or none; what a caller wants signed never travels as bytes to be signed.

/** Version of these frames: the first byte of the hello. */
const VERSION = 1;
const LENGTH_BYTES = 4;
/** Number and kind. */
const HEAD_BYTES = 5;
/** What nodes take for one transaction, its data included. */
const DATA_BYTES_MAX = 128 * 1024;
/** account, chain id, nonce, to, value, gas limit, two prices */
const TRANSACTION_BYTES = 20 + 8 + 8 + 20 + 4 * 32;
/** Of a frame after its length. */
export const FRAME_BYTES_MAX = HEAD_BYTES + TRANSACTION_BYTES + DATA_BYTES_MAX;
/** A segment has at most 10 renditions on the wire; with room. */
const HASHES_MAX = 64;
const HASH_BYTES = 32;
/** A longer value is never answered (front/ping.ts), so it need not travel. */
export const PING_BYTES_MAX = 32;
const ACCOUNTS_MAX = 16;
const TEXT_BYTES_MAX = 1024;

const KIND = {
  result: 1,
  ping: 2,
  nonce: 3,
  transaction: 4,
  seal_key: 5,
  figures: 6,
  statement: 7,
} as const;
const ANSWER = { hello: 128, ok: 129, refused: 130 } as const;
const ROLE_BITS = { node: 1, redeemer: 2, reward_caller: 4, payout: 8 } as const;

/** What an account is for; what it may sign follows from it. */
export type SigningRole = 'node' | 'redeemer' | 'reward_caller' | 'payout';

/** An account whose key the signer holds. */
export interface SigningAccount {
  /** `0x` and 40 hex digits in lower case. */
  readonly address: Hex;
  readonly roles: readonly SigningRole[];
}

/** Counted since the start of the signer, over all who are connected to it. */
export interface SigningFigures {
  readonly signed: number;
  readonly refused: number;
}

/** What may be asked of the signer. */
export type SigningRequest =
  | { readonly kind: 'result'; readonly hashes: readonly Uint8Array[] }
  | { readonly kind: 'ping'; readonly value: Uint8Array }
  | { readonly kind: 'nonce' }
  | { readonly kind: 'transaction'; readonly account: Hex; readonly tx: UnsignedTransaction }
  | { readonly kind: 'seal_key' }
  | { readonly kind: 'statement'; readonly statement: AccountStatement }
  | { readonly kind: 'figures' };

/** What the signer answers. `refused` has the reason's word and a sentence about it. */
export type SigningAnswer =
  | { readonly kind: 'ok'; readonly body: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: string; readonly text: string };

/** A frame without its length. */
export interface Frame {
  readonly number: number;
  readonly kind: number;
  readonly body: Uint8Array;
}

/**
 * Cuts a stream into frames. `take` answers undefined when the stream holds something that is no
 * frame: nothing after it can be trusted.
 */
export function createFrameReader(): {
  take(chunk: Uint8Array): readonly Frame[] | undefined;
  /** Whether a frame has begun and not ended. */
  readonly within: boolean;
} {
  let held: Buffer = Buffer.alloc(0);
  return {
    get within() {
      return held.length > 0;
    },
    take(chunk) {
      held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
      const frames: Frame[] = [];
      while (held.length >= LENGTH_BYTES) {
        const length = held.readUInt32BE(0);
        if (length < HEAD_BYTES || length > FRAME_BYTES_MAX) return undefined;
        if (held.length < LENGTH_BYTES + length) break;
        const frame = held.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
        frames.push({
          number: frame.readUInt32BE(0),
          kind: frame[4] as number,
          body: frame.subarray(HEAD_BYTES),
        });
        held = held.subarray(LENGTH_BYTES + length);
      }
      return frames;
    },
  };
}

/** A request as bytes. Throws RangeError when it does not fit its form. */
export function encodeRequest(number: number, request: SigningRequest): Uint8Array {
  switch (request.kind) {
    case 'result': {
      const { hashes } = request;
      const fits = hashes.every((hash) => hash.length === HASH_BYTES);
      if (!fits || hashes.length === 0 || hashes.length > HASHES_MAX) {
        throw new RangeError(`a result has 1 to ${HASHES_MAX} hashes of ${HASH_BYTES} bytes`);
      }
      return frame(number, KIND.result, Buffer.concat(hashes));
    }
    case 'ping':
      return frame(number, KIND.ping, request.value);
    case 'nonce':
      return frame(number, KIND.nonce, EMPTY);
    case 'transaction':
      return frame(number, KIND.transaction, encodeTransaction(request.account, request.tx));
    case 'seal_key':
      return frame(number, KIND.seal_key, EMPTY);
    case 'figures':
      return frame(number, KIND.figures, EMPTY);
    case 'statement':
      return frame(number, KIND.statement, encodeStatement(request.statement));
  }
}
const EMPTY = new Uint8Array(0);

/** The request in a frame; undefined when it is none. */
export function decodeRequest({ kind, body }: Frame): SigningRequest | undefined {
  switch (kind) {
    case KIND.result: {
      const count = body.length / HASH_BYTES;
      if (!Number.isInteger(count) || count < 1 || count > HASHES_MAX) return undefined;
      const hashes = Array.from({ length: count }, (_, i) =>
        body.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
      );
      return { kind: 'result', hashes };
    }
    case KIND.ping:
      return body.length > PING_BYTES_MAX ? undefined : { kind: 'ping', value: body };
    case KIND.nonce:
      return body.length === 0 ? { kind: 'nonce' } : undefined;
    case KIND.transaction:
      return decodeTransaction(Buffer.from(body));
    case KIND.seal_key:
      return body.length === 0 ? { kind: 'seal_key' } : undefined;
    case KIND.figures:
      return body.length === 0 ? { kind: 'figures' } : undefined;
    case KIND.statement: {
      const statement = decodeStatement(body);
      return statement && { kind: 'statement', statement };
    }
    default:
      return undefined;
  }
}

/** An answer as bytes. */
export function encodeAnswer(number: number, answer: SigningAnswer): Uint8Array {
  if (answer.kind === 'ok') return frame(number, ANSWER.ok, answer.body);
  const text = `${answer.reason}\n${answer.text}`;
  return frame(number, ANSWER.refused, Buffer.from(text).subarray(0, TEXT_BYTES_MAX));
}

/** The answer in a frame; undefined when it is none. */
export function decodeAnswer({ kind, body }: Frame): SigningAnswer | undefined {
  if (kind === ANSWER.ok) return { kind: 'ok', body };
  if (kind !== ANSWER.refused || body.length > TEXT_BYTES_MAX) return undefined;
  const [reason = '', text = ''] = Buffer.from(body).toString().split('\n');
  return { kind: 'refused', reason, text };
}

/** What the signer says to who connects: its accounts, the node account first. */
export function encodeHello(accounts: readonly SigningAccount[]): Uint8Array {
  const parts = accounts.map(({ address, roles }) =>
    Buffer.concat([
      fixed(address, 20),
      Buffer.from([roles.reduce((bits, role) => bits | ROLE_BITS[role], 0)]),
    ]),
  );
  return frame(0, ANSWER.hello, Buffer.concat([Buffer.from([VERSION]), ...parts]));
}

/** The accounts in a hello; undefined when it is none, or of a version that we do not speak. */
export function decodeHello({ number, kind, body }: Frame): readonly SigningAccount[] | undefined {
  if (number !== 0 || kind !== ANSWER.hello || body[0] !== VERSION) return undefined;
  const count = (body.length - 1) / 21;
  if (!Number.isInteger(count) || count < 1 || count > ACCOUNTS_MAX) return undefined;
  return Array.from({ length: count }, (_, i) => {
    const bits = body[i * 21 + 21] as number;
    return {
      address: `0x${hex(body.subarray(i * 21 + 1, i * 21 + 21))}` as Hex,
      roles: (Object.keys(ROLE_BITS) as SigningRole[]).filter((role) => bits & ROLE_BITS[role]),
    };
  });
}

/** Two counts of 8 bytes. */
export function encodeFigures({ signed, refused }: SigningFigures): Uint8Array {
  return Buffer.concat([uint(BigInt(signed), 8), uint(BigInt(refused), 8)]);
}

/** Undefined when the bytes are no figures. */
export function decodeFigures(body: Uint8Array): SigningFigures | undefined {
  if (body.length !== 16) return undefined;
  const bytes = Buffer.from(body);
  return {
    signed: Number(bytes.readBigUInt64BE(0)),
    refused: Number(bytes.readBigUInt64BE(8)),
  };
}

function encodeTransaction(account: Hex, tx: UnsignedTransaction): Uint8Array {
  const data = parseHex(tx.data);
  if (!data || data.length > DATA_BYTES_MAX) {
    throw new RangeError(`a transaction has at most ${DATA_BYTES_MAX} bytes of data`);
  }
  return Buffer.concat([
    fixed(account, 20),
    uint(BigInt(tx.chainId), 8),
    uint(BigInt(tx.nonce), 8),
    fixed(tx.to, 20),
    uint(tx.value, 32),
    uint(tx.gasLimit, 32),
    uint(tx.maxFeePerGas, 32),
    uint(tx.maxPriorityFeePerGas, 32),
    data,
  ]);
}

function decodeTransaction(body: Buffer): SigningRequest | undefined {
  if (body.length < TRANSACTION_BYTES) return undefined;
  const chainId = body.readBigUInt64BE(20);
  const nonce = body.readBigUInt64BE(28);
  if (chainId > Number.MAX_SAFE_INTEGER || nonce > Number.MAX_SAFE_INTEGER) return undefined;
  const amount = (at: number) => BigInt(`0x${hex(body.subarray(at, at + 32))}`);
  return {
    kind: 'transaction',
    account: `0x${hex(body.subarray(0, 20))}`,
    tx: {
      chainId: Number(chainId),
      nonce: Number(nonce),
      to: `0x${hex(body.subarray(36, 56))}`,
      value: amount(56),
      gasLimit: amount(88),
      maxFeePerGas: amount(120),
      maxPriorityFeePerGas: amount(152),
      data: `0x${hex(body.subarray(TRANSACTION_BYTES))}`,
    },
  };
}

function frame(number: number, kind: number, body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(LENGTH_BYTES + HEAD_BYTES);
  head.writeUInt32BE(HEAD_BYTES + body.length, 0);
  head.writeUInt32BE(number, 4);
  head[8] = kind;
  return Buffer.concat([head, body]);
}

function uint(value: bigint, size: number): Uint8Array {
  if (value < 0n || value >= 1n << BigInt(8 * size)) {
    throw new RangeError(`not a number of ${size} bytes`);
  }
  return Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex');
}

function fixed(text: Hex, size: number): Uint8Array {
  const bytes = parseHex(text);
  if (bytes?.length !== size) throw new RangeError(`not ${size} bytes of hex`);
  return bytes;
}
