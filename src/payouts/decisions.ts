import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Clock, Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import type { Terms } from '../terms/terms.ts';
import { type Confirmation, fiatFile, readConfirmation } from './fiat.ts';
import { movePayout } from './move.ts';
import { type Pause, pause, pauses, resume } from './pauses-store.ts';
import { isEnded, type PayoutEvent, type PayoutState } from './payout.ts';
import { storeManualRate } from './quotes.ts';
import {
  type BatchId,
  batches,
  type InDoubt,
  lockBatch,
  payoutsInDoubt,
  payoutsWhere,
  type StoredBatch,
  type StoredPayout,
  storeExported,
  storeSettled,
} from './store.ts';

/** More than anybody looks up in one go; the others follow when these are decided. */
const IN_DOUBT_MAX = 200;

/** What a person decides about payouts. */
export interface Decisions {
  /**
   * The file for the bank: every payout that goes that way and stood in no file yet. `again`: also
   * those that did and have not ended, for a file that was lost; a bank that gets both pays twice.
   */
  exportFile(again: boolean): Promise<{ readonly file: string; readonly payouts: number }>;
  /** Takes what the bank says. Throws `payout_file_wrong` with every line that is; then nothing is. */
  importConfirmation(
    text: string,
  ): Promise<{ readonly paid: number; readonly failed: number; readonly returned: number }>;
  /** Says of a payout that the chain does not show whether it moved. Throws `payout_state_wrong`. */
  resolve(payout: string, moved: boolean): Promise<PayoutState>;
  /** Says that what was paid came back into the pool's account. */
  cameBack(payout: string): Promise<PayoutState>;
  pause(asset: AssetId | undefined): Promise<void>;
  resume(asset: AssetId | undefined): Promise<void>;
  pauses(): Promise<readonly Pause[]>;
  /**
   * Writes a rate down for exchanges whose source is `manual`: base units for base units. Throws
   * `payout_choice_refused` where the terms have no such exchange.
   */
  setRate(rate: {
    readonly from: AssetId;
    readonly to: AssetId;
    readonly numerator: bigint;
    readonly denominator: bigint;
    readonly note: string;
  }): Promise<void>;
  openBatches(): Promise<readonly StoredBatch[]>;
  /** Newest last. */
  payouts(filter: {
    readonly worker?: string;
    readonly newest: number;
  }): Promise<readonly StoredPayout[]>;
  /** Of which the chain does not show whether they moved: how many, and the oldest 200. */
  inDoubt(): Promise<InDoubt>;
}

