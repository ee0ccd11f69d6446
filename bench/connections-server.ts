import { mkdtemp, rm } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../src/base/clock.ts';
import { quiet } from '../src/base/log.ts';
import { createMetrics } from '../src/base/metrics.ts';
import { ownCertificate } from '../src/http/certificate.ts';
import { grpcServerStream } from '../src/http/grpc.ts';
import { defaultLimits } from '../src/http/limits.ts';
import { listen } from '../src/http/listener.ts';
import { NotifySegmentSchema, RegisterRequestSchema } from '../src/protocol/gen/lp_rpc_pb.ts';

// The server of bench/connections.ts, in a process of its own: ours, or a bare one that answers
// each stream with headers and keeps it. Collects its garbage on SIGUSR2.

/** As the front asks its workers for a sign of life. */
const PING_EVERY_MS = 5_000;
const PING_TIMEOUT_MS = 5_000;

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
process.on('SIGUSR2', () => gc());
process.on('SIGTERM', () => process.exit(0));

const dataDir = await mkdtemp(join(tmpdir(), 'tributary-bench-'));
const certificate = await ownCertificate({ dataDir, host: 'localhost', log: quiet });
await rm(dataDir, { recursive: true });
const port = process.env.TRIBUTARY_BENCH_SERVER === 'floor' ? await floor() : await ours();
console.log(`READY ${port}`);

async function ours(): Promise<number> {
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    certificate,
    limits: { ...defaultLimits, connectionsPerAddressMax: 10_000, exchangesPerAddressMax: 10_000 },
    log: quiet,
    metrics: createMetrics(),
    handle: (exchange) =>
      grpcServerStream(
        exchange,
        RegisterRequestSchema,
        NotifySegmentSchema,
        async (_request, stream) => {
          stream.open();
          let timer = systemClock.after(PING_EVERY_MS, beat);
          async function beat() {
            if (await exchange.connection.ping(PING_TIMEOUT_MS)) {
              timer = systemClock.after(PING_EVERY_MS, beat);
            } else exchange.connection.destroy();
          }
          await stream.closed;
          timer.cancel();
        },
      ),
  });
  return listener.port;
}

async function floor(): Promise<number> {
  const server = createSecureServer(certificate.current());
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.resume();
    stream.respond({ ':status': 200 });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
