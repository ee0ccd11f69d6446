import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';

/**
 * Articles that are the same for every reader as long as the program runs, such as documents: put together
 * once, as HTML, however often they are asked for. Long ones take 80 ms, which segments would wait for.
 */
export function createKept(className: string): Kept {
  const made = new Map<string, string>();
  return (key, make, adapt = (html) => html) => {
    const html = made.get(key) ?? renderToString(make());
    made.set(key, html);
    return <article class={className} dangerouslySetInnerHTML={{ __html: adapt(html) }} />;
  };
}

/** @param adapt puts in what differs from reader to reader, and is safe in HTML */
type Kept = (key: string, make: () => VNode, adapt?: (html: string) => string) => VNode;
