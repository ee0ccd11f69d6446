/** An answer of the pool's own API or of its published files, asked for within the process. */
export interface Asked {
  /** 413: it is there, and too long for a page. */
  readonly status: number;
  readonly text: string;
}

/**
 * Asks the pool by the path that a browser would use, such as `/api/v1/pool` or
 * `/proofs/index.json`: pages show what the API says, and compute nothing by a second rule.
 */
export type Ask = (path: string) => Promise<Asked>;

/** The hashed files that every page names. */
export interface PageAssets {
  /** Undefined: the page does without. */
  readonly script: string | undefined;
  readonly styles: readonly string[];
  /** The mark, for the tab of the browser. */
  readonly icon: string;
}

/** What a page is rendered from. */
export interface PageRequest {
  /** Without query, as it stands in the address: `/epochs/3`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly ask: Ask;
  readonly assets: PageAssets;
  /** What the reader chose with the switch; undefined: as its system says. */
  readonly theme: 'light' | 'dark' | undefined;
  /** Where people find the pool, for commands that they copy: `https://pool.example`. */
  readonly origin: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A rendered page. */
export interface PageReply {
  readonly status: number;
  /** The whole document. */
  readonly html: string;
  /** Where the page is instead, for 303 and 308. */
  readonly location?: string;
  /** Whose page it says it is. */
  readonly poolName?: string;
}

/** What the page is made from was refused, with the text of that: it passes by itself. */
export interface PageRefused {
  readonly refused: string;
}

/** What `dist-web/server/server.js` exports. */
export interface PageServer {
  /** Undefined: there is no page at this path, and the caller shows {@link PageServer.problem}. */
  page(request: PageRequest): Promise<PageReply | PageRefused | undefined>;
  /** A page that says what happened, why, and what to do. */
  problem(
    request: PageRequest,
    problem: {
      readonly status: number;
      readonly title: string;
      readonly detail: string;
      readonly advice: string;
    },
  ): Promise<PageReply>;
  /** The same, out of what is given here alone. */
  problemOf(page: {
    readonly assets: PageAssets;
    readonly theme: PageRequest['theme'];
    /** Undefined: no page was made yet that says it. */
    readonly name: string | undefined;
    readonly problem: Parameters<PageServer['problem']>[1];
  }): string;
}
