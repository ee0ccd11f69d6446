import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { namesTag } from './etag.ts';
import { SAFE } from './problem.ts';

/** `history/tile/0/x001/067.p/12` is the deepest that is published. */
const DEPTH_MAX = 8;
/** A part begins with a letter or digit, so that none is `.`, `..` or a hidden file. */
const PART = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const TYPES: Readonly<Record<string, string>> = {
  '.json': 'application/json; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

/**
 * The path of a file below `root` that a request asks for, or undefined when the text is none that
 * was ever published: nothing is decoded or normalised, so there is nothing to get around.
 */
export function fileBelow(root: string, asked: string): string | undefined {
  const parts = asked.split('/');
  if (parts.length > DEPTH_MAX || !parts.every((part) => PART.test(part))) return undefined;
  return join(root, ...parts);
}

/**
 * Answers with a file, or with 304 where the asker has it already. Returns false, with nothing
 * answered, when it is not there or no plain file; links are not followed.
 */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<boolean> {
  const file = await openPlain(path);
  if (!file) return false;
  await using handle = file.handle;
  const headers = {
    etag: file.etag,
    // Asked for again each time, and mostly answered by 304: a proof must not be an old one.
    'cache-control': 'no-cache',
    // Proofs are for everybody, also for a page of somebody else that checks them.
    'access-control-allow-origin': '*',
    ...SAFE,
  };
  if (namesTag(request.headers['if-none-match'], file.etag)) {
    response.writeHead(304, headers).end();
    return true;
  }
  response.writeHead(200, {
    ...headers,
    'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
    'content-length': file.size,
  });
  if (request.method === 'HEAD' || file.size === 0) {
    response.end();
    return true;
  }
  // No more than was announced, should it grow meanwhile.
  const bytes = handle.createReadStream({ end: file.size - 1, autoClose: false });
  await pipeline(bytes, response).catch(() => {
    // The asker went away, or the file became shorter: the connection ends early, which shows.
    response.destroy();
  });
  return true;
}

interface PlainFile {
  readonly handle: FileHandle;
  readonly size: number;
  readonly etag: string;
}

async function openPlain(path: string): Promise<PlainFile | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EISDIR'].includes(error.code ?? '')) {
      return undefined;
    }
    throw error;
  });
  if (!handle) return undefined;
  const stat = await handle.stat({ bigint: true });
  if (!stat.isFile()) {
    await handle.close();
    return undefined;
  }
  // Files are replaced whole, by a rename, so that another file has another number.
  const etag = `"${stat.size.toString(36)}-${stat.mtimeNs.toString(36)}-${stat.ino.toString(36)}"`;
  return { handle, size: Number(stat.size), etag };
}
