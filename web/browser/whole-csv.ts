/** More rows than the API gives at once; what it does not page does not mind. */
const ROWS = '1000';
/** A worker that did a segment each second has so many receipts after 12 days; the rest is asked for by programs. */
const PAGES_MAX = 1_000;

/**
 * A click on a table as CSV brings all of it: the API gives some rows at a time, and says in a `Link`
 * where it goes on. Without a script the first rows come, as from any program that follows no link.
 */
export function wholeCsvOnClick(): void {
  document.addEventListener('click', (event) => {
    const link =
      event.target instanceof Element &&
      event.target.closest<HTMLAnchorElement>('a[href*="format=csv"]');
    const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || event.defaultPrevented) return;
    event.preventDefault();
    if (link.getAttribute('aria-busy') === 'true') return;
    link.setAttribute('aria-busy', 'true');
    void bring(link.href)
      .then((parts) => save(parts, nameOf(link.href)))
      // The browser's own way says what is wrong.
      .catch(() => location.assign(link.href))
      .finally(() => link.removeAttribute('aria-busy'));
  });
}

/** Every page in its order; the names of the columns stand in the first one only. */
async function bring(href: string): Promise<readonly string[]> {
  const first = new URL(href);
  if (!first.searchParams.has('limit')) first.searchParams.set('limit', ROWS);
  const parts: string[] = [];
  let next: URL | undefined = first;
  while (next && parts.length < PAGES_MAX) {
    const reply: Response = await fetch(next);
    if (!reply.ok) throw new Error(`status ${reply.status}`);
    const text = await reply.text();
    parts.push(parts.length === 0 ? text : text.slice(text.indexOf('\n') + 1));
    const path: string | undefined = /<([^>]+)>; rel="next"/.exec(
      reply.headers.get('link') ?? '',
    )?.[1];
    next = path === undefined ? undefined : new URL(path, first);
  }
  return parts;
}

function save(parts: readonly string[], name: string): void {
  const url = URL.createObjectURL(new Blob([...parts], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // Browsers read it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** `receipts.csv` of `/api/v1/me/receipts`. */
function nameOf(href: string): string {
  return `${new URL(href).pathname.split('/').at(-1) ?? 'table'}.csv`;
}
