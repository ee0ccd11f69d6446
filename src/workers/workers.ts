import { newWorkerId, type RandomBytes, secureRandom, type WorkerId } from '../base/ids.ts';
import { type Log, quiet } from '../base/log.ts';
import { createMetrics, type Metrics } from '../base/metrics.ts';
import type { Database } from '../database/database.ts';
import { violatedConstraint } from '../database/failures.ts';
import type { Transaction } from '../database/transaction.ts';
import {
  type Credential,
  hashCredential,
  matchesAny,
  newCredential,
  parseCredential,
} from './credentials.ts';
import { workersMetrics } from './metrics.ts';
import { createRoster, type WorkerChange } from './roster.ts';
import {
  addSecretHash,
  addWorker,
  type Enrolled,
  enrolledWorkers,
  lockWorker,
  retireSecrets,
  type SecretRecord,
  secretRecords,
  setState,
} from './store.ts';
import {
  isWorkerName,
  mayBecome,
  parsePayoutAddress,
  type Worker,
  type WorkerState,
} from './worker.ts';

/** Old and new one during a rotation; the database has no place for a third. */
const SECRETS_MAX = 2;

/** Why a request about workers is refused; each is also a code of base/errors.ts, with its advice. */
export type WorkersRefusal =
  | 'worker_name_invalid'
  | 'worker_name_taken'
  | 'payout_address_invalid'
  | 'worker_unknown'
  | 'worker_revoked'
  | 'worker_secrets_full';

export type WorkersResult<T> = ({ readonly ok: true } & T) | Refused;
type Refused = { readonly ok: false; readonly reason: WorkersRefusal };

/** A worker and when each of its secrets was valid. */
export type WorkerDetails = Worker & { readonly secrets: readonly SecretRecord[] };

/** Who works for the pool. `ref` is a worker's name, in any case, or its id. */
export interface Workers {
  /** Enrols a worker. The credential is in this answer and nowhere else. */
  add(worker: {
    readonly name: string;
    readonly payoutAddress?: string;
  }): Promise<WorkersResult<{ readonly worker: Worker; readonly credential: Credential }>>;
  /** All workers by name, revoked ones too. */
  list(): Promise<readonly Worker[]>;
  show(ref: string): Promise<WorkerDetails | undefined>;
  /**
   * Mints another secret; the ones before stay valid until `finishRotation`. With two valid already
   * it is refused, unless `retire` says which one gives way.
   */
  rotate(
    ref: string,
    options?: { readonly retire?: 'oldest' | 'newest' },
  ): Promise<WorkersResult<{ readonly worker: Worker; readonly credential: Credential }>>;
  /** Retires all secrets of a worker but the newest. */
  finishRotation(ref: string): Promise<WorkersResult<{ readonly worker: Worker }>>;
  /** Cuts a worker off for good, on every node. */
  revoke(ref: string): Promise<WorkersResult<{ readonly worker: Worker }>>;
  pause(ref: string): Promise<WorkersResult<{ readonly worker: Worker }>>;
  /** Back to `active`, from paused or draining. */
  resume(ref: string): Promise<WorkersResult<{ readonly worker: Worker }>>;
  drain(ref: string): Promise<WorkersResult<{ readonly worker: Worker }>>;
  /**
   * Whose credential is this? From memory, in microseconds, whatever the text: neither a known
   * credential nor a flood of guesses asks the database.
   */
  authenticate(credential: string): Worker | undefined;
  /** An unrevoked worker, from memory. */
  get(id: WorkerId): Worker | undefined;
  /** Calls back after each change on any node, within milliseconds; returns how to stop that. */
  onChange(changed: (change: WorkerChange) => void): () => void;
  close(): Promise<void>;
}

