import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createKeccakHasher } from '../src/base/keccak.ts';
import { selfSigned } from '../test/self-signed.ts';
import { cannedMedia } from './relay-media.ts';

// The floor of bench/relay.ts: bare TLS servers that take 1.7 MB in (HTTP/2) and give 1.7 MB out
// (HTTP/1.1), twice, and hash what comes in. Runs as a process of its own; prints both ports.

const media = await cannedMedia();
const certificate = await selfSigned();

const takes = createSecureServer(certificate);
takes.on('stream', (stream) => {
  const hasher = createKeccakHasher();
  stream.on('error', () => {}); // the load generator sees it
  stream.on('data', (piece: Buffer) => hasher.update(piece));
  stream.on('end', () => {
    hasher.digest();
    stream.respond({ ':status': 200 }, { endStream: true });
  });
});

const gives = createServer(certificate, (request, response) => {
  const index = Number(request.url?.slice(1));
  const bytes = media.renditions[index]?.bytes ?? media.source;
  response.writeHead(200, { 'content-length': bytes.length });
  response.end(bytes);
});

const ports = [takes, gives].map(
  (server) =>
    new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    }),
);
console.log(`READY ${(await Promise.all(ports)).join(' ')}`);
process.on('disconnect', () => process.exit());
