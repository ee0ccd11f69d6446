import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { ConnectionId, WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { namesOf } from '../protocol/capabilities.ts';
import type { ReportedDevice } from '../protocol/devices.ts';

/** Machines that are shown of one worker, the last ones. */
const MACHINES_MAX = 100;

/** What a machine said of itself when it connected. Where it is, is not kept. */
export interface Machine {
  readonly connection: ConnectionId;
  readonly worker: WorkerId;
  /** `tributary` is our worker, `stock` a go-livepeer transcoder. */
  readonly software: 'tributary' | 'stock';
  /** Empty when it said none. */
  readonly version: string;
  /** Sessions that it takes at the same time. */
  readonly capacity: number;
  readonly bits: bigint;
  /** Round trip when it connected. */
  readonly distanceMs: number;
  /** What our worker tells of its device; a stock transcoder tells nothing. */
  readonly device?: Device;
  readonly joinedAt: number;
}

/** A worker's word on its hardware, which nothing is paid by. */
export interface Device {
  readonly devices: readonly ReportedDevice[];
}

/** A connection that ended, and why, in a word of dispatch. */
export interface MachineLeft {
  readonly connection: ConnectionId;
  readonly at: number;
  readonly because: string;
}

/** A machine as it is shown: those that are there have no `leftAt`. */
export type MachineView = Omit<Machine, 'bits'> & {
  /** Names of what it can do. */
  readonly capabilities: readonly string[];
  readonly leftAt: Instant | undefined;
  readonly leftBecause: string | undefined;
};

export async function noteMachines(tx: Transaction, machines: readonly Machine[]): Promise<void> {
  if (machines.length === 0) return;
  await tx.query(sql`
    insert into worker_machine (connection, worker, software, version, capacity, bits, distance_ms,
      device, joined_at)
    select connection, worker, software, nullif(version, ''), capacity, bits, distance_ms,
      device, 'epoch'::timestamptz + joined_at * interval '1 millisecond'
    from unnest(
      ${machines.map(({ connection }) => connection)}::text[],
      ${machines.map(({ worker }) => worker)}::text[],
      ${machines.map(({ software }) => software)}::text[],
      ${machines.map(({ version }) => version)}::text[],
      ${machines.map(({ capacity }) => capacity)}::integer[],
      ${machines.map(({ bits }) => bits.toString(16))}::text[],
      ${machines.map(({ distanceMs }) => Math.round(distanceMs))}::integer[],
      ${machines.map(({ device }) => (device ? JSON.stringify(device) : null))}::jsonb[],
      ${machines.map(({ joinedAt }) => joinedAt)}::double precision[]
    ) as m (connection, worker, software, version, capacity, bits, distance_ms, device, joined_at)
    on conflict do nothing`);
}

export async function noteMachinesLeft(
  tx: Transaction,
  left: readonly MachineLeft[],
): Promise<void> {
  if (left.length === 0) return;
  await tx.query(sql`
    update worker_machine set
      left_at = 'epoch'::timestamptz + gone.at * interval '1 millisecond',
      left_because = gone.because
    from unnest(
      ${left.map(({ connection }) => connection)}::text[],
      ${left.map(({ at }) => at)}::double precision[],
      ${left.map(({ because }) => because)}::text[]
    ) as gone (connection, at, because)
    where worker_machine.connection = gone.connection`);
}

interface MachineRow {
  connection: string;
  worker: string;
  software: Machine['software'];
  version: string | null;
  capacity: number;
  bits: string;
  distance_ms: number;
  device: Device | null;
  joined_at: Instant;
  left_at: Instant | null;
  left_because: string | null;
  seen_until: Instant | null;
}

/**
 * The machines of a worker, the last to come first. One that its node lost sight of, as when that
 * node was killed, ended when it was seen last.
 */
export async function machinesOf(
  from: Queryable,
  worker: WorkerId,
  now: number,
): Promise<readonly MachineView[]> {
  const { rows } = await from.query<MachineRow>(sql`
    select m.*, (select max(until) from worker_online o where o.connection = m.connection)
      as seen_until
    from worker_machine m where m.worker = ${worker}
    order by joined_at desc limit ${MACHINES_MAX}`);
  return rows.map((row) => ({
    connection: row.connection as ConnectionId,
    worker: row.worker as WorkerId,
    software: row.software,
    version: row.version ?? '',
    capacity: row.capacity,
    capabilities: namesOf(BigInt(`0x${row.bits}`)),
    distanceMs: row.distance_ms,
    ...(row.device ? { device: row.device } : {}),
    joinedAt: row.joined_at,
    ...endOf(row, now),
  }));
}

/** Longer than this without a word from its node, and nobody holds the connection any more. */
const SILENT_MS = 60_000;

function endOf(row: MachineRow, now: number) {
  if (row.left_at) return { leftAt: row.left_at, leftBecause: row.left_because ?? undefined };
  const seen = row.seen_until ?? row.joined_at;
  return now - seen < SILENT_MS
    ? { leftAt: undefined, leftBecause: undefined }
    : { leftAt: seen, leftBecause: 'lost' };
}