/** Workers in the tables of migration 0001. */
export async function createWorkers(options: {
  database: Database;
  log?: Log;
  metrics?: Metrics;
  random?: RandomBytes;
}): Promise<Workers> {
  const { database } = options;
  const random = options.random ?? secureRandom;
  const metrics = workersMetrics(options.metrics ?? createMetrics());
  const roster = await createRoster({ database, log: options.log ?? quiet });
  const count = () => metrics.enrolled([...roster.all()].map(({ worker }) => worker));
  roster.onChange(count);
  count();

  /** Changes one worker under its row's lock; this node knows of it when the promise resolves. */
  async function change<T>(
    ref: string,
    run: (tx: Transaction, found: Enrolled) => Promise<T | WorkersRefusal>,
  ): Promise<WorkersResult<{ worker: Worker; value: T }>> {
    const outcome = await database.transact(async (tx) => {
      const found = await lookUp(tx, ref);
      if (!found) return refused('worker_unknown');
      if (found.worker.state === 'revoked') return refused('worker_revoked');
      const value = await run(tx, found);
      if (typeof value === 'string') return refused(value as WorkersRefusal);
      const [now] = await enrolledWorkers(tx, [found.worker.id]);
      return { ok: true as const, worker: (now as Enrolled).worker, value };
    });
    if (outcome.ok) await roster.refresh(outcome.worker.id);
    return outcome as WorkersResult<{ worker: Worker; value: T }>;
  }

  async function become(ref: string, state: WorkerState) {
    const outcome = await change(ref, async (tx, { worker, hashes }) => {
      if (!mayBecome(worker.state, state)) return 'worker_revoked';
      await setState(tx, worker.id, state);
      if (state === 'revoked') await retireSecrets(tx, hashes);
      return {};
    });
    // To revoke twice is to have revoked; so it can be repeated by a script.
    if (state === 'revoked' && !outcome.ok && outcome.reason === 'worker_revoked') {
      const worker = await find(ref);
      if (worker) return { ok: true as const, worker: worker.worker };
    }
    return outcome.ok ? { ok: true as const, worker: outcome.worker } : outcome;
  }

  const find = (ref: string) => database.transact((tx) => lookUp(tx, ref));

  return {
    async add({ name, payoutAddress }) {
      if (!isWorkerName(name)) return refused('worker_name_invalid');
      const address = payoutAddress === undefined ? undefined : parsePayoutAddress(payoutAddress);
      if (payoutAddress !== undefined && !address) return refused('payout_address_invalid');
      const id = newWorkerId(random);
      const credential = newCredential(id, random);
      try {
        const worker = await database.transact(async (tx) => {
          await addWorker(tx, { id, name, payoutAddress: address });
          await addSecretHash(tx, id, hashCredential(credential));
          const [added] = await enrolledWorkers(tx, [id]);
          return (added as Enrolled).worker;
        });
        await roster.refresh(id);
        return { ok: true, worker, credential };
      } catch (error) {
        if (violatedConstraint(error) === 'worker_name') return refused('worker_name_taken');
        throw error;
      }
    },
    async list() {
      return (await enrolledWorkers(database)).map(({ worker }) => worker);
    },
    async show(ref) {
      const found = await find(ref);
      if (!found) return undefined;
      return { ...found.worker, secrets: await secretRecords(database, found.worker.id) };
    },
    async rotate(ref, { retire } = {}) {
      const outcome = await change(ref, async (tx, { worker, hashes }) => {
        if (hashes.length >= SECRETS_MAX) {
          const retired = retire === 'oldest' ? hashes[0] : hashes.at(-1);
          if (!retire || !retired) return 'worker_secrets_full';
          await retireSecrets(tx, [retired]);
        }
        const credential = newCredential(worker.id, random);
        await addSecretHash(tx, worker.id, hashCredential(credential));
        return { credential };
      });
      if (!outcome.ok) return outcome;
      return { ok: true, worker: outcome.worker, credential: outcome.value.credential };
    },
    async finishRotation(ref) {
      const outcome = await change(ref, async (tx, { hashes }) => {
        await retireSecrets(tx, hashes.slice(0, -1));
        return {};
      });
      return outcome.ok ? { ok: true, worker: outcome.worker } : outcome;
    },
    revoke: (ref) => become(ref, 'revoked'),
    pause: (ref) => become(ref, 'paused'),
    resume: (ref) => become(ref, 'active'),
    drain: (ref) => become(ref, 'draining'),
    authenticate(text) {
      const parsed = parseCredential(text);
      if (!parsed) {
        metrics.authenticated('malformed');
        return undefined;
      }
      const enrolled = roster.get(parsed.worker);
      const known = matchesAny(hashCredential(parsed.credential), enrolled?.hashes ?? []);
      metrics.authenticated(known ? 'known' : 'unknown');
      return known ? enrolled?.worker : undefined;
    },
    get: (id) => roster.get(id)?.worker,
    onChange: (changed) => roster.onChange(changed),
    close: () => roster.close(),
  };
}

/** What is neither a name nor an id need not be looked for; PostgreSQL would throw at a NUL. */
async function lookUp(tx: Transaction, ref: string): Promise<Enrolled | undefined> {
  return isWorkerName(ref) ? lockWorker(tx, ref) : undefined;
}

const refused = (reason: WorkersRefusal): Refused => ({ ok: false, reason });
