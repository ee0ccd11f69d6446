import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { directoryOf, type LookParts, lookAt, manifestOf, poolOf } from './look.ts';
import { createProofsLooker } from './proofs-look.ts';
import { newRecord, type PoolRecord, troubleSince } from './record.ts';
import type { Seed } from './seeds.ts';
import type { DirectoryStore } from './store.ts';

/** Looks that wait for somebody's answer at the same time. */
const LOOKS_AT_ONCE = 16;
/** Of a pool whose proofs took all that a look has. */
const REST_MS = 6 * 3_600_000;

/** What a directory stands on. */
export interface DirectoryParts extends Omit<LookParts, 'now'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: DirectoryStore;
  readonly seeds: readonly Seed[];
  /** From the end of a round of looks to the next, milliseconds. */
  readonly everyMs: number;
  readonly allowPrivate: readonly string[];
  /** For the thread that checks proofs. */
  readonly chain: { readonly rpc: string | undefined; readonly controller: string | undefined };
}

/** A directory that looks at its pools again and again. */
export interface Directory {
  /** Every pool of the seed list, in its order. */
  records(): readonly PoolRecord[];
  close(): Promise<void>;
}

/** Starts looking. Records of pools that no seed names any more are removed. */
export async function startDirectory(parts: DirectoryParts): Promise<Directory> {
  const { clock, log, store, seeds, everyMs } = parts;
  const now = () => clock.now();
  const kept = new Map((await store.all()).map((record) => [record.seed.id, record]));
  const records = new Map(
    seeds.map((seed): [string, PoolRecord] => {
      const record = kept.get(seed.id);
      const isSame = record?.seed.origin === seed.origin;
      return [seed.id, isSame ? record : newRecord(seed, now())];
    }),
  );
  for (const id of kept.keys()) if (!records.has(id)) await store.remove(id);
  const ids = [...records.keys()];
  const stop = new AbortController();
  const looker = createProofsLooker();
  /** Pools that were looked at, and whose proofs have their turn: one thread at a time fills a core. */
  const waiting = new Set<string>();
  let wake = Promise.withResolvers<void>();

  /** What another look found meanwhile stays. */
  async function keep(id: string, found: Partial<PoolRecord>): Promise<void> {
    const record = { ...(records.get(id) as PoolRecord), ...found };
    records.set(id, record);
    await store.put(record);
  }

  async function look(id: string): Promise<void> {
    const { proofs, proofsAt, proofsTrouble, ...found } = await lookAt(
      records.get(id) as PoolRecord,
      { ...parts, now },
    );
    await keep(id, found);
  }

  async function lookAtProofsOf(id: string): Promise<void> {
    const record = records.get(id) as PoolRecord;
    const manifest = manifestOf(record);
    if (!manifest || record.trouble || isResting(record, now())) return;
    // What is not held against the chain now would never be: what held is not looked at again.
    if (record.chain?.kind === 'not_read') return;
    const outcome = await looker.look(
      {
        proofsUrl: directoryOf(manifest.proofs.url),
        allowPrivate: parts.allowPrivate,
        ...chainOf(parts, record),
        before: record.proofs,
        check: { now: now(), pool: poolOf(manifest) },
      },
      stop.signal,
    );
    if (stop.signal.aborted) return;
    const found = outcome.ok
      ? { proofs: outcome.state, proofsTrouble: null }
      : { proofsTrouble: troubleSince(record.proofsTrouble, outcome, now()) };
    await keep(id, { ...found, proofsAt: now() });
  }

  /** One bad pool disturbs nobody: what its look throws is logged, and the next one has its turn. */
  const safely = (run: Promise<void>) =>
    run.catch((error) => log.error('look_failed', { error: messageOf(error) }));

  async function lookAgainAndAgain(): Promise<void> {
    while (!stop.signal.aborted) {
      const left = ids.values();
      const line = async () => {
        for (const id of left) {
          if (stop.signal.aborted) return;
          await safely(look(id));
          waiting.add(id);
          wake.resolve();
        }
      };
      await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, line));
      await pause(clock, everyMs, stop.signal);
    }
  }

  /** Recomputing epochs takes as long as it takes; whether pools answer is looked at meanwhile. */
  async function checkProofsInTurn(): Promise<void> {
    while (!stop.signal.aborted) {
      const [id] = waiting;
      if (id === undefined) {
        wake = Promise.withResolvers<void>();
        await wake.promise;
      } else {
        waiting.delete(id);
        await safely(lookAtProofsOf(id));
      }
    }
  }

  const running = [lookAgainAndAgain(), checkProofsInTurn()];
  return {
    records: () => [...records.values()],
    async close() {
      stop.abort();
      wake.resolve();
      await Promise.all(running);
      await looker.close();
    },
  };
}

/** Proofs that took all that a look has are not tried again at once: others wait for the thread. */
function isResting({ proofsTrouble, proofsAt }: PoolRecord, now: number): boolean {
  const isHeavy = ['slow', 'too_large', 'not_checked'].includes(proofsTrouble?.fault ?? '');
  return isHeavy && proofsAt !== null && now - proofsAt < REST_MS;
}

/** A pool of another chain is checked without one: its own is not at hand. */
function chainOf({ chain }: DirectoryParts, record: PoolRecord): DirectoryParts['chain'] {
  return record.chain?.kind === 'seen' ? chain : { rpc: undefined, controller: undefined };
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
