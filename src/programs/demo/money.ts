import { showEth, showLpt } from '../../base/amounts.ts';
import type { Clock } from '../../base/clock.ts';
import { showCount } from '../../base/figures.ts';
import type { Cast } from './cast.ts';
import { type ChainFacts, DEPOSIT } from './chain.ts';
import type { ChainStatus } from './pool-api.ts';
import type { Check } from './view.ts';

/** wire: go-livepeer core/orchestrator.go, parameters of tickets live for so many L1 blocks. */
const PARAMS_BLOCKS = 40;
/** Blocks per look: the pool looks four times a second, and redeems in between. */
const STEP_BLOCKS = 4;
const LOOK_MS = 250;
/** The last transaction has long been made by then. */
const SETTLED_MS_MAX = 120_000;

/** What the gateway says that it paid. */
export interface Paid {
  readonly tickets: number;
  readonly expectedValueWei: bigint;
  readonly feesWei: bigint;
}

/** The money side of the demo: what three books say of the same tickets. */
export interface MoneyEvidence {
  readonly gateway: Paid | undefined;
  readonly pool: ChainStatus;
  readonly chain: ChainFacts;
  /** The round in which the orchestrator became active. */
  readonly firstRound: bigint;
  readonly stakeAtFirst: bigint;
}

/**
 * Lets the chain's time pass after the stream: until the parameters of the last tickets are over and
 * every winning one is redeemed, then until the next round has begun and its reward is called.
 * Answers how the pool stands then, or when it has taken too long.
 */
export async function settle(
  { api, chain }: Pick<Cast, 'api' | 'chain'>,
  { clock, show }: { readonly clock: Clock; show(headline: string): void },
): Promise<ChainStatus> {
  const until = clock.now() + SETTLED_MS_MAX;
  const look = async () => {
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
    return api.chain();
  };
  show('Letting ticket parameters run out, after which winning tickets are redeemed.');
  for (let passed = 0; passed <= PARAMS_BLOCKS; passed += STEP_BLOCKS) {
    await chain.advance(STEP_BLOCKS);
    await look();
  }
  let status = await look();
  while (clock.now() < until && !isRedeemed(status)) status = await look();

  show('Waiting for the next round and its reward.');
  const { round } = status;
  await chain.nextRound();
  while (clock.now() < until && !(status.round > round && isRewarded(status)))
    status = await look();
  return status;
}

function isRedeemed({ queuedWinners, ticketsWon, ticketsRedeemed }: ChainStatus): boolean {
  return queuedWinners === 0n && ticketsWon === ticketsRedeemed;
}

function isRewarded({ lastRewardRound, round }: ChainStatus): boolean {
  return lastRewardRound === round;
}

/** What must hold of the money, each with its figure. */
export function moneyChecks(evidence: MoneyEvidence): readonly Check[] {
  return [
    paidCheck(evidence),
    redeemedCheck(evidence),
    booksCheck(evidence),
    rewardCheck(evidence),
  ];
}

/** The gateway's own account of what it sent is what the pool credited, and covers what was done. */
function paidCheck({ gateway, pool }: MoneyEvidence): Check {
  const name = 'Tickets agree';
  if (!gateway) return { name, ok: false, figure: 'the gateway paid nothing' };
  const { tickets, expectedValueWei, feesWei } = gateway;
  const same =
    BigInt(tickets) === pool.ticketsReceived && expectedValueWei === pool.expectedValueWei;
  return {
    name,
    ok: same && tickets > 0 && expectedValueWei >= feesWei,
    figure: same
      ? `${showCount(tickets)} sent and credited, worth ${showEth(expectedValueWei)}, for fees of ${showEth(feesWei)}`
      : `${tickets} sent, ${pool.ticketsReceived} credited; ${expectedValueWei} and ${pool.expectedValueWei} wei`,
  };
}

function redeemedCheck({ pool }: MoneyEvidence): Check {
  const { ticketsWon, ticketsRedeemed, redeemedWei } = pool;
  return {
    name: 'Winners redeemed',
    ok: ticketsWon > 0n && isRedeemed(pool),
    figure: `${ticketsRedeemed} of ${ticketsWon} won, ${showEth(redeemedWei)}`,
  };
}

/** To the wei: what the pool booked, what the contract paid, what the deposit lost. */
function booksCheck({ pool, chain }: MoneyEvidence): Check {
  const spent = 2n * DEPOSIT - chain.deposit - chain.reserve;
  const ok =
    chain.paidWei === pool.redeemedWei &&
    spent === chain.paidWei &&
    BigInt(chain.paidTickets) === pool.ticketsRedeemed &&
    chain.pendingFees === pool.pendingFees;
  return {
    name: 'Chain agrees to the wei',
    ok,
    figure: ok
      ? `${chain.paidWei} paid; ${showEth(chain.pendingFees)} to withdraw`
      : `${pool.redeemedWei} booked, ${chain.paidWei} paid, ${spent} spent`,
  };
}

function rewardCheck({ pool, chain, firstRound, stakeAtFirst }: MoneyEvidence): Check {
  const gained = chain.stake - stakeAtFirst;
  return {
    name: 'Reward called',
    ok: pool.round > firstRound && isRewarded(pool) && gained > 0n,
    figure: `rounds ${firstRound} to ${pool.round}, stake grew by ${showLpt(gained)}`,
  };
}
