import type { PoolBase } from '../src/programs/pool/pool.ts';
import type { NotifySegment } from '../src/protocol/gen/lp_rpc_pb.ts';
import { presets } from '../src/protocol/profile-presets.ts';
import { stampedRenditions } from './fixtures/renditions.ts';
import { type Cleanup, type Enrolment, startTestPool, type TestPool } from './start-pool.ts';
import { type StockGateway, startStockGateway } from './stock-gateway.ts';
import {
  type StockOptions,
  type StockTranscoder,
  startStockTranscoder,
  type TaskAnswer,
} from './stock-transcoder.ts';

/** A transcoder that joined, with the enrolment it joined by. */
export interface JoinedWorker {
  readonly enrolment: Enrolment;
  readonly transcoder: StockTranscoder;
}

/** Enrols a worker and connects a stock transcoder that answers well, unless told otherwise. */
export async function joinStock(
  t: Cleanup,
  pool: TestPool,
  options: Partial<StockOptions> & { readonly enrolment?: Enrolment } = {},
): Promise<JoinedWorker> {
  // Made before a gateway's time runs: a slow machine takes longer for it than a gateway waits.
  await stampedRenditions([presets.P240p30fps16x9.name]);
  const enrolment = options.enrolment ?? (await pool.enrol());
  const before = await connectionsOf(pool, enrolment.id);
  const transcoder = startStockTranscoder({
    port: pool.port,
    credential: enrolment.credential,
    answer: goodAnswer,
    ...options,
  });
  t.after(() => transcoder.kill());
  await transcoder.registered;
  // The pool opens the stream when the worker is in.
  while ((await connectionsOf(pool, enrolment.id)) <= before) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { enrolment, transcoder };
}

async function connectionsOf(pool: TestPool, worker: string): Promise<number> {
  const view = await pool.admin<{ connections: number }>('GET', `/api/v1/workers/${worker}`);
  return view.connections;
}

/** Real renditions of the test's source, each time with other bytes; 240p for unknown names. */
export async function goodAnswer(task: NotifySegment): Promise<TaskAnswer> {
  const segment = task.segData;
  const wanted = [
    ...(segment?.fullProfiles ?? []),
    ...(segment?.fullProfiles2 ?? []),
    ...(segment?.fullProfiles3 ?? []),
  ];
  const names = wanted.map(({ name }) => (Object.hasOwn(presets, name) ? name : 'P240p30fps16x9'));
  const renditions = await stampedRenditions(names);
  return { kind: 'renditions', renditions };
}

/** A pool with one good worker and a gateway: where most tests of the wire begin. */
export async function startPoolWithWorker(
  t: Cleanup,
  flags: readonly string[] = [],
  base: Partial<PoolBase> = {},
): Promise<{ pool: TestPool; gateway: StockGateway; worker: JoinedWorker }> {
  const pool = await startTestPool(t, flags, base);
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  const worker = await joinStock(t, pool);
  return { pool, gateway, worker };
}
