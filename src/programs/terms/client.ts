import { z } from 'zod';
import { type AdminCall, decode } from '../../api/admin-client.ts';
import { openPublished } from '../../api/published-files.ts';
import { TributaryError } from '../../base/errors.ts';

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

/** Terms and indexes are far smaller; more is not one. */
const BYTES_MAX = 8 * 1024 * 1024;

/** Published terms and the index above them, from a pool's address or from a copy on disk. */
export async function fetchPublished(
  source: string,
): Promise<{ readonly terms: string; readonly index: string }> {
  const match = /^(.*?)\/?terms\/([^/]+\.json)$/.exec(source);
  if (!match) {
    throw new TributaryError(
      'setting_invalid',
      `${source} is not where terms are published: it ends in terms/VERSION.json.`,
    );
  }
  const files = openPublished(match[1] || '.', BYTES_MAX);
  const read = async (path: string) => {
    const text = await files.read(path);
    if (text !== undefined) return text;
    throw new TributaryError('input_missing', `There is no ${path} at ${match[1] || '.'}.`);
  };
  return { terms: await read(`terms/${match[2]}`), index: await read('index.json') };
}
