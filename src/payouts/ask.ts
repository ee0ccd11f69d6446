import sql from 'sql-template-tag';
import { showAsset, showEth } from '../base/amounts.ts';
import type { AssetId } from '../base/asset.ts';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { Terms } from '../terms/terms.ts';
import { type GatherParts, present } from './gather.ts';
import { changesSince, PLAN_AGE_MS_MAX } from './plan-changes.ts';
import { type Outgoing, parsePlan } from './plan-text.ts';
import type { HoldReason, Plan, PlanHold } from './plan-types.ts';
import { askedPlans, storePlan } from './plans-store.ts';

/** A payout that a worker asked for, as far as it is. */
export interface AskedPayout {
  readonly digest: string;
  readonly plan: Outgoing;
  /** How many people must approve it. */
  readonly approvalsNeeded: number;
  /** `planned`: it goes out by itself; `waits`: a person of the pool lets it go first. */
  readonly state: 'planned' | 'waits';
}

/** A worker's own word that it wants to be paid. */
export interface Asks {
  /**
   * Plans what one worker is owed, and lets it go where the pool pays by itself and nobody must approve
   * it. Asked again while it waits it is the same plan. Throws `payout_ask_refused` with the reason in
   * a sentence, `payout_plan_changed` when something moved meanwhile.
   */
  ask(worker: string): Promise<AskedPayout>;
  /** What a worker asked for and a person must still let go; undefined: nothing that still holds. */
  asked(worker: string): Promise<AskedPayout | undefined>;
}

/** A plan with the text that is kept of it. */
export interface MadePlan {
  readonly digest: string;
  readonly text: string;
  readonly plan: Plan;
}

/** Requests in the table of plans; planning and running are those of every other run. */
export function createAsks(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the pool pays without a person. */
  readonly automatic: boolean;
  facts(): Promise<GatherParts>;
  make(worker: string): Promise<MadePlan>;
  needed(plan: Outgoing): number;
  run(digest: string): Promise<unknown>;
}): Asks {
  const { database, clock, log, automatic } = parts;

  function standing(digest: string, plan: Outgoing): AskedPayout {
    const approvalsNeeded = parts.needed(plan);
    const state = automatic && approvalsNeeded === 0 ? 'planned' : 'waits';
    return { digest, plan, approvalsNeeded, state };
  }

  /** The newest that can still be run as it is. */
  async function openOf(
    from: Queryable,
    worker: string,
    facts: GatherParts,
  ): Promise<AskedPayout | undefined> {
    const [newest] = await askedPlans(from, worker, clock.now() - PLAN_AGE_MS_MAX);
    if (!newest) return undefined;
    const plan = parsePlan(newest.text);
    const changes = changesSince(plan, await present(from, facts));
    return changes.length === 0 ? standing(newest.digest, plan) : undefined;
  }

  return {
    async ask(worker) {
      const facts = await parts.facts();
      if (!facts.terms.payouts.onDemand) throw refused(sentenceOf('on_demand_off'));
      await refuseOnItsWay(database, worker);
      const made = await parts.make(worker);
      const held = made.plan.held.filter((one) => one.worker === worker);
      const found = await database.transact(async (tx) => {
        // Two clicks at once, or two nodes: the second one finds what the first one asked for.
        await lockAsks(tx, worker);
        await refuseOnItsWay(tx, worker);
        const open = await openOf(tx, worker, facts);
        if (open) return open;
        if (made.plan.batches.length === 0) throw refused(whyNot(held, facts.terms));
        const { digest, text, plan } = made;
        await storePlan(tx, {
          ...{ digest, text, at: plan.at, forOne: true, waiting: [], askedBy: worker },
        });
        return standing(digest, plan);
      });
      log.info('payout_asked', { name: worker, reason: found.state });
      if (found.state === 'planned') await parts.run(found.digest);
      else {
        const { digest, approvalsNeeded } = found;
        log.warn('payouts_wait_for_approval', { name: digest, count: approvalsNeeded });
      }
      return found;
    },
    async asked(worker) {
      const open = await openOf(database, worker, await parts.facts());
      return open?.state === 'waits' ? open : undefined;
    },
  };
}

