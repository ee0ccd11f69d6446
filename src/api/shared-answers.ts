import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import type { ServedApi } from './app.ts';
import type { Peer } from './client-address.ts';
import { namesTag } from './etag.ts';
import { sendProblem } from './node-server.ts';
import type { Problem } from './problem.ts';
import { isBuiltFile, type Strangers } from './strangers.ts';

/** A page of figures that is a second old is not an old one, and a thousand readers cost what one does. */
const KEPT_MS = 1_000;
/** Lists are shorter; whatever is longer is made for each. 12 MiB in all. */
const BYTES_MAX = 128 * 1024;
const ANSWERS_MAX = 100;
/** Events are not shared like this, and there are three such paths. */
const STREAMS_MAX = 16;
/** All of a request that an answer to a stranger may depend on, besides its address and `Host`. */
const HEADERS = ['accept', 'accept-encoding', 'cookie'] as const;
/** Of the cookies what a page without a session depends on; others are of other sites of the same host. */
const THEME = /(?:^|; )(theme=(?:light|dark))(?:;|$)/;

/** An answer as it goes out to everybody who asks the same. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Kept {
  readonly at: number;
  /** How many changes there were when it was asked for: what is older than the last is not told. */
  readonly changes: number;
  /** Undefined: it is a stream, and each has its own. */
  readonly answer: Promise<Answer | undefined>;
}

/**
 * Answers what strangers ask at the public address once for all who ask the same within a second, before
 * anything else is done for them: segments share the event loop with whoever looks on. False, with
 * nothing answered: the request has to be handled for itself.
 */
export function shareAnswers(
  api: Omit<ServedApi, 'identify'>,
  clock: Clock,
  strangers: Strangers,
): (request: IncomingMessage, response: ServerResponse, peer: Peer) => Promise<boolean> {
  const recent = new Map<string, Kept>();
  const streams = new Set<string>();

  function shared(request: IncomingMessage, path: string, peer: Peer): Kept['answer'] | Problem {
    const { host = '' } = request.headers;
    const asked = askedBy(request);
    const key = JSON.stringify([request.url, host, ...asked]);
    const [now, changes] = [clock.now(), api.changes()];
    const known = recent.get(key);
    if (known && now - known.at < KEPT_MS && known.changes === changes) return known.answer;
    const refusal = strangers.refusalOf(peer, path);
    if (refusal) return refusal;
    const answer = ask(request, path, asked);
    recent.delete(key);
    recent.set(key, { at: now, changes, answer });
    if (recent.size > ANSWERS_MAX) recent.delete(recent.keys().next().value as string);
    const drop = () => {
      if (recent.get(key)?.answer === answer) recent.delete(key);
    };
    answer.then((made) => {
      if (!made || !isKept(made)) drop();
    }, drop);
    return answer;
  }

  async function ask(
    request: IncomingMessage,
    path: string,
    asked: ReturnType<typeof askedBy>,
  ): Promise<Answer | undefined> {
    const headers = new Headers(asked);
    let isStream = false;
    const reply = await api.answer(new Request(`http://pool${request.url}`, { headers }), {
      listener: 'public',
      peer: undefined,
      host: request.headers.host ?? '',
      taken() {
        isStream = true;
        return new Response(null);
      },
    });
    if (isStream) {
      if (streams.size < STREAMS_MAX) streams.add(path);
      return undefined;
    }
    return {
      status: reply.status,
      headers: Object.fromEntries(reply.headers),
      body: Buffer.from(await reply.arrayBuffer()),
    };
  }

  return async (request, response, peer) => {
    const { url = '', headers, method } = request;
    const [path = ''] = url.split('?');
    if ((method !== 'GET' && method !== 'HEAD') || streams.has(path)) return false;
    if (isSomebody(headers) && !isBuiltFile(path)) return false;
    // A whole table is longer than what is kept, and goes out as it is read.
    if (/[?&]rows=all\b/.test(url)) return false;
    if (!url.startsWith('/') || !URL.canParse(`http://pool${url}`)) return false;
    const found = shared(request, path, peer);
    if ('code' in found) {
      sendProblem(response, found, api.refused);
      return true;
    }
    const answer = await found;
    if (!answer) return false;
    const { status, body } = answer;
    const { 'content-length': length, ...rest } = answer.headers;
    const { etag } = rest;
    if (status === 200 && etag && namesTag(headers['if-none-match'], etag)) {
      response.writeHead(304, rest).end();
    } else response.writeHead(status, { ...rest, 'content-length': body.length }).end(body);
    return true;
  };
}

function askedBy({ headers }: IncomingMessage): [name: string, value: string][] {
  return HEADERS.flatMap((name) => {
    const value = name === 'cookie' ? THEME.exec(headers.cookie ?? '')?.[1] : headers[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
}

/** Whoever shows something may get what others do not. */
function isSomebody({ authorization, cookie }: IncomingMessage['headers']): boolean {
  return authorization !== undefined || cookie?.includes('__Host-') === true;
}

/** What went wrong is asked for again, as is what is too long or for one reader alone. */
function isKept({ status, headers, body }: Answer): boolean {
  return status === 200 && body.length <= BYTES_MAX && headers['set-cookie'] === undefined;
}
