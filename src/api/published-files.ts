import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, TributaryError } from '../base/errors.ts';

/** The largest published file by default: the input of an epoch of 10^5 workers has some 100 MB. */
const BYTES_MAX = 256 * 1024 * 1024;
const ANSWER_MS_MAX = 60_000;

/** What a pool publishes, from its address or from a copy on disk. */
export interface PublishedFiles {
  /**
   * The text of `epoch-3/input.json` and the like; undefined when there is no such file. Throws
   * `input_missing` or `connection_failed` for whatever else goes wrong.
   */
  read(path: string): Promise<string | undefined>;
}

/** A pool serves its proofs below its address; a copy may be of that folder or of its parent. */
export async function publishedPlace(pool: string): Promise<string> {
  if (/^https?:\/\//.test(pool)) {
    return pool.endsWith('/proofs/') ? pool : `${pool.replace(/\/+$/, '')}/proofs/`;
  }
  const below = join(pool, 'proofs');
  return (await stat(join(below, 'index.json')).catch(() => undefined)) ? below : pool;
}

/** @param source a directory, or the URL that stands for one */
export function openPublished(source: string, bytesMax: number = BYTES_MAX): PublishedFiles {
  if (!/^https?:\/\//.test(source)) return { read: (path) => readText(join(source, path)) };
  if (!URL.canParse(source)) {
    throw new TributaryError('setting_invalid', `${source} is neither a URL nor a directory.`);
  }
  const base = new URL(source.endsWith('/') ? source : `${source}/`);
  return { read: (path) => fetchText(new URL(path, base), bytesMax) };
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new TributaryError('input_missing', `${path} cannot be read (${messageOf(cause)}).`, {
      cause,
    });
  }
}

async function fetchText(url: URL, bytesMax: number): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    if (response.status === 404) return undefined;
    if (!response.ok) throw new RangeError(`status ${response.status}`);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > bytesMax) throw new RangeError('it is too long');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  } catch (cause) {
    const message = `${url.pathname} cannot be fetched from ${url.host} (${reasonOf(cause)}).`;
    throw new TributaryError('connection_failed', message, { cause });
  }
}

/** `fetch` says only that it failed; why stands below. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && cause.message !== '' ? cause.message : messageOf(error);
}
