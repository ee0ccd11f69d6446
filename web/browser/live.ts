import { localText } from './local-times.ts';

/** What a page is told while it is open. */
export interface LiveFeed<T> {
  /** Each snapshot, whole. */
  onValue(value: T): void;
  /**
   * Since when nothing came, while the connection is lost; undefined when it is back. Where it is left
   * out, a bar at the foot of the window says it: nothing on the page moves.
   */
  onStale?(since: Date | undefined): void;
}

/** A browser does not try again by itself where the pool refused. */
const AGAIN_MS = 10_000;

interface Source {
  readonly feeds: LiveFeed<unknown>[];
  last: string | undefined;
}

/** Parts of a page that follow the same values share one connection. */
const sources = new Map<string, Source>();

/** Events stop while nobody looks: a hidden tab costs the pool nothing. */
export function followLive<T>(path: string, feed: LiveFeed<T>): void {
  const known = sources.get(path);
  if (known) {
    known.feeds.push(feed as LiveFeed<unknown>);
    if (known.last !== undefined) feed.onValue(JSON.parse(known.last) as T);
    return;
  }
  const made: Source = { feeds: [feed as LiveFeed<unknown>], last: undefined };
  sources.set(path, made);
  keepOpen(path, made);
}

function keepOpen(path: string, shared: Source): void {
  let source: EventSource | undefined;
  let lastAt = new Date();

  const stale = (
    since: Date | undefined,
    text = 'the pool does not answer, and is asked again',
  ) => {
    for (const { onStale } of shared.feeds) onStale?.(since);
    if (shared.feeds.some(({ onStale }) => onStale === undefined)) bar(since, text);
  };
  function open(): void {
    if (source) return;
    const opened = new EventSource(path);
    source = opened;
    opened.onopen = () => stale(undefined);
    opened.onmessage = ({ data }: MessageEvent<string>) => {
      lastAt = new Date();
      stale(undefined);
      shared.last = data;
      for (const { onValue } of shared.feeds) onValue(JSON.parse(data));
    };
    opened.onerror = () => {
      stale(lastAt);
      // Else the browser connects again by itself, and asks for what it missed.
      if (opened.readyState === EventSource.CLOSED) void refused();
    };
  }
  function close(): void {
    source?.close();
    source = undefined;
  }
  async function refused(): Promise<void> {
    close();
    const reply = await fetch(path, { method: 'HEAD' }).catch(() => undefined);
    if (reply?.status === 401) stale(lastAt, 'you are signed out; load the page again to sign in');
    else if (!document.hidden) setTimeout(open, AGAIN_MS);
  }
  const turn = () => (document.hidden ? close() : open());
  document.addEventListener('visibilitychange', turn);
  turn();
}

/** Says since when the values of the page are old, and why. */
function bar(since: Date | undefined, why: string): void {
  const id = 'stale';
  const found = document.getElementById(id);
  if (!since) {
    if (found) found.hidden = true;
    return;
  }
  const element = found ?? Object.assign(document.createElement('p'), { id, className: 'stale' });
  element.setAttribute('role', 'status');
  const text = `Live values are of ${localText(since, 'clock')}: ${why}.`;
  if (!found) document.body.append(element);
  element.hidden = false;
  if (element.textContent !== text) element.textContent = text;
}

/** As long as the tint of parts.css. */
const TINT_MS = 600;

/** Tints what has changed for a moment. */
export function tint(element: HTMLElement): void {
  element.classList.add('changed');
  setTimeout(() => element.classList.remove('changed'), TINT_MS);
}
