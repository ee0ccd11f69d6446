import type { Hex } from 'viem';
import { hex } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import { type Wei, wei } from '../base/money.ts';
import type { JournalAccount } from '../chain/journal-store.ts';
import type { Intent, IntentId, SettledEntry } from '../chain/journal-types.ts';
import { type Finality, networkOf } from '../chain/networks.ts';
import type { ChainView } from '../chain/view.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import {
  BATCH_TICKETS_MAX,
  lastValidRound,
  type RedemptionBatch,
  type RedemptionView,
  retryBlock,
} from '../payments/redemption.ts';
import {
  claimedWinners,
  claimWinners,
  delayWinner,
  endWinner,
  pendingFaceValues,
  queuedWinners,
  requeueWinner,
  type StoredWinner,
  type WinnerEnd,
  type WinnerTotals,
  winnerTotals,
} from '../payments/winners-store.ts';
import { redemptionMetrics } from './metrics.ts';
import { followAbandoned } from './redeem-abandoned.ts';
import { redemptionCall } from './redeem-calls.ts';
import { type RedeemingProviders, redeemingChain } from './redeem-chain.ts';
import { every, oneAtATime } from './redeem-looks.ts';
import { planQueue, type QueuePlan } from './redeem-queue.ts';
import { type ClaimGroup, groupClaims, settleClaim } from './redeem-settle.ts';
import { endOfLost, finalView } from './redeem-write-off.ts';

/**
 * Transactions of ours on their way at once. What is decided late is decided on newer prices and
 * funds; 16 batches of 20 are more tickets than a large pool wins in a day.
 */
const INTENTS_MAX = 16;
/** Lost tickets that are looked at in one pass: each takes a few questions to all providers. */
const WRITE_OFFS_MAX = 20;

/** A look without a block: a chain that makes none, or is away, is no reason to settle nothing. */
const LOOK_MS = 15_000;

/** What redemption needs to know of a new block. */
export type RedeemingView = Pick<
  ChainView,
  'block' | 'l1Block' | 'currentRound' | 'roundInitialized' | 'gasPrice' | 'paused'
>;

/** What redemption costs and may cost. */
export interface RedeemingRules {
  /** Wei per gas; above it redemption waits. */
  readonly gasPriceMax?: bigint;
  /** Gas to count with, and the gas limit: for one ticket, and for each further one of a batch. */
  readonly redeemGas: bigint;
  readonly batchedGas: bigint;
}

