import type { LiveWorker } from '../worker/api-views.ts';
import { overviewText, sessionsText, standingOf, standingText } from '../worker/standing.ts';
import type { Wake } from './islands.ts';
import { localText } from './local-times.ts';

const ADDRESS = '/api/v1/me/live';
/** As long as the tint of parts.css. */
const TINT_MS = 600;

/**
 * Keeps what stands in the element as it is now: texts change in place, tinted for a moment, and
 * nothing moves. When the values stop, the page says since when they are old.
 */
export const wake: Wake = (element) => {
  const source = new EventSource(ADDRESS);
  let lastAt = Date.now();
  source.addEventListener('message', ({ data }: MessageEvent<string>) => {
    lastAt = Date.now();
    stale(element, undefined);
    const { workers } = JSON.parse(data) as { readonly workers: readonly LiveWorker[] };
    show(element, workers);
  });
  source.addEventListener('open', () => stale(element, undefined));
  source.addEventListener('error', () => stale(element, lastAt));
  addEventListener('pagehide', () => source.close(), { once: true });
};

function show(element: HTMLElement, workers: readonly LiveWorker[]): void {
  const sorted = workers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  // On the page of one machine there is no sentence about all.
  put(element, 'lead', overviewText(sorted, clock));
  for (const worker of sorted) {
    const standing = standingOf(worker);
    put(element, `${worker.id}:state`, standingText(standing, clock), `state ${standing.tone}`);
    put(element, `${worker.id}:sessions`, sessionsText(worker));
    put(element, `${worker.id}:next`, standing.next ?? 'Nothing needs your attention.');
  }
}

function put(element: HTMLElement, key: string, text: string, tone?: string): void {
  for (const place of element.querySelectorAll<HTMLElement>(`[data-live="${CSS.escape(key)}"]`)) {
    if (place.textContent === text) continue;
    place.textContent = text;
    const classes = tone === undefined ? [] : tone.split(' ');
    if (tone !== undefined) place.className = '';
    place.classList.add(...classes, 'changed');
    setTimeout(() => place.classList.remove('changed'), TINT_MS);
  }
}

/** @param since when the last values came; undefined: they come */
function stale(element: HTMLElement, since: number | undefined): void {
  const place = element.querySelector<HTMLElement>('[data-live="stale"]');
  if (!place) return;
  place.hidden = since === undefined;
  place.className = 'state attention';
  place.textContent =
    since === undefined
      ? ''
      : `These values are of ${localText(new Date(since), 'clock')}: the connection to the pool is interrupted, and tried again by itself.`;
}

function clock(iso: string): string {
  return localText(new Date(iso), 'clock');
}
