import { getAddress } from 'viem';
import { TributaryError } from '../base/errors.ts';
import { ownError } from '../chain/rpc-refusal.ts';
import { floor } from '../payments/rational.ts';
import { paymentTotals } from '../payments/store.ts';
import { winnerTotals } from '../payments/winners-store.ts';
import type { ActiveSet, ChainStatus } from './action-types.ts';
import type { Alarm } from './alarms.ts';
import { journalsOf, type Look } from './look.ts';
import type { DutiesParts } from './parts.ts';
import { placeOf } from './pool-position.ts';
import type { Standing } from './standing.ts';

/** What orchestrators in the pool have as deactivation round. protocol: MAX_FUTURE_ROUND. */
const FOR_EVER = 2n ** 255n;

/**
 * The orchestrator as it stands now; while no provider answers, as it was last seen, with the alarm
 * that says so.
 *
 * @throws TributaryError `chain_unseen` when it was never seen, `database_failed`
 */
export async function readStatus(
  parts: Pick<DutiesParts, 'database' | 'orchestrator' | 'node' | 'transactions'> & {
    readonly look: Look;
    alarms(): readonly Alarm[];
  },
): Promise<ChainStatus> {
  const { look, node, orchestrator } = parts;
  const seen = await look.again().catch((cause: unknown) => {
    const last = look.seen();
    if (last) return last;
    const own = ownError(cause);
    throw new TributaryError('chain_unseen', own?.message ?? 'The chain was not seen yet.', {
      cause,
    });
  });
  const { standing } = seen;
  const journals = journalsOf(parts);
  const spent = await Promise.all(journals.map((journal) => journal.gasSpent()));
  const totals = await paymentTotals(parts.database);
  const { writtenOff, writtenOffWei } = await winnerTotals(parts.database);

  return {
    address: getAddress(node),
    orchestrator: getAddress(orchestrator),
    registered: standing.registered,
    active: standing.active,
    round: standing.round,
    roundInitialized: standing.roundInitialized,
    roundLocked: standing.roundLocked,
    lastRewardRound: standing.lastRewardRound,
    activationRound: standing.activationRound,
    deactivationRound:
      standing.deactivationRound < FOR_EVER ? standing.deactivationRound : undefined,
    stake: standing.totalStake,
    ownStake: standing.ownStake,
    rewardCut: standing.rewardCut,
    feeShare: standing.feeShare,
    pendingFees: standing.pendingFees,
    serviceUri: standing.serviceUri,
    activeSet: activeSetOf(standing),
    unbondingLocks: standing.locks,
    balanceLpt: standing.balanceLpt,
    balanceWei: standing.balanceWei,
    nodeBalanceWei: seen.balanceOf(node) ?? 0n,
    gasPrice: standing.gasPrice,
    ticketsReceived: totals.ticketsReceived,
    ticketsWon: totals.ticketsWon,
    ticketsRedeemed: totals.ticketsRedeemed,
    redeemedWei: totals.redeemed,
    expectedValueWei: floor(totals.expectedValue),
    queuedWinners: totals.ticketsQueued,
    ticketsWrittenOff: totals.ticketsWrittenOff,
    writtenOffWei,
    writtenOff,
    gasSpentWei: spent.reduce((sum, wei) => sum + wei, 0n),
    openTransactions: journals.reduce((sum, { status }) => sum + status.open, 0),
    journalPaused: journals.map(({ status }) => status.paused).find((reason) => reason),
    alarms: parts.alarms(),
  };
}

function activeSetOf({ pool, orchestrator }: Standing): ActiveSet {
  const place = placeOf(pool, orchestrator);
  return {
    place: place === undefined ? undefined : place + 1,
    members: pool.members.length,
    sizeMax: pool.sizeMax,
    leastStake: pool.members.at(-1)?.stake ?? 0n,
  };
}
