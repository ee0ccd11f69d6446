import sql from 'sql-template-tag';
import type { Queryable } from '../database/transaction.ts';
import type { Epoch } from '../ledger/epoch-store.ts';
import { refundsOfEpoch } from '../ledger/refunds.ts';
import type { Evidence, WorkerFacts, WorkerInput } from '../terms/settle-types.ts';
import type { Terms } from '../terms/terms.ts';
import { factsAt, promisesUntil } from '../workers/facts.ts';
import { firstOnline, onlineMsByWorker, poolOnline } from '../workers/presence-store.ts';
import { type PromiseFrom, parsePromise, promisedMs } from '../workers/promise.ts';
import type { Stretch } from '../workers/stretches.ts';

/** What was measured of a worker in an epoch, and what its operator said of it. */
export type Measured = Pick<
  WorkerInput,
  'failedChecks' | 'onlineMs' | 'promisedMs' | 'evidence'
> & {
  readonly facts: Pick<WorkerFacts, 'hardwareClass' | 'region'>;
  readonly refunds: NonNullable<WorkerInput['refunds']>;
};

/** Of all workers, by id. */
export interface MeasuredEpoch {
  of(worker: string): Measured;
  /** Workers that the epoch is about though none of their work is in it. */
  readonly alsoThere: readonly string[];
}

/** All that terms judge workers by, besides their work, in an epoch that has ended. */
export async function measuredIn(
  from: Queryable,
  epoch: Epoch & { readonly endedAt: number },
  terms: Terms,
): Promise<MeasuredEpoch> {
  const within = { since: epoch.openedAt, until: Math.max(epoch.openedAt, epoch.endedAt) };
  const online = await onlineMsByWorker(from, within);
  const promised = await promisedIn(from, within, terms);
  const checks = await failedChecksOf(from, epoch.number);
  const facts = Map.groupBy(await factsAt(from, within.until), ({ worker }) => worker);
  const refunds = Map.groupBy(
    await refundsOfEpoch(from, epoch.number),
    ({ worker }): string => worker,
  );
  return {
    of(worker) {
      const own = facts.get(worker) ?? [];
      const said = (kind: 'hardware_class' | 'region') => own.find((fact) => fact.kind === kind);
      const hardwareClass = said('hardware_class');
      const region = said('region');
      return {
        onlineMs: online.get(worker) ?? 0n,
        promisedMs: promised(worker),
        failedChecks: checks.get(worker) ?? 0n,
        facts: {
          ...(hardwareClass?.value ? { hardwareClass: hardwareClass.value } : {}),
          ...(region?.value ? { region: region.value } : {}),
        },
        evidence: [hardwareClass, region].flatMap((fact): readonly Evidence[] =>
          fact?.value ? [{ id: `fact-${fact.id}`, kind: fact.kind, value: fact.value }] : [],
        ),
        refunds: (refunds.get(worker) ?? []).map(({ id, asset, amount }) => ({
          id,
          asset,
          amount,
        })),
      };
    },
    alsoThere: [...(paysForBeingThere(terms) ? online.keys() : []), ...refunds.keys()],
  };
}

/** Only then is somebody in the epoch for nothing but having been there. */
function paysForBeingThere({ model, groups }: Terms): boolean {
  return [model, ...groups.map((group) => group.model)].some((one) => one?.kind === 'retainer');
}

async function promisedIn(
  from: Queryable,
  within: Stretch,
  terms: Terms,
): Promise<(worker: string) => bigint> {
  const made = Map.groupBy(await promisesUntil(from, within.until), ({ worker }) => worker);
  const { uptime } = terms.expectations;
  const first = uptime ? await firstOnline(from) : undefined;
  const up = await poolOnline(from, within);
  const gone = await revokedWithin(from, within);
  return (worker) => {
    const changes = (made.get(worker) ?? []).map(
      ({ at, value }): PromiseFrom => ({
        at,
        share: value === undefined ? undefined : parsePromise(value),
      }),
    );
    const since = first?.get(worker);
    const until = gone.get(worker);
    return promisedMs({
      within: until === undefined ? within : { ...within, until },
      changes,
      expected: uptime && since !== undefined ? { at: since, share: uptime } : undefined,
      up,
    });
  };
}

/** Who was cut off by the pool promises nothing from then on; of earlier epochs there is nothing left. */
async function revokedWithin(
  from: Queryable,
  { since, until }: Stretch,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await from.query<{ worker: string; at: number }>(sql`
    select w.id as worker, max(c.revoked_at) as at
    from worker w join credential c on c.worker = w.id
    where w.state = 'revoked' group by w.id`);
  return new Map(rows.map((row) => [row.worker, Math.min(Math.max(row.at, since), until)]));
}

async function failedChecksOf(
  from: Queryable,
  epoch: bigint,
): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await from.query<{ worker: string; count: bigint }>(
    sql`select worker, count(*) from failed_check where epoch = ${epoch} group by worker`,
  );
  return new Map(rows.map(({ worker, count }) => [worker, count]));
}
