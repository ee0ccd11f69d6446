import { render } from 'preact';
import type { LiveWorkers } from '../worker/api-views.ts';
import { Earned, earnedLabel } from '../worker/earned.tsx';
import { overviewText, sessionsText, standingOf, standingText } from '../worker/standing.ts';
import type { Wake } from './islands.ts';
import { followLive, tint } from './live.ts';
import { localText } from './local-times.ts';

/**
 * Keeps what stands in the element as it is now: texts change in place, tinted for a moment, and
 * nothing moves.
 */
export const wake: Wake = (element) => {
  followLive<LiveWorkers>('/api/v1/me/live', { onValue: (now) => show(element, now) });
};

function show(element: HTMLElement, { epoch, workers }: LiveWorkers): void {
  const sorted = workers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  // On the page of one machine there is neither a sentence nor a sum about all.
  put(element, 'lead', overviewText(sorted, clock));
  put(element, 'epoch', earnedLabel(epoch));
  putEarned(element, 'earned', workers);
  for (const worker of sorted) {
    const { id } = worker;
    const standing = standingOf(worker);
    put(element, `${id}:state`, standingText(standing, clock), `state ${standing.tone}`);
    put(element, `${id}:sessions`, sessionsText(worker));
    put(element, `${id}:next`, standing.next ?? 'Nothing needs your attention.');
    putEarned(element, `${id}:earned`, [worker]);
    for (const place of placesOf(element, `${id}:why`)) place.hidden = standing.words === 'Working';
  }
}

function placesOf(element: HTMLElement, key: string): Iterable<HTMLElement> {
  return element.querySelectorAll<HTMLElement>(`[data-live="${CSS.escape(key)}"]`);
}

function put(element: HTMLElement, key: string, text: string, state?: string): void {
  for (const place of placesOf(element, key)) {
    if (place.textContent === text) continue;
    place.textContent = text;
    if (state !== undefined) place.className = state;
    tint(place);
  }
}

/** An amount keeps every digit behind it, and the lines that it leads to. */
function putEarned(element: HTMLElement, key: string, workers: LiveWorkers['workers']): void {
  for (const place of placesOf(element, key)) {
    const before = place.textContent;
    // What the server rendered says the same; from then on it is changed in place.
    if (place.dataset.mine === undefined) place.textContent = '';
    place.dataset.mine = '';
    render(<Earned of={workers} />, place);
    if (place.textContent !== before) tint(place);
  }
}

function clock(iso: string): string {
  return localText(new Date(iso), 'clock');
}
