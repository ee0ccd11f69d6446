import { timingSafeEqual } from 'node:crypto';
import { hmacSha256 } from '../base/mac.ts';
import type { Cursor } from './route.ts';

/** 128 bits: nobody guesses one, and a cursor stays short. */
const MAC_BYTES = 16;
const PARTS_MAX = 4;

/** What a cursor is bound to: a page of one query, asked for by one caller. */
export interface CursorScope {
  readonly route: string;
  /** The query without the cursor itself and without how many and in which form. */
  readonly query: string;
  readonly actor: string;
}

/**
 * Reads the cursor of a request; undefined when it was not made here for this very query and caller, so
 * that what a cursor names needs no further check.
 */
export function openCursor(
  key: Uint8Array,
  scope: CursorScope,
  given: string | undefined,
): Cursor | undefined {
  const mac = (text: string) =>
    hmacSha256(key)
      .update(JSON.stringify(['cursor', scope.route, scope.query, scope.actor, text]))
      .digest()
      .subarray(0, MAC_BYTES);
  const after = given === undefined ? undefined : read(given);
  if (given !== undefined && !after) return undefined;
  return {
    after,
    write(position) {
      const text = JSON.stringify(position);
      return `${Buffer.from(text).toString('base64url')}.${mac(text).toString('base64url')}`;
    },
  };

  function read(cursor: string): readonly string[] | undefined {
    const [body = '', tag = ''] = cursor.split('.');
    const text = Buffer.from(body, 'base64url').toString();
    const shown = Buffer.from(tag, 'base64url');
    if (shown.length !== MAC_BYTES || !timingSafeEqual(shown, mac(text))) return undefined;
    return (JSON.parse(text) as string[]).slice(0, PARTS_MAX);
  }
}

/** A query as a cursor is bound to it: sorted, without what may differ from page to page. */
export function boundQuery(query: URLSearchParams): string {
  const kept = [...query].filter(([name]) => !['cursor', 'limit', 'format'].includes(name));
  return JSON.stringify(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}
