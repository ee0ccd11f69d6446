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
