import type { RunningPool } from '../api/admin-client.ts';
import { type ErrorCode, errorAdvice, TributaryError } from '../base/errors.ts';
import { type Client, createClient, PoolRefusal } from './client.ts';

/** A pool answers in milliseconds; one that has not after this long is not going to. */
const ANSWER_MS_MAX = 15_000;

/**
 * The client of commands: what a pool refuses is a {@link TributaryError} with the pool's own code.
 * Throws `admin_unreachable`, `admin_unauthorized`, `admin_refused`, or that.
 */
export function poolClient(
  { url, token }: RunningPool,
  answerMs: number = ANSWER_MS_MAX,
): Pick<Client, 'get' | 'post'> {
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new TributaryError('admin_unauthorized', 'The admin token holds spaces or other signs.');
  }
  const client = createClient({
    url,
    token,
    async fetch(address, init) {
      try {
        // The token goes where it was meant to go, and nowhere that an answer points to.
        const signal = AbortSignal.timeout(answerMs);
        return await fetch(address, { ...init, redirect: 'error', signal });
      } catch (cause) {
        throw new TributaryError('admin_unreachable', `No pool answers at ${url}.`, { cause });
      }
    },
  });
  return {
    get: (...args) => client.get(...args).catch(refuse),
    post: (...args) => client.post(...args).catch(refuse),
  };
}

function refuse(error: unknown): never {
  if (!(error instanceof PoolRefusal)) throw error;
  const { code, advice } = error.problem;
  if (Object.hasOwn(errorAdvice, code)) throw new TributaryError(code as ErrorCode, error.message);
  throw new TributaryError('admin_refused', advice ? `${error.message} ${advice}` : error.message);
}
