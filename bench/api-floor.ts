import { createServer, type ServerResponse } from 'node:http';

/**
 * What readers are served by where no pool serves them: a bare server of Node that answers everything
 * with the same kept bytes, and sends its streams as many bytes a second as a pool does. It takes from
 * the machine what readers take at the least, and nothing from the pool's event loop.
 */
const BODY = Buffer.alloc(2_000, 'x');
const EVENT = Buffer.from(`data: ${'x'.repeat(2_000)}\n\n`);
const EVERY_MS = 1_000;

const streams = new Set<ServerResponse>();
const server = createServer((request, response) => {
  if (request.url !== '/api/v1/live') {
    response.writeHead(200, { 'content-length': BODY.length }).end(BODY);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('retry: 3000\n\n');
  streams.add(response);
  response.once('close', () => streams.delete(response));
});
setInterval(() => {
  for (const stream of streams) stream.write(EVENT);
}, EVERY_MS);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  process.stdout.write(`READY http://127.0.0.1:${port}\n`);
});
process.once('SIGTERM', () => process.exit(0));
