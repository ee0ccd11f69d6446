import { hash } from 'node:crypto';
import { parse as parseToml, TomlError } from 'smol-toml';
import { MANIFEST_PATH } from '../manifest/manifest.ts';

/** A directory is a list that people read; more pools than this is not one. */
export const SEEDS_MAX = 1_000;
const FILE_CHARACTERS_MAX = 1024 * 1024;
/** Of an id, which stands in addresses of pages. */
const ID_CHARACTERS_MAX = 60;

/** A pool to look at. */
export interface Seed {
  /** Out of host and port: `pool.example`, `pool.example-8080`. */
  readonly id: string;
  /** Origin of the pool, `https://pool.example`. */
  readonly origin: string;
}

/**
 * Reads a seed list: a line for each pool, or TOML with `pools = ["https://…"]`. Empty lines and
 * what follows `#` do not count. A pool that stands there twice counts once.
 */
export function readSeeds(
  source: string,
):
  | { readonly ok: true; readonly seeds: readonly Seed[] }
  | { readonly ok: false; readonly text: string } {
  if (source.length > FILE_CHARACTERS_MAX) return { ok: false, text: 'the seed list is too long' };
  const listed = /^\s*pools\s*=/m.test(source) ? fromToml(source) : fromLines(source);
  if (typeof listed === 'string') return { ok: false, text: listed };
  const seeds = new Map<string, Seed>();
  for (const text of listed) {
    const origin = originOf(text);
    if (origin === undefined) {
      const rest = `an address such as https://pool.example, or that with ${MANIFEST_PATH}`;
      return { ok: false, text: `"${text.slice(0, 80)}" in the seed list is not ${rest}` };
    }
    const id = idOf(origin);
    if (!seeds.has(id)) seeds.set(id, { id, origin });
  }
  if (seeds.size > SEEDS_MAX) {
    return { ok: false, text: `the seed list names more than ${SEEDS_MAX} pools` };
  }
  return { ok: true, seeds: [...seeds.values()] };
}

function fromLines(source: string): readonly string[] {
  return source
    .split('\n')
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

function fromToml(source: string): readonly string[] | string {
  try {
    const { pools } = parseToml(source) as { readonly pools?: unknown };
    if (Array.isArray(pools) && pools.every((one) => typeof one === 'string')) return pools;
    return 'pools must be a list of addresses';
  } catch (error) {
    const where = error instanceof TomlError ? ` (line ${error.line})` : '';
    return `the seed list is neither lines of addresses nor TOML${where}`;
  }
}

function originOf(text: string): string | undefined {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return undefined;
  const { origin, pathname, search, username, password } = new URL(text);
  const isPlain = (pathname === '/' || pathname === MANIFEST_PATH) && search === '';
  return isPlain && username === '' && password === '' ? origin : undefined;
}

function idOf(origin: string): string {
  const { hostname, port } = new URL(origin);
  const name = hostname.replaceAll(/[^a-z0-9.-]/g, '-').replace(/^[.-]+/, '');
  const whole = port === '' ? name : `${name}-${port}`;
  if (whole.length <= ID_CHARACTERS_MAX && whole !== '') return whole;
  return `${whole.slice(0, 40)}-${hash('sha256', origin).slice(0, 16)}`;
}
