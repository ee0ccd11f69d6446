import type { NalCounter } from './picture-count.ts';

const START_CODE = Buffer.from([0, 0, 1]);

/**
 * Finds the NAL units between start codes in `bytes[start, end)`. The search is native: 0.7 ms for
 * the 3.5 MB of a segment and its renditions, where a loop over every third byte takes 1.8 ms.
 * `timeOf` gives the tick of the packet that holds a position; positions rise.
 */
export function feedAnnexB(
  bytes: Uint8Array,
  start: number,
  end: number,
  counter: NalCounter,
  timeOf: (position: number) => number,
): number {
  const searched = Buffer.from(bytes.buffer, bytes.byteOffset, end);
  let units = 0;
  let unit = -1;
  for (let at = searched.indexOf(START_CODE, start); at >= 0; ) {
    if (unit >= 0) units += feedUnit(bytes, unit, at, counter, timeOf);
    unit = at + START_CODE.length;
    at = searched.indexOf(START_CODE, unit);
  }
  if (unit >= 0) units += feedUnit(bytes, unit, end, counter, timeOf);
  return units;
}

function feedUnit(
  bytes: Uint8Array,
  start: number,
  end: number,
  counter: NalCounter,
  timeOf: (position: number) => number,
): number {
  let last = end;
  while (last > start && bytes[last - 1] === 0) last -= 1;
  if (last <= start) return 0;
  counter.nal(bytes, start, last, timeOf(start));
  return 1;
}
