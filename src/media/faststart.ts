/**
 * Moves the index of an MP4 file (`moov`) before its media (`mdat`) and corrects the offsets in it,
 * so that players can start before they have the whole file. FFmpeg's own `faststart` reopens its
 * output by name, which memory does not have. A file that is not of that shape is returned as it is.
 */
export function moveIndexToFront(file: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const boxes = children(view, 0, file.length);
  const index = boxes.find((box) => box.type === 'moov');
  const media = boxes.find((box) => box.type === 'mdat');
  if (!index || !media || index.start < media.start) return file;
  const moved = new Uint8Array(file.length);
  const size = index.end - index.start;
  moved.set(file.subarray(0, media.start), 0);
  moved.set(file.subarray(index.start, index.end), media.start);
  moved.set(file.subarray(media.start, index.start), media.start + size);
  moved.set(file.subarray(index.end), index.end);
  const movedView = new DataView(moved.buffer);
  addToOffsets(movedView, media.start + 8, media.start + size, size);
  return moved;
}

interface Box {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

function children(view: DataView, from: number, to: number): Box[] {
  const boxes: Box[] = [];
  for (let start = from; start + 8 <= to; ) {
    let size = view.getUint32(start);
    if (size === 1 && start + 16 <= to) size = Number(view.getBigUint64(start + 8));
    else if (size === 0) size = to - start;
    if (size < 8 || start + size > to) break;
    const type = String.fromCharCode(
      view.getUint8(start + 4),
      view.getUint8(start + 5),
      view.getUint8(start + 6),
      view.getUint8(start + 7),
    );
    boxes.push({ type, start, end: start + size });
    start += size;
  }
  return boxes;
}

const CONTAINERS = new Set(['trak', 'mdia', 'minf', 'stbl']);

/** Every chunk offset points behind the index, which has just grown in front of it. */
function addToOffsets(view: DataView, from: number, to: number, by: number): void {
  for (const box of children(view, from, to)) {
    if (CONTAINERS.has(box.type)) addToOffsets(view, box.start + 8, box.end, by);
    const entries = box.start + 16;
    if (box.type === 'stco') {
      for (let at = entries; at + 4 <= box.end; at += 4) {
        view.setUint32(at, view.getUint32(at) + by);
      }
    } else if (box.type === 'co64') {
      for (let at = entries; at + 8 <= box.end; at += 8) {
        view.setBigUint64(at, view.getBigUint64(at) + BigInt(by));
      }
    }
  }
}
