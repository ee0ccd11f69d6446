import type { Ask, Asked } from '../../src/api/page-types.ts';

/** Reads what pages show, by the same addresses that everybody can use. */
export interface Reader {
  /** The JSON of an API route; undefined where there is no such thing (404), or it is not for you. */
  json<T>(path: string): Promise<T | undefined>;
  /** A published file, such as `index.json`; undefined when there is none, or it is too long. */
  file(path: string): Promise<string | undefined>;
}

/** What went wrong inside: the page of it says so. */
export class NotRead extends Error {
  override readonly name = 'NotRead';
  /** The answer. */
  readonly asked: Asked;

  constructor(path: string, asked: Asked) {
    super(`${path} answered ${asked.status}`);
    this.asked = asked;
  }
}

/** Something in the address of a page is none that the API takes, such as the cursor of another list. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/** A reader over the pool's own answers. */
export function readerOf(ask: Ask): Reader {
  async function text(path: string): Promise<string | undefined> {
    const asked = await ask(path);
    const { status, text } = asked;
    if (status === 200) return text;
    if ([401, 403, 404, 413].includes(status)) return undefined;
    if (status === 400) throw new AddressRefused(path);
    throw new NotRead(path, asked);
  }
  return {
    file: (path) => text(`/proofs/${path}`),
    async json<T>(path: string) {
      const found = await text(path);
      return found === undefined ? undefined : (JSON.parse(found) as T);
    },
  };
}
