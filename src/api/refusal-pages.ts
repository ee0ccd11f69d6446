import type { IncomingHttpHeaders } from 'node:http';
import { refuse } from './answer.ts';
import { type PageProblem, SAFETY, themeOf, wantsPage } from './page-answer.ts';
import { AWAY_SECONDS, type Problem } from './problem.ts';

/** Kinds of refusals, times colours; a few hundred kilobytes at most, should there ever be more. */
const KEPT_MAX = 100;

/** What a browser is sent instead of problem+json. */
export interface RefusalPage {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Pages for what is refused under load: each is made once, and asks nobody anything. */
export interface RefusalPages {
  /** Undefined: whoever asks is a program, or the refusal does not pass by itself. */
  of(headers: Headers | IncomingHttpHeaders, problem: Problem): RefusalPage | undefined;
  /** The same as an answer; problem+json for a program. */
  answer(request: Request, problem: Problem): Response;
  /** The name that stands above them from now on. */
  named(name: string): void;
}

/** @param html the document, without a script */
export function createRefusalPages(
  html: (page: {
    readonly name: string | undefined;
    readonly theme: 'light' | 'dark' | undefined;
    readonly problem: PageProblem;
  }) => string,
): RefusalPages {
  const made = new Map<string, RefusalPage>();
  let name: string | undefined;

  const of: RefusalPages['of'] = (headers, problem) => {
    if (!isPassing(problem.status) || !wantsPage(headers)) return undefined;
    const theme = themeOf(headers);
    const key = JSON.stringify([problem.code, problem.retryAfter, theme]);
    const known = made.get(key);
    if (known) return known;
    const page = pageOf(problem, html({ name, theme, problem: wordsOf(problem) }));
    if (made.size >= KEPT_MAX) made.clear();
    made.set(key, page);
    return page;
  };

  return {
    of,
    answer({ headers, method }, problem) {
      const page = of(headers, problem);
      if (!page) return refuse(problem);
      return new Response(method === 'HEAD' ? null : new Uint8Array(page.body), page);
    },
    named(now) {
      if (now === name) return;
      name = now;
      made.clear();
    },
  };
}

/** Whether the address is right, and whoever waits gets what is there. */
export function isPassing(status: number): boolean {
  return status === 429 || status === 503;
}

function pageOf({ status, retryAfter = AWAY_SECONDS }: Problem, html: string): RefusalPage {
  const body = Buffer.from(html);
  return {
    status,
    headers: {
      ...SAFETY,
      'content-security-policy': POLICY,
      'content-type': 'text/html; charset=utf-8',
      'content-language': 'en',
      'content-length': String(body.byteLength),
      'cache-control': 'no-store',
      'retry-after': String(retryAfter),
      vary: 'accept, cookie',
    },
    body,
  };
}

/** Text, colours and the mark, and nothing that runs. */
const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What happened, why, and what to do. */
function wordsOf({ status, code, retryAfter = AWAY_SECONDS }: Problem): PageProblem {
  const when = `Try again in ${retryAfter} ${retryAfter === 1 ? 'second' : 'seconds'}: load this page anew.`;
  if (status === 429) {
    return {
      ...{ status, title: 'Too much was asked for at once' },
      detail:
        'More was asked for from where you are than is answered for one reader at a time. Whoever shares your address counts with you.',
      advice: `${when} If you sent something, it was not looked at: send it again then.`,
    };
  }
  if (code === 'busy') {
    return {
      ...{ status, title: 'Too many readers at this moment' },
      detail: 'Pages wait so that work does not have to. Nothing is wrong with what you asked for.',
      advice: `${when} If you sent something, it was not looked at: send it again then.`,
    };
  }
  return {
    ...{ status, title: 'This cannot be shown at the moment' },
    detail: code.startsWith('database')
      ? 'The books do not answer just now, and nothing is shown that may not be true.'
      : 'Something that this page is made from does not answer just now.',
    advice: `${when} If you sent something, look first whether it arrived before you send it again.`,
  };
}
