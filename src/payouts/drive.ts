import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Clock, Instant } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { IntentId, SettledEntry } from '../chain/journal-types.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import { account } from '../ledger/accounts.ts';
import { balanceOf } from '../ledger/postings-store.ts';
import type { AssetKind } from '../terms/terms.ts';
import { movePayout } from './move.ts';
import { pause } from './pauses-store.ts';
import { isEnded, type PayoutEvent, type PayoutState } from './payout.ts';
import type { PayoutChain } from './payout-chain.ts';
import { PLAN_AGE_MS_MAX } from './plan-changes.ts';
import { type Progress, progressOf } from './progress-store.ts';
import {
  type BatchId,
  batches,
  lockBatch,
  type StoredBatch,
  type StoredPayout,
  storeSending,
  storeSettled,
} from './store.ts';

/** What taking batches on their way needs. */
export interface DriveParts {
  readonly database: Database;
  /** Undefined: off chain, or the paying key is elsewhere. */
  readonly chain: PayoutChain | undefined;
  assets(): Readonly<Record<AssetId, AssetKind>>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Takes every open batch one step further, whichever process began it: each step is decided under a
 * lock from what is stored, so that a process may die anywhere, and several may do the same.
 */
export async function driveBatches(parts: DriveParts): Promise<void> {
  for (const batch of await batches(parts.database, 'open')) {
    try {
      await driveBatch(parts, batch);
    } catch (error) {
      const code = error instanceof TributaryError ? error.code : 'internal';
      parts.log.warn('payout_batch_waits', { name: batch.id, code });
    }
  }
}

async function driveBatch(parts: DriveParts, batch: StoredBatch): Promise<void> {
  const { chain } = parts;
  if (batch.method === 'fiat') return reserve(parts, batch, undefined);
  if (!chain) return;
  if (!batch.sent) return send(parts, chain, batch);
  if (batch.sent.chainId !== chain.chainId || batch.sent.account !== chain.account) return;
  return follow(parts, chain, batch);
}

/** Reserves a batch and wants its transaction, in one database transaction. */
async function send(parts: DriveParts, chain: PayoutChain, batch: StoredBatch): Promise<void> {
  const allowance = await chain.allowanceIntent(batch);
  if (allowance) {
    const fate = await chain.transactions.fate(allowance.id);
    if (fate === undefined) await chain.transactions.submit(allowance);
    else if (fate.state === 'failed' || (fate.state === 'final' && !fate.inclusion.succeeded)) {
      await giveUp(parts, batch, 'refused_by_signer');
    }
    return;
  }
  const made = await chain.intentOf(batch);
  if (!made.ok) return giveUp(parts, batch, made.reason);
  const { transactions, chainId, account: from } = chain;
  return reserve(parts, batch, async (tx) => {
    await storeSending(tx, batch.id, { chainId, account: from });
    await transactions.intend(tx, made.intent);
  });
}

/** All of a batch, or nothing of it: what goes out is what was shown. */
async function reserve(
  parts: DriveParts,
  { id }: StoredBatch,
  wanted: ((tx: Transaction) => Promise<void>) | undefined,
): Promise<void> {
  const at = parts.clock.now();
  const facts = { at, assets: parts.assets() };
  const reserved = await parts.database.transact(async (tx) => {
    const batch = await lockBatch(tx, id);
    if (!batch?.payouts.every(({ state }) => state.state === 'owed')) return false;
    await lockLedger(tx);
    const short: StoredPayout[] = [];
    for (const payout of batch.payouts) {
      if (!(await isOwed(tx, payout))) short.push(payout);
    }
    const tooOld = batch.payouts.some(({ createdAt }) => at - createdAt > PLAN_AGE_MS_MAX);
    if (short.length > 0 || tooOld) {
      for (const payout of batch.payouts) {
        const reason = short.includes(payout) ? 'not_owed' : 'given_up';
        await movePayout(tx, payout, { event: 'given_up', reason }, facts);
      }
      await storeSettled(tx, id, at);
      return false;
    }
    for (const payout of batch.payouts) {
      // That it is owed was seen above, line by line, under the same lock.
      await movePayout(tx, payout, { event: 'reserve', owed: 1n, needs: 1n }, facts);
    }
    await wanted?.(tx);
    return true;
  });
  if (!reserved) return;
  crashPoint('payout_reserved_after_commit');
  parts.log.info('payout_batch_reserved', { name: id });
}

/** Nobody else changes what is owed until the transaction ends: postings take the same lock. */
async function lockLedger(tx: Transaction): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('tributary ledger', 0))`);
}

/** A credit stands at less than 0. */
async function isOwed(tx: Transaction, { worker, lines }: StoredPayout): Promise<boolean> {
  for (const { asset, amount } of lines) {
    const balance = await balanceOf(tx, account('worker', worker), asset);
    if (-balance < amount) return false;
  }
  return true;
}

async function giveUp(
  parts: DriveParts,
  { id }: StoredBatch,
  reason: Extract<PayoutState, { state: 'failed' }>['reason'],
): Promise<void> {
  const at = parts.clock.now();
  const gaveUp = await parts.database.transact(async (tx) => {
    const batch = await lockBatch(tx, id);
    if (!batch) return false;
    // Another process may have reserved it meanwhile: then it is on its way, whatever we think.
    if (!batch.payouts.every(({ state }) => state.state === 'owed')) return false;
    for (const payout of batch.payouts) {
      await movePayout(tx, payout, { event: 'given_up', reason }, { at, assets: parts.assets() });
    }
    await storeSettled(tx, id, at);
    return true;
  });
  if (gaveUp) parts.log.warn('payout_batch_given_up', { name: id, reason });
}

/** Copies how far the journal is, and ends the batch when the chain is final. */
async function follow(parts: DriveParts, chain: PayoutChain, batch: StoredBatch): Promise<void> {
  const fate = await chain.transactions.fate(`payout:${batch.id}` as IntentId);
  if (fate === undefined) return;
  if (fate.state !== 'open') return settle(parts, chain, batch, fate);
  const progress = await progressOf(parts.database, batch);
  if (!progress || batch.payouts.every(({ state }) => isAt(state, progress))) return;
  await happen(parts, batch.id, (payouts) => payouts.map(() => eventOf(progress)));
}

function isAt(state: PayoutState, { state: now, reference }: Progress): boolean {
  if (now === 'intended') return state.state === 'reserved';
  return state.state === now && 'reference' in state && state.reference === reference;
}

function eventOf({ state, reference }: Progress): PayoutEvent {
  return state === 'intended' ? { event: 'undone' } : { event: state, reference };
}

async function settle(
  parts: DriveParts,
  chain: PayoutChain,
  batch: StoredBatch,
  entry: SettledEntry,
): Promise<void> {
  const outcomes = await chain.outcomes(batch, entry);
  if (!outcomes) return;
  crashPoint('payout_outcome_known');
  const done = await happen(parts, batch.id, () => outcomes);
  crashPoint('payout_settled');
  const before = new Map(batch.payouts.map(({ id, state }) => [id, state.state]));
  for (const payout of done) {
    const { state } = payout.state;
    if (before.get(payout.id) === state) continue;
    const reason = 'reason' in payout.state ? payout.state.reason : undefined;
    const fields = { name: payout.id, ...(reason && { reason }) };
    if (state === 'unproven') parts.log.error('payout_unproven', fields);
    else if (isEnded(payout.state)) parts.log.info(`payout_${state}`, fields);
  }
}

/** Takes one event to each payout of a batch, and settles the batch once all have ended. */
async function happen(
  parts: DriveParts,
  id: BatchId,
  eventsFor: (payouts: readonly StoredPayout[]) => readonly PayoutEvent[],
): Promise<readonly StoredPayout[]> {
  const at = parts.clock.now();
  return parts.database.transact(async (tx) => {
    const batch = await lockBatch(tx, id);
    if (!batch) return [];
    const events = eventsFor(batch.payouts);
    const after: StoredPayout[] = [];
    for (const [place, payout] of batch.payouts.entries()) {
      const event = events[place];
      if (!event) continue;
      const state = await movePayout(tx, payout, event, { at, assets: parts.assets() });
      after.push({ ...payout, state });
      await pauseIfShort(tx, payout, state, at);
    }
    if (after.every(({ state }) => isEnded(state))) await storeSettled(tx, id, at);
    return after;
  });
}

/** A token that keeps something for itself, or tells nothing, is not paid in until a person says so. */
async function pauseIfShort(
  tx: Transaction,
  { asset, amount }: StoredPayout,
  state: PayoutState,
  at: Instant,
): Promise<void> {
  if (state.state === 'final' && state.received < amount) {
    await pause(tx, { asset, reason: 'token_takes_fee', at });
  }
  if (state.state === 'unproven') await pause(tx, { asset, reason: 'token_tells_nothing', at });
}
