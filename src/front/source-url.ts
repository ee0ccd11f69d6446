import { timingSafeEqual } from 'node:crypto';
import type { Instant } from '../base/clock.ts';
import { parseTaskId, type TaskId, type WorkerId } from '../base/ids.ts';
import { hmacSha256 } from '../base/mac.ts';

/** 128 bits of the MAC: enough against guessing, short in the URL. */
const MAC_BYTES = 16;
const PATH = /^\/source\/(\d{1,19})\/(\d{1,12})\/([0-9a-f]{32})$/;

/** Binds a source to one task of one worker until a moment; what the URL's MAC covers. */
export interface SourceGrant {
  readonly task: TaskId;
  readonly worker: WorkerId;
  readonly expiresAt: Instant;
}

/** The path of a source that only this worker's task may fetch. Never log it: it is a credential. */
export function sourcePath(secret: Uint8Array, grant: SourceGrant): string {
  const expires = Math.ceil(grant.expiresAt / 1000);
  return `/source/${grant.task}/${expires}/${mac(secret, grant, expires).toString('hex')}`;
}

/** Decodes a source path without judging it; undefined when it is none. */
export function parseSourcePath(
  path: string,
): { task: TaskId; expires: number; mac: Uint8Array } | undefined {
  const match = PATH.exec(path);
  const task = match?.[1] && parseTaskId(match[1]);
  if (!match || !task) return undefined;
  return { task, expires: Number(match[2]), mac: Buffer.from(match[3] as string, 'hex') };
}

/** Whether the path was made for this worker's task with this secret and has not expired. */
export function sourceGranted(
  secret: Uint8Array,
  path: { task: TaskId; expires: number; mac: Uint8Array },
  worker: WorkerId,
  now: Instant,
): boolean {
  const expected = mac(secret, { task: path.task, worker }, path.expires);
  return timingSafeEqual(expected, path.mac) && now <= path.expires * 1000;
}

function mac(
  secret: Uint8Array,
  { task, worker }: { task: TaskId; worker: WorkerId },
  expires: number,
): Buffer {
  return hmacSha256(secret)
    .update(`source\0${task}\0${worker}\0${expires}`)
    .digest()
    .subarray(0, MAC_BYTES);
}
