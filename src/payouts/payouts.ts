import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Clock, Instant } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Terms } from '../terms/terms.ts';
import { type Approvals, createApprovals } from './approvals.ts';
import { type Asks, createAsks } from './ask.ts';
import { type Choices, createChoices } from './choices.ts';
import { createDecisions, type Decisions } from './decisions.ts';
import { driveBatches } from './drive.ts';
import { type Demand, epochIsEnding, gather, present, turnOf } from './gather.ts';
import type { PayoutChain } from './payout-chain.ts';
import { planPayouts } from './plan.ts';
import { changesSince, PLAN_AGE_MS_MAX } from './plan-changes.ts';
import { type Outgoing, parsePlan, planDigest, planText } from './plan-text.ts';
import type { Plan, PlanLimits, Recipient } from './plan-types.ts';
import { lastTurn, planOf, plansNotRun, storePlan, storeRun } from './plans-store.ts';
import { applyAddressChanges } from './preferences-store.ts';
import { addBatch } from './store.ts';

/** Reasons that pass by themselves: whoever waits for one is paid once it has passed. */
const PASSING: ReadonlySet<string> = new Set([
  'paused',
  'rate_unavailable',
  'rate_old',
  'funds_short',
  'chain_away',
]);

/** How an operator wants payouts to go. */
export interface PayoutRulesOfPool {
  /** By the schedule of the terms, without anybody asking. */
  readonly automatic: boolean;
  /** A run that sends more of an asset than this needs two approvals; an asset not named needs none. */
  readonly approveAbove: Readonly<Record<AssetId, bigint>>;
  /** Wei that stay in the paying account for gas. */
  readonly keepWei: bigint;
  readonly limits: PlanLimits;
  /** Between two looks at what is on its way. */
  readonly pollMs: number;
}

/** What payouts go by where no setting says otherwise. */
export const defaultPayoutRules: PayoutRulesOfPool = {
  automatic: false,
  approveAbove: {},
  // Some hundred batches on Arbitrum.
  keepWei: 10n ** 16n,
  // From three recipients on a batch is cheaper; a hundred stay far below the gas of a block.
  limits: { batchMin: 3, batchMax: 100 },
  pollMs: 5_000,
};

/** What {@link openPayouts} stands on. */
export interface PayoutsParts {
  readonly database: Database;
  /** Undefined: off chain, or the paying key is elsewhere; then only files go out. */
  readonly chain: PayoutChain | undefined;
  /** The terms that hold now. */
  terms(): Promise<Terms>;
  /** The on-chain orchestrator, zeros off chain: it stands in what workers sign. */
  readonly pool: { readonly address: Recipient; readonly chainId: number; readonly name: string };
  /** The pool's accounts and contracts, in lower case: nobody is paid there. */
  readonly ownAddresses: readonly Recipient[];
  readonly rules: PayoutRulesOfPool;
  readonly clock: Clock;
  readonly log: Log;
}

/** A plan as it is shown, under the digest that runs it. */
export interface Preview {
  readonly digest: string;
  readonly plan: Plan;
  /** How many people must approve it. */
  readonly approvalsNeeded: number;
}

/** A plan that was kept, and how far it is. */
export interface KeptPlan extends Omit<Preview, 'plan'> {
  /** Without what was held back, which does nothing. */
  readonly plan: Outgoing;
  readonly approvedBy: readonly string[];
  readonly runAt: Instant | undefined;
}

/** Who is paid what, in which asset, once. */
export interface Payouts extends Choices, Approvals, Decisions, Asks {
  /** What would go out now, and why the rest would not; kept, so that it can be run as it is. */
  preview(demand: Demand): Promise<Preview>;
  /** The same, not kept: for who only looks. */
  look(demand: Demand): Promise<Preview>;
  /** A plan that was kept; undefined: there is none of that digest. */
  plan(digest: string): Promise<KeptPlan | undefined>;
  /** Plans of the last 24 hours that can still be run, the last first. */
  plansNotRun(): Promise<readonly KeptPlan[]>;
  /**
   * Sends what a plan says, and nothing else. Throws `payout_plan_unknown`, `payout_plan_run`,
   * `payout_plan_changed` when anything is not as it was shown, `payout_not_approved`.
   */
  run(digest: string, by: string): Promise<{ readonly batches: number }>;
  /** Takes everything one step on its way now; it happens by itself, too. */
  drive(): Promise<void>;
  close(): Promise<void>;
}

