import { parseArgs } from 'node:util';
import { create, toBinary } from '@bufbuild/protobuf';
import { DEFAULT_BITS } from '../src/protocol/capabilities.ts';
import { OrchestratorRequestSchema } from '../src/protocol/gen/lp_rpc_pb.ts';
import { orchestratorRequestMessage, signMessage } from '../src/protocol/signature.ts';
import { type PayingGateway, startPayingGateway } from '../test/paying-gateway.ts';
import { startTestChain } from '../test/start-chain-pool.ts';
import { framed, startStockTranscoder } from '../test/stock-transcoder.ts';
import { startPoolChild } from './child.ts';
import { quantile, report } from './report.ts';

/**
 * How long a gateway waits for price and ticket parameters while 500 a second ask for them: over
 * TLS and HTTP/2, load generator included. Known gateways are answered from memory.
 */
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' } } });
const PER_SECOND = 500;
const CONNECTIONS = 8;
const WARM_SECONDS = 2;
const P99_MS_MAX = 5;

/** Each second is judged by itself: on a shared machine a few are somebody else's. */
function typical(seconds: readonly (readonly number[])[], share: number): number {
  return quantile(
    seconds.map((times) => quantile(times, share)),
    0.5,
  );
}

const cleanups: (() => void | Promise<void>)[] = [];
const bench = { after: (run: () => void | Promise<void>) => void cleanups.push(run) };
try {
  const chain = await startTestChain(bench);
  const pool = await startPoolChild({ flags: [...chain.flags(), '--price=1000wei'] });
  bench.after(() => pool.stop());
  const [credential = ''] = await pool.enrol(1);
  const worker = startStockTranscoder({
    port: pool.port,
    credential,
    answer: async () => ({ kind: 'silence' }),
  });
  bench.after(() => worker.kill());
  await worker.registered;

  const { url, addresses } = chain.devnet;
  const gateways = Array.from({ length: CONNECTIONS }, () =>
    startPayingGateway(bench, {
      port: pool.port,
      key: chain.key('gateway'),
      chain: { url, addresses },
    }),
  );
  await gateways[0]?.fund({ deposit: 10n ** 19n, reserve: 10n ** 19n });
  while (!(await gateways[0]?.getOrchestrator())?.ok) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  const ask = async (
    seconds: number,
    call: (gateway: PayingGateway) => Promise<unknown>,
  ): Promise<number[][]> => {
    const times: number[][] = Array.from({ length: seconds }, () => []);
    const startedAt = performance.now();
    const all: Promise<void>[] = [];
    for (let number = 0; number < seconds * PER_SECOND; number++) {
      const due = startedAt + (number / PER_SECOND) * 1000 - performance.now();
      if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
      const gateway = gateways[number % CONNECTIONS] as PayingGateway;
      const askedAt = performance.now();
      all.push(
        call(gateway).then(() => {
          times[Math.floor(number / PER_SECOND)]?.push(performance.now() - askedAt);
        }),
      );
    }
    await Promise.all(all);
    return times;
  };
  // Made once, and not read: a gateway's own work is none of ours.
  const { address } = gateways[0] as PayingGateway;
  const request = create(OrchestratorRequestSchema, {
    address,
    sig: signMessage(chain.key('gateway'), orchestratorRequestMessage(address)),
    capabilities: { bitstring: [DEFAULT_BITS], constraints: {} },
  });
  const body = framed(toBinary(OrchestratorRequestSchema, request));
  const headers = {
    ':path': '/net.Orchestrator/GetOrchestrator',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const discover = async (gateway: PayingGateway) => {
    const { trailers } = await gateway.raw(headers, body);
    if (trailers['grpc-status'] !== '0') throw new Error(trailers['grpc-message']);
  };
  const nothing = (gateway: PayingGateway) => gateway.raw({ ':path': '/healthz' });
  const seconds = Number(values.seconds);
  await ask(WARM_SECONDS, discover);
  await ask(WARM_SECONDS, nothing);
  const floor = await ask(seconds, nothing);
  const times = await ask(seconds, discover);
  report([
    {
      claim: 'GetOrchestrator p50 at 500 a second (ms); floor: a request for nothing',
      ours: typical(times, 0.5),
      other: { name: 'floor', value: typical(floor, 0.5) },
    },
    {
      claim: 'GetOrchestrator p99 at 500 a second (ms); floor: a request for nothing',
      ours: typical(times, 0.99),
      other: { name: 'floor', value: typical(floor, 0.99) },
    },
    {
      claim: 'GetOrchestrator p99 at 500 a second (ms)',
      ours: typical(times, 0.99),
      other: { name: 'limit', value: P99_MS_MAX },
    },
  ]);
} finally {
  for (const run of cleanups.toReversed()) await run();
}