async function lockAsks(tx: Transaction, worker: string): Promise<void> {
  const name = `tributary payout asked ${worker}`;
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
}

/** One at a time: what was planned may not be out of the books yet. */
async function refuseOnItsWay(from: Queryable, worker: string): Promise<void> {
  const { rows } = await from.query(sql`
    select 1 from payout where worker = ${worker} and ended_at is null and state <> 'unproven' limit 1`);
  if (rows.length === 0) return;
  throw refused('A payout to you is on its way already. Ask again once it is final.');
}

function refused(text: string): TributaryError {
  return new TributaryError('payout_ask_refused', text);
}

/** Why nothing of what a worker is owed goes out, a sentence for each reason. */
function whyNot(held: readonly PlanHold[], { assets }: Terms): string {
  if (held.length === 0) {
    return 'Nothing is owed to you now: what an epoch brought is owed once the epoch has closed.';
  }
  const amount = (asset: string, units: bigint) =>
    showAsset(units, asset, assets[asset as AssetId]?.decimals ?? 0);
  const sentences = held.map(({ asset, amount: owed, reason, detail }) => {
    const why = sentenceOf(reason, detail && detailOf(reason, detail, amount));
    return `${amount(asset, owed)} is owed. ${why}`;
  });
  return sentences.join(' ');
}

function detailOf(
  reason: HoldReason,
  detail: string,
  amount: (asset: string, units: bigint) => string,
): string {
  if (reason === 'paused') return PAUSES[detail] ?? detail;
  const [, units, asset] = /^(\d+) ([A-Z][A-Z0-9]*|wei)$/.exec(detail) ?? [];
  if (units === undefined || asset === undefined) return detail;
  return asset === 'wei' ? showEth(BigInt(units)) : amount(asset, BigInt(units));
}

const PAUSES: Readonly<Record<string, string>> = {
  operator: 'an operator paused them',
  token_takes_fee: 'the token keeps a part of what is sent',
  token_tells_nothing: 'the token does not say what it moved',
  insolvent: 'the pool has less than it owes',
};

/** The reason of a plan, said to the worker. */
function sentenceOf(reason: HoldReason, detail = ''): string {
  const sentences: Readonly<Record<HoldReason, string>> = {
    not_due: 'It is not due yet.',
    not_asked: 'Nobody asked for it.',
    on_demand_off: 'The terms in force pay by their schedule only, and nothing on demand.',
    paused: `Payouts are paused: ${detail}.`,
    got_too_much: `You got more ${detail} than you were owed; that is settled first.`,
    points_stay: 'Points stay in the books.',
    asset_not_paid: 'The terms pay nothing in this asset.',
    no_conversion: 'The terms have no exchange into what you chose.',
    rate_unavailable: `There is no rate: ${detail}.`,
    rate_old: `The rate is too old: ${detail}.`,
    too_little_to_convert: 'That is too little to be exchanged.',
    no_address: 'You have no payout address yet: say where you are paid.',
    no_fiat_account: 'You gave no account at a bank yet.',
    zero_address: 'Your address is the zero address, from which nothing comes back.',
    own_address: 'Your address is the pool itself.',
    below_threshold: `That is below the threshold of ${detail}.`,
    fee_too_high: `The fee would be a larger part of it than the terms allow: ${detail}.`,
    rejected_by_recipient: 'Your address rejects it.',
    refused_by_token: 'The token refuses your address.',
    token_returned_false: 'The token answers that it moves nothing to your address.',
    funds_short: `The paying account has too little: ${detail}.`,
    chain_away: 'The pool reaches no account on chain that pays at the moment.',
  };
  return sentences[reason];
}
