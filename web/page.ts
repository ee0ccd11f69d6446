import type { ComponentChildren } from 'preact';
import type { PageRequest } from '../src/api/page-types.ts';
import type { Frame } from './parts/layout.tsx';
import type { Reader } from './public/reader.ts';

/** What a page is made from. */
export interface PageParts {
  readonly reader: Reader;
  readonly request: PageRequest;
  /** What the braces of its path held. */
  readonly params: Readonly<Record<string, string>>;
}

/** A page that is there; `html` without doctype is put together by server.tsx. */
export interface Shown {
  readonly status?: number;
  readonly frame: Frame;
  readonly content: ComponentChildren;
}

/** Where it is instead. */
export interface Moved {
  readonly location: string;
  /** 303 for whoever has to sign in, or did: the next time it may be shown here. Else for good. */
  readonly status?: 303;
}

/**
 * A page: its path, with `{parts}` in braces and `{...rest}` at the end, and what stands there.
 * Undefined: there is no such thing, and the reader is told so.
 */
export interface Page {
  readonly path: string;
  show(parts: PageParts): Promise<Shown | Moved | undefined>;
}

/** The page of a path, and what its braces held; undefined when there is none. */
export function findPage(
  pages: readonly Page[],
  path: string,
): { readonly page: Page; readonly params: Readonly<Record<string, string>> } | undefined {
  for (const page of pages) {
    const params = match(page.path, path);
    if (params) return { page, params };
  }
  return undefined;
}

/** What a part of a path may hold: whatever is longer or has other signs is no page of ours. */
const PART = /^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/;

function match(pattern: string, path: string): Readonly<Record<string, string>> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const name = /^\{(\.\.\.)?(\w+)\}$/.exec(part);
    const rest = given.slice(at);
    if (name?.[1]) {
      if (rest.length === 0 || !rest.every((one) => PART.test(one))) return undefined;
      return { ...params, [name[2] as string]: rest.join('/') };
    }
    const one = given[at];
    if (one === undefined) return undefined;
    if (!name && one !== part) return undefined;
    if (name && !PART.test(one)) return undefined;
    if (name) params[name[2] as string] = one;
  }
  return wanted.length === given.length ? params : undefined;
}
