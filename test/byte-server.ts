import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { selfSigned } from './self-signed.ts';
import type { Cleanup } from './start-pool.ts';

/** A TLS server that only counts what it is told. */
export interface TestServer {
  readonly port: number;
  readonly connections: number;
  readonly bytesDecrypted: number;
}

/** Listens with a certificate of its own for HTTP/2 and HTTP/1.1, and never answers. */
export async function createTestServer(t: Cleanup): Promise<TestServer> {
  const seen = { connections: 0, bytesDecrypted: 0 };
  const { cert, key } = selfSigned();
  const server = createServer({ cert, key, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      seen.bytesDecrypted += bytes.length;
    });
  });
  server.on('connection', () => {
    seen.connections += 1;
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return Object.defineProperties({ port } as TestServer, {
    connections: { get: () => seen.connections },
    bytesDecrypted: { get: () => seen.bytesDecrypted },
  });
}