/** Starts payouts: what was on its way goes on, and what is due goes out where rules say so. */
export function openPayouts(parts: PayoutsParts): Payouts {
  const { database, chain, clock, log, rules } = parts;
  const forbidden = new Set<string>(parts.ownAddresses.map((one) => one.toLowerCase()));
  let assets: Terms['assets'] = {};
  let closed = false;
  let running: Promise<void> | undefined;
  /** What the schedule wants and people must approve first: it is shown once, not at each look. */
  let wanted: Plan | undefined;

  const gatherParts = async (at: Instant) => {
    const terms = await parts.terms();
    assets = terms.assets;
    return { chain, terms, forbidden, keepWei: rules.keepWei, limits: rules.limits, at };
  };
  const approvals = createApprovals({ database, clock, log });
  const needed = (plan: Pick<Plan, 'batches'>) => approvalsNeeded(plan, rules.approveAbove);

  async function makePlan(demand: Demand): Promise<Preview & { readonly text: string }> {
    const at = clock.now();
    await applyDue(at);
    const plan = planPayouts(await gather(database, await gatherParts(at), demand));
    const text = planText(plan);
    return { digest: planDigest(text), text, plan, approvalsNeeded: needed(plan) };
  }

  async function preview(demand: Demand): Promise<Preview> {
    const { text, ...made } = await makePlan(demand);
    await keep(text, made, typeof demand === 'object');
    return made;
  }

  const keep = (
    text: string,
    { digest, plan }: Pick<Preview, 'digest' | 'plan'>,
    forOne: boolean,
  ): Promise<void> => {
    const waiting = forOne ? [] : waitingIn(plan);
    return storePlan(database, { digest, text, at: plan.at, forOne, waiting });
  };

  async function kept(
    digest: string,
    { text, runAt }: { readonly text: string; readonly runAt: Instant | undefined },
  ): Promise<KeptPlan> {
    const plan = parsePlan(text);
    const approvedBy = await approvals.by(digest);
    return { digest, plan, approvalsNeeded: needed(plan), approvedBy, runAt };
  }

  async function run(digest: string, by: string | undefined): Promise<{ batches: number }> {
    const at = clock.now();
    const facts = await gatherParts(at);
    const batches = await database.transact(async (tx) => {
      const stored = await planOf(tx, digest, 'lock');
      if (!stored) throw new TributaryError('payout_plan_unknown', 'No such plan was shown.');
      if (stored.runAt !== undefined) {
        throw new TributaryError('payout_plan_run', 'This plan was run already.');
      }
      const plan = parsePlan(stored.text);
      const missing = needed(plan) - (await approvals.countOf(tx, digest));
      if (missing > 0) {
        const text = `The plan needs ${missing} more ${missing === 1 ? 'approval' : 'approvals'}.`;
        throw new TributaryError('payout_not_approved', text);
      }
      const changes = changesSince(plan, await present(tx, facts));
      if (changes.length > 0) {
        throw new TributaryError('payout_plan_changed', changes.slice(0, 10).join(' '));
      }
      await storeRun(tx, { digest, at, by });
      for (const [place, batch] of plan.batches.entries()) {
        await addBatch(tx, batch, { digest, place, at });
      }
      crashPoint('payout_planned_before_commit');
      return plan.batches.length;
    });
    crashPoint('payout_planned');
    log.info('payouts_run', { name: digest.slice(0, 16), count: batches });
    wake();
    return { batches };
  }

  async function applyDue(at: Instant): Promise<void> {
    const changed = await database.transact((tx) => applyAddressChanges(tx, at));
    for (const worker of changed) log.warn('payout_address_changed', { name: worker });
  }

  async function drive(): Promise<void> {
    await gatherParts(clock.now());
    await driveBatches({ database, chain, assets: () => assets, clock, log });
  }

  /** By the schedule: what is due, and what was approved since. */
  async function bySchedule(): Promise<void> {
    if (!rules.automatic) return;
    for (const digest of await approvals.waiting(clock.now() - PLAN_AGE_MS_MAX)) {
      await run(digest, undefined).catch(passOver);
    }
    const facts = await gatherParts(clock.now());
    const { terms: now, at } = facts;
    const { due, late } = await turnOf(database, now.payouts.every, at);
    if (!due && late.size === 0) return;
    if (await epochIsEnding(database, now.epoch.period, at)) return;
    if (wanted && changesSince(wanted, await present(database, facts)).length === 0) return;
    wanted = undefined;
    const before = (await lastTurn(database))?.at;
    const { digest, text, plan, approvalsNeeded: count } = await makePlan('schedule');
    if (plan.batches.length === 0 && (!due || waitingIn(plan).length > 0)) return;
    await keep(text, { digest, plan }, false);
    if (count > 0) {
      wanted = plan;
      log.warn('payouts_wait_for_approval', { name: digest, count });
      return;
    }
    // Another node may have had the same thought; the first one took the turn.
    const first = await database.transact(async (tx) => {
      await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('tributary payouts', 0))`);
      return (await lastTurn(tx))?.at === before;
    });
    if (first) await run(digest, undefined).catch(passOver);
  }

  function passOver(error: unknown): void {
    if (!(error instanceof TributaryError)) throw error;
    log.warn('payouts_not_run', { code: error.code });
  }

  async function pass(): Promise<void> {
    try {
      await applyDue(clock.now());
      await drive();
      await bySchedule();
    } catch (error) {
      const code = error instanceof TributaryError ? error.code : 'internal';
      log.error('payouts_interrupted', { code });
    }
  }

  let timer = clock.after(0, wake);
  let again = false;
  function wake(): void {
    again = true;
    if (running || closed) return;
    timer.cancel();
    running = (async () => {
      while (again && !closed) {
        again = false;
        await pass();
      }
    })().finally(() => {
      running = undefined;
      if (!closed) timer = clock.after(rules.pollMs, wake);
    });
  }
  const unlisten = chain?.transactions.onSettled((entry) => {
    if (entry.intent.id.startsWith('payout')) wake();
  });

  return {
    ...approvals,
    ...createChoices({ ...parts, forbidden }),
    ...createDecisions({ database, clock, log, name: parts.pool.name, terms: parts.terms }),
    ...createAsks({
      ...{ database, clock, log, needed, automatic: rules.automatic },
      facts: () => gatherParts(clock.now()),
      make: (worker) => makePlan({ worker }),
      run: (digest) => run(digest, undefined),
    }),
    preview,
    async look(demand) {
      const { text: _, ...made } = await makePlan(demand);
      return made;
    },
    async plan(digest) {
      const stored = await planOf(database, digest);
      return stored && kept(digest, stored);
    },
    async plansNotRun() {
      const found = await plansNotRun(database, clock.now() - PLAN_AGE_MS_MAX);
      return Promise.all(found.map(({ digest, text }) => kept(digest, { text, runAt: undefined })));
    },
    run,
    drive,
    async close() {
      closed = true;
      timer.cancel();
      unlisten?.();
      await running;
    },
  };
}

/** Workers who would be paid if it were not for something that passes by itself. */
function waitingIn({ held }: Plan): readonly string[] {
  const waiting = held.filter(({ reason }) => PASSING.has(reason));
  return [...new Set(waiting.map(({ worker }) => worker))];
}

/** Two where a run sends more of some asset than may leave on one person's word. */
export function approvalsNeeded(
  { batches }: Pick<Plan, 'batches'>,
  above: Readonly<Record<AssetId, bigint>>,
): number {
  const totals = new Map<AssetId, bigint>();
  for (const { asset, shares } of batches) {
    const sum = shares.reduce((total, { amount }) => total + amount, 0n);
    totals.set(asset, (totals.get(asset) ?? 0n) + sum);
  }
  const tooMuch = [...totals].some(([asset, total]) => {
    const limit = above[asset];
    return limit !== undefined && total > limit;
  });
  return tooMuch ? 2 : 0;
}
