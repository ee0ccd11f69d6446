import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { canonicalJson } from '../src/proofs/canonical.ts';
import type { Cleanup } from './start-pool.ts';

/** What an address of the hostile server does with whoever asks for its manifest. */
export type Hostility =
  /** Sends this text. */
  | { readonly kind: 'text'; readonly text: (origin: string) => string }
  | { readonly kind: 'redirect'; readonly to: string }
  /** 100 MB, as fast as they are taken. */
  | { readonly kind: 'flood' }
  /** A byte now and then, and never the last one. */
  | { readonly kind: 'drip' }
  | { readonly kind: 'silence' };

/** An address at which a pool could be, and is not. */
export interface HostilePool {
  readonly origin: string;
  readonly place: string;
  /** Bytes that went out: a reader that stops early is seen by it. */
  sent(): number;
}

const FLOOD_BYTES = 100 * 1024 * 1024;

/** Serves one of them at a port of its own. */
export async function startHostilePool(t: Cleanup, what: Hostility): Promise<HostilePool> {
  let sent = 0;
  const server = createServer((_, response) => {
    response.on('error', () => undefined);
    answer(response);
  });
  const answer = (response: ServerResponse) => {
    switch (what.kind) {
      case 'text':
        response.writeHead(200, { 'content-type': 'application/json' });
        return void response.end(what.text(origin()));
      case 'redirect':
        return void response.writeHead(302, { location: what.to }).end();
      case 'flood':
        response.writeHead(200, { 'content-type': 'application/json' });
        return flood(response);
      case 'drip': {
        response.writeHead(200, { 'content-type': 'application/json' });
        const timer = setInterval(() => response.write(' '), 100);
        return void response.once('close', () => clearInterval(timer));
      }
      case 'silence':
        return undefined;
    }
  };
  const flood = (response: ServerResponse) => {
    const piece = Buffer.alloc(64 * 1024, 0x20);
    const more = () => {
      while (sent < FLOOD_BYTES && !response.destroyed) {
        sent += piece.length;
        if (!response.write(piece)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const origin = () => `http://127.0.0.1:${port}`;
  return { origin: origin(), place: `127.0.0.1:${port}`, sent: () => sent };
}

/** Passes what a pool publishes on, and changes one file on the way. */
export async function startSpoiler(
  t: Cleanup,
  { path, spoil }: { readonly path: string; readonly spoil: (text: string) => string },
): Promise<{ readonly origin: string; pool: string | undefined }> {
  const self: { origin: string; pool: string | undefined } = { origin: '', pool: undefined };
  const server = createServer(async (request, response) => {
    const reply = await fetch(new URL(request.url ?? '/', self.pool)).catch(() => undefined);
    const text = (await reply?.text()) ?? '';
    response.writeHead(reply?.status ?? 502, {
      'content-type': reply?.headers.get('content-type') ?? 'text/plain',
    });
    response.end(request.url === path ? spoil(text) : text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  self.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return self;
}

/** A manifest with something changed after it was signed. */
export function tampered(
  text: string,
  change: (manifest: { pool: Record<string, string> }) => void,
): string {
  const file = JSON.parse(text);
  change(file.manifest);
  return canonicalJson(file);
}
