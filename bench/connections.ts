import { type ClientHttp2Session, connect } from 'node:http2';
import { setTimeout as wait } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { frame } from '../src/http/grpc-client.ts';
import { RegisterRequestSchema } from '../src/protocol/gen/lp_rpc_pb.ts';
import { type Child, startModule } from './child.ts';
import { cpuMs, residentMib } from './process-usage.ts';
import { type Line, report } from './report.ts';

// Memory per connected worker, its task stream open, against a bare HTTP/2 TLS server of Node that
// holds the same connections; and the CPU of an idle fleet, asked for a sign of life every 5 s.

const COUNTS = [100, 500, 1_000, 2_000];
/** Handshakes at once. */
const DIALS = 20;
const IDLE_SECONDS = 20;
/** Before anything is counted: one-time costs of the first connections. */
const WARM = 50;

const message = frame(
  toBinary(
    RegisterRequestSchema,
    create(RegisterRequestSchema, { secret: 'trib_aaaaaaaaaa_secret', capacity: 10n }),
  ),
);

const ours = await measure('ours');
const floor = await measure('floor');
const lines: Line[] = COUNTS.map((count, index) => ({
  claim: `memory per connection at ${count} (KiB)`,
  ours: ours.kib[index] ?? 0,
  other: { name: 'floor', value: floor.kib[index] ?? 0 },
}));
lines.push({
  claim: `CPU of ${COUNTS.at(-1)} idle connections (% of a core)`,
  ours: ours.idlePercent,
  other: { name: 'limit', value: 5 },
});
report(lines);

async function measure(kind: 'ours' | 'floor') {
  process.env.TRIBUTARY_BENCH_SERVER = kind;
  const server = await startModule('connections-server.ts');
  const sessions: ClientHttp2Session[] = [];
  const grow = async (count: number) => {
    while (sessions.length < count) {
      const more = Math.min(DIALS, count - sessions.length);
      sessions.push(...(await Promise.all(Array.from({ length: more }, () => dial(server)))));
    }
  };
  await grow(WARM);
  const start = await settled(server);
  const kib: number[] = [];
  for (const count of COUNTS) {
    await grow(WARM + count);
    kib.push((((await settled(server)) - start) * 1024) / count);
  }
  const before = cpuMs(server.pid);
  await wait(IDLE_SECONDS * 1_000);
  const idlePercent = (cpuMs(server.pid) - before) / (IDLE_SECONDS * 10);
  for (const session of sessions) session.destroy();
  await server.stop();
  return { kib, idlePercent };
}

/** Resident memory once the garbage is gone. */
async function settled(server: Child): Promise<number> {
  for (let round = 0; round < 4; round++) {
    process.kill(server.pid, 'SIGUSR2');
    await wait(300);
  }
  return residentMib(server.pid);
}

/** Opens a connection with one stream, as a worker holds it. */
function dial(server: Child): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(`https://127.0.0.1:${server.ready}`, { rejectUnauthorized: false });
    session.on('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/net.Transcoder/RegisterTranscoder',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'grpc-go/1.65.0',
    });
    stream.on('error', reject);
    stream.on('response', () => resolve(session));
    stream.resume();
    stream.end(message);
  });
}
