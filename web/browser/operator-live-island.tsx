import { render } from 'preact';
import type { AttentionItem, LiveFleet } from '../operator/api-views.ts';
import { Attention } from '../operator/attention.tsx';
import { trafficWords } from '../operator/now-words.ts';
import type { Wake } from './islands.ts';
import { followLive } from './live.ts';
import { localText, localTimes } from './local-times.ts';

/** Looked at this often besides whenever the health of a worker changed. */
const LOOK_MS = 15_000;
/** As long as the tint of parts.css. */
const TINT_MS = 600;

/** Keeps traffic, and what needs the operator, as they are now; nothing moves, texts change. */
export const wake: Wake = (element) => {
  const needs = element.querySelector<HTMLElement>('[data-attention]');
  let health = '';
  let shown = '';

  async function look(): Promise<void> {
    if (!needs) return;
    const reply = await fetch('/api/v1/operator/attention').catch(() => undefined);
    if (!reply?.ok) return;
    const text = await reply.text();
    if (text === shown) return;
    const isFirst = shown === '';
    shown = text;
    // What the server rendered is the same; drawn over only when there is news.
    const { items } = JSON.parse(text) as { readonly items: readonly AttentionItem[] };
    if (isFirst && items.length === Number(needs.dataset.attention)) return;
    needs.textContent = '';
    render(<Attention items={items} />, needs);
    localTimes(needs);
  }

  followLive<LiveFleet>('/api/v1/operator/live', {
    onValue(fleet) {
      for (const [key, text] of Object.entries(trafficWords(fleet))) put(element, key, text);
      const now = fleet.workers.map((one) => `${one.id} ${one.health} ${one.state}`).join();
      if (now === health) return;
      health = now;
      void look();
    },
    onStale: (since) => stale(element, since),
  });
  setInterval(() => {
    if (!document.hidden) void look();
  }, LOOK_MS);
};

function put(element: HTMLElement, key: string, text: string): void {
  for (const place of element.querySelectorAll<HTMLElement>(`[data-live="${key}"]`)) {
    if (place.textContent === text) continue;
    place.textContent = text;
    place.classList.add('changed');
    setTimeout(() => place.classList.remove('changed'), TINT_MS);
  }
}

function stale(element: HTMLElement, since: Date | undefined): void {
  const place = element.querySelector<HTMLElement>('[data-live="stale"]');
  if (!place) return;
  place.hidden = since === undefined;
  place.className = 'state attention';
  place.textContent = since
    ? `These values are of ${localText(since, 'clock')}: the pool does not answer, and is asked again.`
    : '';
}
