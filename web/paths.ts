/** The page of a path, and what its braces held; undefined when there is none. */
export function findPage<T extends { readonly path: string }>(
  pages: readonly T[],
  path: string,
): { readonly page: T; readonly params: Readonly<Record<string, string>> } | undefined {
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