/** Decisions in the tables of the database. */
export function createDecisions(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** The pool's, in the text that a bank carries. */
  readonly name: string;
  terms(): Promise<Terms>;
}): Decisions {
  const { database, clock, log } = parts;
  const assetsNow = async () => (await parts.terms()).assets;

  /** One event to one payout, under its batch's lock; refused where it would change nothing. */
  async function decide(id: string, eventFor: (payout: StoredPayout) => PayoutEvent | undefined) {
    const at = clock.now();
    const assets = await assetsNow();
    return database.transact(async (tx) => {
      const payout = await lockPayout(tx, id);
      const event = eventFor(payout);
      const state = event ? await movePayout(tx, payout, event, { at, assets }) : payout.state;
      if (state === payout.state) {
        throw new TributaryError('payout_state_wrong', `The payout is ${state.state}.`);
      }
      await settleIfDone(tx, payout.batch, at);
      log.warn('payout_decided', { name: id, reason: state.state });
      return state;
    });
  }

  return {
    async exportFile(again) {
      const at = clock.now();
      const assets = await assetsNow();
      return database.transact(async (tx) => {
        const open = (await batches(tx, 'open')).filter(({ method }) => method === 'fiat');
        const ready: StoredBatch[] = [];
        for (const { id } of open) {
          const batch = await lockBatch(tx, id);
          if (!batch) continue;
          const going = batch.payouts.filter(
            ({ state }) => state.state === 'reserved' || (again && state.state === 'broadcast'),
          );
          if (going.length === 0) continue;
          for (const payout of going) {
            const event = { event: 'broadcast', reference: `file ${id.slice(0, 8)}` } as const;
            await movePayout(tx, payout, event, { at, assets });
          }
          await storeExported(tx, id, at);
          ready.push({ ...batch, payouts: going });
        }
        const names = await namesOf(tx);
        const file = fiatFile(ready, {
          decimals: (asset) => assets[asset]?.decimals ?? 0,
          name: (worker) => names.get(worker) ?? worker,
          pool: parts.name.replace(/[^ -~]/g, '?').slice(0, 60),
        });
        return { file, payouts: ready.reduce((sum, batch) => sum + batch.payouts.length, 0) };
      });
    },
    async importConfirmation(text) {
      const at = clock.now();
      const assets = await assetsNow();
      return database.transact(async (tx) => {
        const { rows } = await tx.query<{ id: string }>(sql`
          select p.id from payout p join payout_batch b on b.id = p.batch where b.method = 'fiat'`);
        const stored = await payoutsWhere(tx, { ids: rows.map(({ id }) => id) });
        const byId = new Map<string, StoredPayout>(stored.map((payout) => [payout.id, payout]));
        const read = readConfirmation(
          text,
          (id) => byId.get(id),
          (asset) => assets[asset]?.decimals ?? 0,
        );
        if (!read.ok) {
          const lines = read.faults
            .slice(0, 20)
            .map((fault) => `Line ${fault.line}: ${fault.text}`);
          throw new TributaryError('payout_file_wrong', lines.join('\n'));
        }
        const touched = new Set<BatchId>();
        for (const confirmation of read.confirmations) {
          const known = byId.get(confirmation.id) as StoredPayout;
          if (!touched.has(known.batch)) await lockBatchRow(tx, known.batch);
          touched.add(known.batch);
          const [payout] = await payoutsWhere(tx, { ids: [known.id] });
          const event = eventOf(confirmation, known.amount);
          await movePayout(tx, payout as StoredPayout, event, { at, assets });
        }
        for (const batch of touched) await settleIfDone(tx, batch, at);
        const count = (status: Confirmation['status']) =>
          read.confirmations.filter((one) => one.status === status).length;
        return { paid: count('paid'), failed: count('refused'), returned: count('returned') };
      });
    },
    resolve: (id, moved) =>
      decide(id, ({ state, amount }) => {
        if (state.state !== 'unproven') return undefined;
        const { reference } = state;
        if (moved) return { event: 'moved', reference, received: amount };
        return { event: 'not_moved', reason: 'refused_by_token', reference };
      }),
    cameBack: (id) => decide(id, () => ({ event: 'came_back', reason: 'sent_back' })),
    pause: (asset) => pause(database, { asset, reason: 'operator', at: clock.now() }),
    async resume(asset) {
      const ended = await resume(database, { asset, at: clock.now() });
      if (ended > 0) return;
      const short = (await pauses(database)).some(
        (one) => one.reason === 'insolvent' && (asset === undefined || one.asset === asset),
      );
      throw new TributaryError(
        'payout_state_wrong',
        short
          ? 'The pool has less than it owes. Payouts go on by themselves once there is enough.'
          : 'No payout of that was told to wait.',
      );
    },
    pauses: () => pauses(database),
    async setRate(rate) {
      const { conversions } = (await parts.terms()).payouts;
      const asked = conversions.some(
        ({ from, to, source }) => from === rate.from && to === rate.to && source === 'manual',
      );
      if (!asked) {
        const text = `The terms have no exchange from ${rate.from} to ${rate.to} whose source is manual.`;
        throw new TributaryError('payout_choice_refused', text);
      }
      await storeManualRate(database, { ...rate, at: clock.now() });
    },
    openBatches: () => batches(database, 'open'),
    payouts: (filter) => payoutsWhere(database, filter),
    inDoubt: () => payoutsInDoubt(database, IN_DOUBT_MAX),
  };
}

function eventOf({ status, reference }: Confirmation, amount: bigint): PayoutEvent {
  switch (status) {
    case 'paid':
      return { event: 'moved', reference, received: amount };
    case 'refused':
      return { event: 'not_moved', reason: 'refused_by_bank', reference };
    case 'returned':
      return { event: 'came_back', reason: 'returned_by_bank' };
  }
}

async function lockPayout(tx: Transaction, id: string): Promise<StoredPayout> {
  const known = /^[0-9a-f-]{36}$/.test(id) ? (await payoutsWhere(tx, { ids: [id] }))[0] : undefined;
  if (!known) throw new TributaryError('payout_unknown', 'There is no such payout.');
  await lockBatchRow(tx, known.batch);
  return (await payoutsWhere(tx, { ids: [id] }))[0] as StoredPayout;
}

async function lockBatchRow(tx: Transaction, batch: BatchId): Promise<void> {
  await tx.query(sql`select from payout_batch where id = ${batch} for update`);
}

async function settleIfDone(tx: Transaction, batch: BatchId, at: Instant): Promise<void> {
  const payouts = await payoutsWhere(tx, { batches: [batch] });
  if (payouts.every(({ state }) => isEnded(state))) await storeSettled(tx, batch, at);
}

async function namesOf(tx: Transaction): Promise<ReadonlyMap<string, string>> {
  const { rows } = await tx.query<{ id: string; name: string }>(sql`select id, name from worker`);
  return new Map(rows.map(({ id, name }) => [id, name]));
}
