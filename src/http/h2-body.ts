import type { BodyReader, IncomingBody } from './body.ts';

/** The body of a request: what comes before its reader, or while that one pauses, is kept. */
export class H2Body implements IncomingBody {
  readonly #hooks: { readonly used: (bytes: number) => void; readonly begin: () => void };
  #reader: BodyReader | undefined;
  /** Copies, no more than the stream's window. */
  #kept: Buffer[] = [];
  #dropping = false;
  #ended = false;
  #gone = false;
  paused = false;

  constructor(hooks: { used: (bytes: number) => void; begin: () => void }) {
    this.#hooks = hooks;
  }

  data(bytes: Buffer): void {
    if (this.#dropping) this.#hooks.used(bytes.length);
    else if (this.#reader && !this.paused) this.#hand(bytes);
    else this.#kept.push(Buffer.from(bytes));
  }

  ended(): void {
    this.#ended = true;
    if (this.#kept.length === 0) this.#reader?.end();
  }

  gone(): void {
    this.#gone = true;
    this.#kept = [];
    this.#reader?.gone();
  }

  /** What still comes falls on the floor. */
  drop(): void {
    if (this.#ended || this.#dropping) return;
    this.#dropping = true;
    for (const bytes of this.#kept.splice(0)) this.#hooks.used(bytes.length);
  }

  start(reader: BodyReader): void {
    if (this.#dropping || (this.#gone && !this.#ended)) {
      reader.gone();
      return;
    }
    this.#reader = reader;
    this.#hooks.begin();
    this.#pour();
  }

  stop(): void {
    this.#reader = undefined;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.#pour();
  }

  #pour(): void {
    while (this.#reader && !this.paused) {
      const next = this.#kept.shift();
      if (next) this.#hand(next);
      else if (this.#gone) {
        this.#reader.gone();
        return;
      } else if (this.#ended) {
        this.#reader.end();
        return;
      } else return;
    }
  }

  #hand(bytes: Buffer): void {
    this.#reader?.data(bytes);
    this.#hooks.used(bytes.length);
  }
}
