import type { Path } from './faults.ts';

const HEADER = /^\s*(\[\[?)\s*([^\]#]+?)\s*\]\]?\s*(?:#.*)?$/;
const KEY =
  /^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=/;

/**
 * The line of a TOML text on which a key stands, from 1; of the nearest key around it when it is
 * within a list or an inline table, or missing. Undefined when not even that is there. It reads keys
 * and headers only: good enough to point, not to parse.
 */
export function lineOf(source: string, path: Path): number | undefined {
  const places = placesIn(source);
  for (let length = path.length; length > 0; length -= 1) {
    const found = places.get(JSON.stringify(path.slice(0, length)));
    if (found !== undefined) return found;
  }
  return undefined;
}

function placesIn(source: string): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  const counts = new Map<string, number>();
  let table: Path = [];
  const note = (path: Path, line: number) => {
    const key = JSON.stringify(path);
    if (!places.has(key)) places.set(key, line);
  };
  for (const [index, text] of source.split('\n').entries()) {
    const header = HEADER.exec(text);
    if (header) {
      table = placeOf(words(header[2] as string), header[1] === '[[', counts);
      for (let length = 1; length <= table.length; length += 1) {
        note(table.slice(0, length), index + 1);
      }
      continue;
    }
    const key = KEY.exec(text);
    if (key) note([...table, ...words(key[1] as string)], index + 1);
  }
  return places;
}

/** Which element of a list of tables a header names: the last one, or one more. */
function placeOf(names: readonly string[], isNew: boolean, counts: Map<string, number>): Path {
  let path: Path = [];
  for (const [index, name] of names.entries()) {
    path = [...path, name];
    const key = JSON.stringify(path);
    const isLast = index === names.length - 1;
    if (isLast && isNew) counts.set(key, (counts.get(key) ?? -1) + 1);
    const count = counts.get(key);
    if (count !== undefined) path = [...path, count];
  }
  return path;
}

function words(dotted: string): readonly string[] {
  return dotted.split('.').map((word) => word.trim().replace(/^["']|["']$/g, ''));
}
