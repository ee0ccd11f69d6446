import { createHash, timingSafeEqual } from 'node:crypto';
import type { Workers } from '../workers/workers.ts';
import { type Actor, nobody, type OperatorActor } from './access.ts';
import type { ApiBindings } from './bindings.ts';
import { cookieOf } from './session-cookie.ts';

/** What callers are known by. */
export interface IdentifyParts {
  readonly token: string;
  /** Undefined: credentials of workers count for nothing here. */
  readonly workers?: Pick<Workers, 'authenticate'>;
  /** Whose session a cookie is; undefined when it is no valid one. */
  session?(cookie: string): Promise<Actor | undefined>;
  /** Whether the admin token counts on the public address, too. */
  readonly operatorsEverywhere?: boolean;
}

/** The admin token, whoever shows it. */
const byToken: OperatorActor = {
  kind: 'operator',
  id: 'admin-token',
  name: 'admin token',
  role: 'owner',
  by: 'token',
};

/** Says who calls: by token or credential in `Authorization`, else by the cookie of a session. */
export function createIdentify(
  parts: IdentifyParts,
): (request: Request, bindings: ApiBindings) => Promise<Actor> {
  const { token, workers, session } = parts;
  return async (request, { listener }) => {
    const given = request.headers.get('authorization');
    if (given !== null) {
      const takesToken = listener !== 'public' || parts.operatorsEverywhere === true;
      if (takesToken && isEqual(given, `Bearer ${token}`)) return byToken;
      const credential = /^Bearer ([\x21-\x7e]{1,512})$/.exec(given)?.[1];
      const worker = credential === undefined ? undefined : workers?.authenticate(credential);
      if (!worker) return nobody;
      return { kind: 'worker', id: worker.id, workers: [worker.id], by: 'credential' };
    }
    const cookie = cookieOf(request.headers.get('cookie'));
    return (cookie === undefined ? undefined : await session?.(cookie)) ?? nobody;
  };
}

/** Compares hashes, so that neither content nor length of the token shows in the time. */
function isEqual(given: string, wanted: string): boolean {
  const hash = (value: string) => createHash('sha256').update(value).digest();
  return timingSafeEqual(hash(given), hash(wanted));
}
