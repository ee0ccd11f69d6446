import { createMultipartReader, type MultipartLimits, type PartHeaders } from './multipart.ts';

/** One part, read to its end. */
export interface WholePart {
  readonly headers: PartHeaders;
  readonly body: Buffer;
}

/** Reads a whole body, however it is cut, as the pool reads what a worker posts. */
export function readMultipart(
  chunks: readonly Uint8Array[],
  boundary: string,
  limits: MultipartLimits,
): WholePart[] {
  const parts: { headers: PartHeaders; pieces: Buffer[] }[] = [];
  const reader = createMultipartReader(boundary, limits, (headers) => {
    const part = { headers: { ...headers }, pieces: [] as Buffer[] };
    parts.push(part);
    return { data: (bytes) => part.pieces.push(Buffer.from(bytes)) };
  });
  for (const chunk of chunks) {
    // Gone after the call, as the buffer is that the pool reads into.
    const lent = Buffer.from(chunk);
    reader.push(lent);
    lent.fill(0xee);
  }
  reader.end();
  return parts.map(({ headers, pieces }) => ({ headers, body: Buffer.concat(pieces) }));
}
