import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type AdminCall, decode } from '../../api/admin-client.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';

const whole = z.string().regex(/^\d{1,19}$/);
const versionView = z.object({
  version: z.number(),
  startsAtEpoch: whole,
  publishedAt: z.string(),
  digest: z.string(),
});
/** A published version as the admin API shows it. */
export type VersionView = z.infer<typeof versionView>;

const listView = z.object({
  openEpoch: whole,
  /** 0: none were published. */
  current: z.number(),
  versions: z.array(versionView),
});
export type TermsList = z.infer<typeof listView>;

/** The terms of a running pool. Every call throws a TributaryError when refused. */
export function termsClient(call: AdminCall) {
  return {
    list: async (): Promise<TermsList> => decode(listView, await call('GET', '/api/v1/terms')),
    file: async (version: number): Promise<string> =>
      decode(z.object({ file: z.string() }), await call('GET', `/api/v1/terms/${version}`)).file,
    publish: async (file: string, startsAtEpoch: string): Promise<VersionView> =>
      decode(versionView, await call('POST', '/api/v1/terms', { file, startsAtEpoch })),
  };
}

/** A file of terms is far smaller; more is not one. */
const BYTES_MAX = 8 * 1024 * 1024;
const ANSWER_MS_MAX = 15_000;

/** Published terms and the index above them, from a pool's address or from a copy on disk. */
export async function fetchPublished(
  source: string,
): Promise<{ readonly terms: string; readonly index: string }> {
  if (!/^https?:\/\//.test(source)) {
    const index = join(dirname(source), '..', 'index.json');
    return { terms: await readText(source), index: await readText(index) };
  }
  if (!URL.canParse(source)) {
    throw new TributaryError('setting_invalid', `${source} is neither a URL nor a file.`);
  }
  const [terms, index] = await Promise.all([
    fetchText(new URL(source)),
    fetchText(new URL('../index.json', source)),
  ]);
  return { terms, index };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new TributaryError('input_missing', `${path} cannot be read (${messageOf(cause)}).`, {
      cause,
    });
  }
}

async function fetchText(url: URL): Promise<string> {
  const name = url.pathname;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    if (!response.ok) throw new RangeError(`status ${response.status}`);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > BYTES_MAX) throw new RangeError('it is too long');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  } catch (cause) {
    const message = `${name} cannot be fetched from ${url.host} (${messageOf(cause)}).`;
    throw new TributaryError('connection_failed', message, { cause });
  }
}
