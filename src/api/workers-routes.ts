import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Dispatch, WorkerView } from '../dispatch/dispatch-types.ts';
import type { WorkerTotals } from '../ledger/contribution.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Credential } from '../workers/credentials.ts';
import type { Worker } from '../workers/worker.ts';
import type { Workers, WorkersResult } from '../workers/workers.ts';
import type { Route } from './admin.ts';

export interface WorkersRoutesParts {
  readonly workers: Workers;
  readonly ledger: Ledger;
  readonly dispatch: Dispatch;
  /** The join string for a credential of this pool. */
  joinString(credential: Credential): string;
}

/** `/api/v1/workers`: enrol, look up, and change workers while the pool runs. */
export function workersRoutes(parts: WorkersRoutesParts): readonly Route[] {
  const { workers, ledger, dispatch } = parts;
  const path = '/api/v1/workers/{worker}';

  const view = (worker: Worker, totals: ReadonlyMap<WorkerId, WorkerTotals>) =>
    viewOf(worker, totals.get(worker.id), dispatch.worker(worker.id));

  const change = (
    word: string,
    act: (ref: string) => Promise<WorkersResult<{ readonly worker: Worker }>>,
  ): Route => ({
    method: 'POST',
    path: `${path}/${word}`,
    async handle({ params }) {
      const { worker } = granted(await act(params.worker ?? ''));
      return { status: 200, value: view(worker, await totalsByWorker(ledger)) };
    },
  });

  return [
    {
      method: 'GET',
      path: '/api/v1/workers',
      async handle() {
        const totals = await totalsByWorker(ledger);
        const value = (await workers.list()).map((worker) => view(worker, totals));
        return { status: 200, value };
      },
    },
    {
      method: 'POST',
      path: '/api/v1/workers',
      async handle({ body }) {
        const name = textOf(body, 'name');
        if (name === undefined) throw new TributaryError('worker_name_invalid', 'name is missing');
        const payoutAddress = textOf(body, 'payoutAddress');
        const added = await workers.add({ name, ...(payoutAddress ? { payoutAddress } : {}) });
        return { status: 201, value: enrolment(parts, granted(added)) };
      },
    },
    {
      method: 'GET',
      path,
      async handle({ params }) {
        const worker = await workers.show(params.worker ?? '');
        if (!worker) throw new TributaryError('worker_unknown', 'there is no such worker');
        return { status: 200, value: view(worker, await totalsByWorker(ledger)) };
      },
    },
    {
      method: 'POST',
      path: `${path}/rotate`,
      async handle({ params }) {
        // The one before stays valid, so nobody is disconnected; the one before that goes.
        const rotated = await workers.rotate(params.worker ?? '', { retire: 'oldest' });
        return { status: 200, value: enrolment(parts, granted(rotated)) };
      },
    },
    change('revoke', workers.revoke),
    change('pause', workers.pause),
    change('resume', workers.resume),
    change('drain', workers.drain),
  ];
}

function enrolment(
  { joinString }: WorkersRoutesParts,
  { worker, credential }: { worker: Worker; credential: Credential },
) {
  return { id: worker.id, name: worker.name, credential, join: joinString(credential) };
}

/** What a request led to, or its refusal as the error that the API answers with. */
function granted<T>(result: WorkersResult<T>): T {
  if (result.ok) return result;
  throw new TributaryError(result.reason, REFUSALS[result.reason]);
}

const REFUSALS = {
  worker_name_invalid: 'this name cannot be used',
  worker_name_taken: 'a worker has this name already',
  payout_address_invalid: 'this is not a payout address',
  worker_unknown: 'there is no such worker',
  worker_revoked: 'this worker is revoked, for good',
  worker_secrets_full: 'this worker has two valid credentials already',
} as const;

/** A text of a request's body; undefined when absent. Throws `setting_invalid` for other types. */
function textOf(body: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new TributaryError('setting_invalid', `${key} must be text`);
  return value;
}

/** Totals of all workers, by id. */
export async function totalsByWorker(ledger: Ledger): Promise<Map<WorkerId, WorkerTotals>> {
  return new Map((await ledger.contributionsByWorker()).map((totals) => [totals.worker, totals]));
}

/** A worker as the API shows it. Pixels are a decimal string. */
export function viewOf(
  worker: Worker,
  totals: WorkerTotals | undefined,
  live: WorkerView | undefined,
) {
  const connections = live?.connections ?? [];
  return {
    id: worker.id,
    name: worker.name,
    state: worker.state,
    status: statusOf(worker, live),
    payoutAddress: worker.payoutAddress,
    createdAt: new Date(worker.createdAt).toISOString(),
    validSecrets: worker.validSecrets,
    connections: connections.length,
    sessions: connections.reduce((sum, { load }) => sum + load, 0),
    capacity: connections.reduce((sum, { capacity }) => sum + capacity, 0),
    segments: totals?.segments ?? 0,
    failures: totals?.failedAttempts ?? 0,
    pixels: totals?.pixels ?? 0n,
  };
}

/** The state in words that say what to do, or that nothing needs doing. */
function statusOf(worker: Worker, live: WorkerView | undefined): string {
  const connected = (live?.connections.length ?? 0) > 0;
  if (worker.state === 'revoked') return 'Revoked';
  if (!connected)
    return worker.state === 'active' ? 'Not connected' : `Not connected, ${worker.state}`;
  if (worker.state === 'paused') return 'Paused: resume it to give it work';
  if (worker.state === 'draining') return 'Draining: finishes what it has';
  if (live?.health === 'quarantined') {
    const until = live.quarantinedUntilAt;
    const time = until === undefined ? '' : ` until ${new Date(until).toISOString()}`;
    return `Quarantined${time}: its last results failed`;
  }
  if (live?.health === 'half_open') return 'On trial after a quarantine: one session at a time';
  const busy = live?.connections.some(({ load }) => load > 0);
  return busy ? 'Working' : 'Idle: no demand';
}