/** What redemption stands on; every part is what the folder chain offers, as far as it is used. */
export interface RedeemingParts {
  readonly database: Database;
  readonly watch: {
    current(): RedeemingView | undefined;
    onBlock(fn: (view: RedeemingView) => void): () => void;
  };
  readonly transactions: {
    readonly account: JournalAccount;
    intend(tx: Transaction, intent: Intent): Promise<'added' | 'known'>;
    withdraw(id: IntentId): Promise<void>;
    onSettled(fn: (entry: SettledEntry) => void): () => void;
  };
  readonly contracts: { readonly ticketBroker: Hex; readonly roundsManager: Hex };
  readonly providers: RedeemingProviders;
  readonly rules: RedeemingRules;
  /** Other than the network's. */
  readonly finality?: Finality;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** What became of all winning tickets since the database began. */
export interface RedeemingStatus extends WinnerTotals {
  readonly won: bigint;
}

/** Redemption of winning tickets at work. */
export interface Redeeming {
  /**
   * Looks at all open tickets; resolves after a look that began no earlier than this call. Looks
   * never overlap. Throws what the database throws, and `rpc_unavailable`.
   */
  run(): Promise<void>;
  /** Face values of a sender (20 bytes) whose redemption is under way and in no block yet. */
  pendingOf(sender: Uint8Array): Wei;
  /** As of the last look. */
  status(): RedeemingStatus;
  /** Waits for the look that runs. What is under way goes on without it. */
  close(): Promise<void>;
}

/**
 * Redeems winning tickets from now on: with each block, and whenever a transaction is settled, it
 * first writes down what became of earlier claims, also of those that a killed process left, then
 * claims what pays now. Any number of nodes may do so on one database. The chain's own word on
 * redeemed tickets is noted by {@link noteRedeemed} of redeem-seen.ts.
 */
export function startRedeeming(parts: RedeemingParts): Redeeming {
  const { database, watch, transactions, contracts, providers, rules, log } = parts;
  const { ticketBroker } = contracts;
  const { chainId, address } = transactions.account;
  const self = Buffer.from(address.slice(2), 'hex');
  const finality = parts.finality ?? networkOf(chainId).finality;
  const chain = redeemingChain({ providers, contracts, finality, redeemer: address });
  let pending: ReadonlyMap<string, Wei> = new Map();
  let totals: WinnerTotals = NOTHING;
  const metrics = redemptionMetrics(parts.metrics, () => totals);
  const abandoned = followAbandoned(chainId, parts.clock);
  const settling = { database, chain, ticketBroker, chainId, log, metrics };

  async function look(): Promise<void> {
    const failures: unknown[] = [];
    const open = await settleAll(failures);
    pending = await pendingFaceValues(database);
    const view = watch.current();
    if (view) {
      await release(await abandoned(database, open), view);
      await releaseLapsed(open, view, failures);
      const free = INTENTS_MAX - open.filter(isMine).length;
      if (free > 0) await redeem(view, free, failures);
    }
    pending = await pendingFaceValues(database);
    totals = await winnerTotals(database);
    if (failures.length > 0) throw failures[0];
  }

  const isMine = ({ redeemer }: ClaimGroup) => redeemer === address.toLowerCase();

  /** One that cannot be settled now holds up no other. Returns what is still on its way. */
  async function settleAll(failures: unknown[]): Promise<readonly ClaimGroup[]> {
    const open: ClaimGroup[] = [];
    const l1Block = watch.current()?.l1Block ?? 0n;
    for (const group of groupClaims(await claimedWinners(database))) {
      try {
        if ((await settleClaim(settling, group, l1Block)) === 'open') open.push(group);
      } catch (error) {
        failures.push(error);
        open.push(group);
      }
    }
    return open;
  }

  /** What no block can take any more is not sent, and ends by what the contract says of it. */
  async function releaseLapsed(
    open: readonly ClaimGroup[],
    view: RedeemingView,
    failures: unknown[],
  ): Promise<void> {
    const lapsedAt = (round: bigint) =>
      open.filter(({ winners }) => winners.every(({ ticket }) => round > lastValidRound(ticket)));
    const lapsed = lapsedAt(view.currentRound);
    if (lapsed.length === 0) return;
    try {
      for (const { intent } of lapsed.filter(isMine)) await transactions.withdraw(intent);
      await release(lapsedAt((await finalView(chain)).currentRound), view);
    } catch (error) {
      failures.push(error);
    }
  }

  /** Back into the queue; a transaction that redeems them all the same is seen there, too. */
  async function release(groups: readonly ClaimGroup[], { l1Block }: RedeemingView): Promise<void> {
    const failure = { kind: 'not_sent', retryAtBlock: l1Block } as const;
    for (const { winners } of groups) {
      await database.transact(async (tx) => {
        for (const winner of winners) await requeueWinner(tx, winner, failure);
      });
      log.warn('redemption_given_up', { count: winners.length });
    }
  }

  async function redeem(
    seen: RedeemingView,
    intentsMax: number,
    failures: unknown[],
  ): Promise<void> {
    const queue = await queuedWinners(database);
    const view = redemptionView(seen, rules);
    const plan = await planQueue(chain, queue, view, {
      pendingOf: (sender) => pending.get(sender) ?? wei(0n),
      ticketsMax: intentsMax * BATCH_TICKETS_MAX,
    });
    metrics.waiting(plan.waiting);
    for (const { queued, text, retryAtBlock } of plan.refused) {
      await delayWinner(database, queued.id, { kind: 'reverted', text, retryAtBlock });
    }
    for (const batch of plan.redeem.slice(0, intentsMax)) await claim(batch);
    await writeOff(plan, { view, seenBlock: seen.block, failures });
  }

  /** The tickets and the transaction that is to redeem them belong together from the first moment. */
  async function claim(batch: RedemptionBatch<StoredWinner>): Promise<void> {
    const wanted = batch.tickets.map(({ id }) => id);
    const claimed = await database.transact(async (tx) => {
      const got = await claimWinners(tx, wanted, self);
      if (!got) return 0;
      const winners = batch.tickets.filter(({ id }) => got.ids.has(id));
      const intent: Intent = {
        id: got.intent as IntentId,
        to: ticketBroker,
        value: 0n,
        data: redemptionCall(winners),
        gasLimit: rules.redeemGas + BigInt(winners.length - 1) * rules.batchedGas,
        worthWei: worthOf(winners, batch),
      };
      await transactions.intend(tx, intent);
      crashPoint('claim_before_commit');
      return winners.length;
    });
    if (claimed > 0) crashPoint('intent_born');
    if (claimed > 0) log.info('tickets_claimed', { count: claimed });
  }

  async function writeOff(
    { writeOff: lost }: QueuePlan,
    at: {
      readonly view: RedemptionView;
      readonly seenBlock: bigint;
      readonly failures: unknown[];
    },
  ): Promise<void> {
    if (lost.length === 0) return;
    const final = await finalView(chain);
    for (const one of lost.slice(0, WRITE_OFFS_MAX)) {
      try {
        const end = await endOfLost({ chain, ticketBroker }, one, { ...at, final });
        if (end) await writeEnd(one.queued, end, at.view);
      } catch (error) {
        at.failures.push(error);
      }
    }
  }

  async function writeEnd(
    { id, tries }: StoredWinner,
    end: WinnerEnd | 'alive',
    { lastL1Block }: RedemptionView,
  ): Promise<void> {
    if (end === 'alive') {
      const retryAtBlock = retryBlock(lastL1Block, tries);
      return delayWinner(database, id, { kind: 'not_sent', retryAtBlock });
    }
    if (!(await database.transact((tx) => endWinner(tx, id, end)))) return;
    if (end.state === 'redeemed') {
      metrics.redeemed();
      log.info('ticket_redeemed_elsewhere');
    } else {
      metrics.writtenOff(end.reason);
      log.warn('ticket_written_off', { reason: end.reason });
    }
  }

  const looks = oneAtATime(look, (error) => {
    metrics.passFailed();
    const known = error instanceof TributaryError;
    log.warn('redemption_look_failed', known ? { code: error.code } : { error: messageOf(error) });
  });
  const unsubscribe = [
    every(parts.clock, LOOK_MS, () => looks.trigger()),
    watch.onBlock(() => looks.trigger()),
    transactions.onSettled(() => looks.trigger()),
  ];
  looks.trigger();

  return {
    run: looks.run,
    pendingOf: (sender) => pending.get(hex(sender)) ?? wei(0n),
    status: () => statusOf(totals),
    async close() {
      for (const stop of unsubscribe) stop();
      await looks.close();
    },
  };
}

/** What became of all winning tickets, for nodes that leave their redemption to another. */
export async function redeemingStatus(from: Database): Promise<RedeemingStatus> {
  return statusOf(await winnerTotals(from));
}

const NOTHING: WinnerTotals = {
  queued: 0n,
  redeeming: 0n,
  redeemed: 0n,
  redeemedWei: wei(0n),
  writtenOff: {},
  writtenOffWei: wei(0n),
};

function statusOf(totals: WinnerTotals): RedeemingStatus {
  const lost = Object.values(totals.writtenOff).reduce((sum, count) => sum + count, 0n);
  return { ...totals, won: totals.queued + totals.redeeming + totals.redeemed + lost };
}

function redemptionView(seen: RedeemingView, rules: RedeemingRules): RedemptionView {
  return {
    currentRound: seen.currentRound,
    roundInitialized: seen.roundInitialized,
    lastL1Block: seen.l1Block,
    gasPrice: wei(seen.gasPrice),
    gasPriceMax: rules.gasPriceMax === undefined ? undefined : wei(rules.gasPriceMax),
    redeemGas: rules.redeemGas,
    batchedGas: rules.batchedGas,
    paused: seen.paused,
  };
}

/** What the transaction brings; another node may have taken some of its tickets. */
function worthOf(
  winners: readonly StoredWinner[],
  { pays }: RedemptionBatch<StoredWinner>,
): bigint {
  const most = winners.reduce((sum, { ticket }) => sum + ticket.faceValue, 0n);
  return pays < most ? pays : most;
}
