/** What can be said of an exchange at a moment: it runs, all was sent, or the peer went before. */
export type ExchangeState = 'running' | 'complete' | 'cut';

/**
 * Tells those who asked that an exchange is over, the same over HTTP/1.1 and HTTP/2. Signal and
 * promise are made on demand: a thousand idle streams need none.
 */
export class ExchangeEnd {
  readonly #state: () => ExchangeState;
  #abort: AbortController | undefined;
  #closed: PromiseWithResolvers<void> | undefined;

  constructor(state: () => ExchangeState) {
    this.#state = state;
  }

  /** Fires when the peer goes away before the response was complete. */
  get aborted(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#state() === 'cut') this.#abort.abort();
    }
    return this.#abort.signal;
  }

  /** Resolves when the exchange is over, well or not. Never rejects. */
  get closed(): Promise<void> {
    if (!this.#closed) {
      this.#closed = Promise.withResolvers();
      if (this.#state() !== 'running') this.#closed.resolve();
    }
    return this.#closed.promise;
  }

  /** To be called once, when it is. */
  over(end: Exclude<ExchangeState, 'running'>): void {
    if (end === 'cut') this.#abort?.abort();
    this.#closed?.resolve();
  }
}
