import { randomBytes, randomFillSync, randomInt } from 'node:crypto';

/** A worker's public id: 10 characters of a-z2-7. */
export type WorkerId = string & { readonly __brand: 'WorkerId' };
/** One open worker connection; a worker may have several. Unique in the database's lifetime. */
export type ConnectionId = string & { readonly __brand: 'ConnectionId' };
/** One job of a gateway (a segment, later other kinds): a UUID of version 7. */
export type JobId = string & { readonly __brand: 'JobId' };
/** One attempt of one job by one worker: 63 random bits, positive. The int64 `taskId` of the wire. */
export type TaskId = bigint & { readonly __brand: 'TaskId' };
/** A gateway's session: `auth_token.session_id` of the wire. */
export type SessionId = string & { readonly __brand: 'SessionId' };

/** A source of random bytes: `node:crypto` for real, seeded in simulations. */
export type RandomBytes = (size: number) => Uint8Array;

export const secureRandom: RandomBytes = (size) => {
  if (size > DRAWN_BYTES_MAX) return randomBytes(size);
  if (drawnAt + size > drawn.length) {
    randomFillSync(drawn);
    drawnAt = 0;
  }
  const bytes = new Uint8Array(drawn.subarray(drawnAt, drawnAt + size));
  // What was given out is kept nowhere else.
  drawn.fill(0, drawnAt, drawnAt + size);
  drawnAt += size;
  return bytes;
};
/** A number from 0 up to, and without, 1. */
export const secureFraction = (): number => randomInt(FRACTIONS) / FRACTIONS;
const FRACTIONS = 2 ** 32;
/** A draw costs 2 us, whatever its size: small ones come out of a larger one. */
const drawn: Buffer = Buffer.alloc(4096);
const DRAWN_BYTES_MAX = 64;
let drawnAt = drawn.length;

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const WORKER_ID = /^[a-z2-7]{10}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const SESSION_ID = /^[0-9a-f]{32}$/;

/** Lower-case base 32 without padding, 5 bits a character; trailing bits are dropped. */
export function base32(bytes: Uint8Array): string {
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return text;
}

export function newWorkerId(random: RandomBytes = secureRandom): WorkerId {
  return base32(random(7)).slice(0, 10) as WorkerId;
}

/** Decodes a worker id that came from outside; undefined when it is not one. */
export function parseWorkerId(text: string): WorkerId | undefined {
  return WORKER_ID.test(text) ? (text as WorkerId) : undefined;
}

export function newConnectionId(random: RandomBytes = secureRandom): ConnectionId {
  return base32(random(10)) as ConnectionId;
}

/** A UUID of version 7: sorts by time, so that database pages fill in order. */
export function newJobId(nowMs: number, random: RandomBytes = secureRandom): JobId {
  const bytes = Uint8Array.from(random(16));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(nowMs / 2 ** 32));
  view.setUint32(2, nowMs >>> 0);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as JobId;
}

export function parseJobId(text: string): JobId | undefined {
  return UUID.test(text) ? (text as JobId) : undefined;
}

/** 63 random bits, never zero. */
export function newTaskId(random: RandomBytes = secureRandom): TaskId {
  for (;;) {
    const bytes = random(8);
    const value =
      new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0) & 0x7fff_ffff_ffff_ffffn;
    if (value !== 0n) return value as TaskId;
  }
}

/** Decodes a decimal int64 task id; undefined when it is not a positive one. */
export function parseTaskId(text: string): TaskId | undefined {
  if (!/^\d{1,19}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > 0n && value < 2n ** 63n ? (value as TaskId) : undefined;
}

/** 128 random bits as hex: result URLs under it cannot be guessed. */
export function newSessionId(random: RandomBytes = secureRandom): SessionId {
  return Buffer.from(random(16)).toString('hex') as SessionId;
}

/** Decodes a session id that came from outside; undefined when it is not one of ours. */
export function parseSessionId(text: string): SessionId | undefined {
  return SESSION_ID.test(text) ? (text as SessionId) : undefined;
}
