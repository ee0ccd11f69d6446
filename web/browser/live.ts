/** What a page is told while it is open. */
export interface LiveFeed<T> {
  /** Each snapshot, whole. */
  onValue(value: T): void;
  /** Since when nothing came, while the connection is lost; undefined when it is back. */
  onStale(since: Date | undefined): void;
}

/** Events stop while nobody looks: a hidden tab costs the pool nothing. */
export function followLive<T>(path: string, feed: LiveFeed<T>): void {
  let source: EventSource | undefined;
  let last = new Date();

  function open(): void {
    source ??= new EventSource(path);
    source.onmessage = ({ data }: MessageEvent<string>) => {
      last = new Date();
      feed.onStale(undefined);
      feed.onValue(JSON.parse(data) as T);
    };
    // The browser connects again by itself, and asks for what it missed.
    source.onerror = () => feed.onStale(last);
  }
  function close(): void {
    source?.close();
    source = undefined;
  }
  const turn = () => (document.hidden ? close() : open());
  document.addEventListener('visibilitychange', turn);
  turn();
}
