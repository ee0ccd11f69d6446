import type { Blob } from '../base/blob.ts';
import { TributaryError } from '../base/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { segmentTexts } from '../protocol/texts.ts';
import type { FrontParts } from './parts.ts';
import { plain } from './replies.ts';
import { parseSourcePath, sourceGranted } from './source-url.ts';

/** Content types as a browser and FFmpeg expect them; stock peers check none. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ts: 'video/mp2t',
  mp4: 'video/mp4',
  phash: 'application/octet-stream',
};

/**
 * GET /stream/SESSION/RENDITION/SEQ.ts: the gateway downloads a result. No credential but the
 * unguessable session, as stock gateways send none (wire-gateway: go-tools drivers/local.go).
 */
export async function getStream(parts: FrontParts, exchange: Exchange): Promise<void> {
  const found = parts.renditions.open(exchange.path);
  if (!found) return plain(exchange, 404, segmentTexts.notFound);
  const extension = exchange.path.slice(exchange.path.lastIndexOf('.') + 1);
  exchange.respond(200, {
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'Content-Length',
    'cache-control': 'max-age=5',
    'content-length': String(found.blob.length),
    'content-type': CONTENT_TYPES[extension] ?? 'application/octet-stream',
  });
  try {
    if (exchange.method === 'HEAD') await exchange.end();
    else if (await pour(found.blob, exchange)) found.fetched();
  } finally {
    found.blob.release();
  }
}

/** GET /source/…: a worker downloads the source of its task, while the gateway may still push it. */
export async function getSource(parts: FrontParts, exchange: Exchange): Promise<void> {
  const path = parseSourcePath(exchange.path);
  const task = path && parts.relay.task(path.task);
  const now = parts.clock.now();
  const granted =
    path &&
    task &&
    parts.sourceSecrets().some((secret) => sourceGranted(secret, path, task.worker, now));
  if (!granted || task.job.source.state === 'failed') {
    return plain(exchange, 404, segmentTexts.notFound);
  }
  const { source, detail } = task.job;
  source.retain();
  try {
    parts.relay.fetchStarted(task);
    const length = source.state === 'complete' ? source.length : detail.declaredBytes;
    exchange.respond(200, {
      'content-type': 'video/mp2t',
      ...(length === undefined ? {} : { 'content-length': String(length) }),
    });
    if (await pour(source, exchange)) task.fetchedAt ??= parts.clock.now();
  } finally {
    source.release();
  }
}

/** Sends a blob, following its growth. True when all of it was sent to a peer that is still there. */
async function pour(blob: Blob, exchange: Exchange): Promise<boolean> {
  try {
    for await (const piece of blob.read()) {
      if (exchange.aborted.aborted) return false;
      await exchange.write(piece);
    }
  } catch (error) {
    // The source failed while it was handed on: a cut connection tells the worker not to use it.
    if (!(error instanceof TributaryError && error.code === 'blob_failed')) throw error;
    exchange.connection.destroy();
    return false;
  }
  await exchange.end();
  return !exchange.aborted.aborted;
}
