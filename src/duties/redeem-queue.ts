import { hex } from '../base/bytes.ts';
import { type Wei, wei } from '../base/money.ts';
import {
  planRedemptions,
  type RedemptionBatch,
  type RedemptionPlan,
  type RedemptionSender,
  type RedemptionView,
  retryBlock,
  type WaitReason,
  type WriteOffReason,
} from '../payments/redemption.ts';
import type { StoredWinner } from '../payments/winners-store.ts';
import type { RedeemingChain } from './redeem-chain.ts';

/** What is to be done with the queue now. */
export interface QueuePlan {
  readonly redeem: readonly RedemptionBatch<StoredWinner>[];
  /** As the newest block has it, which may be undone. */
  readonly writeOff: readonly { readonly queued: StoredWinner; readonly reason: WriteOffReason }[];
  /** A redemption was tried out and is refused; the block from which on it is tried again. */
  readonly refused: readonly {
    readonly queued: StoredWinner;
    readonly text: string;
    readonly retryAtBlock: bigint;
  }[];
  readonly waiting: readonly WaitReason[];
}

/** Funds of a sender who can pay everything: what waits even so need not be looked up. */
const RICH: Omit<RedemptionSender, 'used'> = {
  deposit: wei(2n ** 200n),
  reserve: wei(2n ** 200n),
  claimable: wei(2n ** 200n),
  withdrawRound: 0n,
  pending: wei(0n),
};

/**
 * Decides over the queue with as few questions to the chain as that takes: none about tickets that
 * have to wait anyway, one about each sender of the others, and only what could then be redeemed is
 * tried out, at most `ticketsMax` of it.
 *
 * Throws TributaryError `rpc_unavailable`.
 */
export async function planQueue(
  chain: RedeemingChain,
  queue: readonly StoredWinner[],
  view: RedemptionView,
  { pendingOf, ticketsMax }: { pendingOf(sender: string): Wei; readonly ticketsMax: number },
): Promise<QueuePlan> {
  const seen = new Set(queue.filter(({ seenIn }) => seenIn).map(({ id }) => id));
  const rich = new Map(queue.map(({ ticket }) => [hex(ticket.sender), { ...RICH, used: seen }]));
  const hopeful = planRedemptions(queue, view, rich);
  const candidates = ticketsOf(hopeful);
  const senders = await sendersOf(chain, candidates, pendingOf);
  const likely = planRedemptions(candidates, view, senders);

  const chosen = ticketsOf(likely).slice(0, ticketsMax);
  const trials = await Promise.all(chosen.map((queued) => tryOut(chain, queued)));
  const refused = trials.flatMap(({ queued, text }) =>
    text === undefined
      ? []
      : [{ queued, text, retryAtBlock: retryBlock(view.lastL1Block, queued.tries) }],
  );
  const lost = new Set(refused.map(({ queued }) => queued));
  const plan = planRedemptions(
    chosen.filter((queued) => !lost.has(queued)),
    view,
    senders,
  );
  return {
    redeem: plan.redeem,
    writeOff: [hopeful, likely, plan].flatMap(({ writeOff }) => writeOff),
    refused,
    waiting: [hopeful, likely, plan].flatMap(({ waiting }) => waiting.map(({ reason }) => reason)),
  };
}

function ticketsOf({ redeem }: RedemptionPlan<StoredWinner>): readonly StoredWinner[] {
  return redeem.flatMap(({ tickets }) => tickets);
}

async function sendersOf(
  chain: RedeemingChain,
  queue: readonly StoredWinner[],
  pendingOf: (sender: string) => Wei,
): Promise<Map<string, RedemptionSender>> {
  const tickets = new Map(queue.map(({ ticket }) => [hex(ticket.sender), ticket]));
  const known = [...tickets].map(async ([sender, ticket]) => {
    const funds = await chain.funding(ticket);
    const used: ReadonlySet<string> = new Set();
    return [sender, { ...funds, pending: pendingOf(sender), used }] as const;
  });
  return new Map(await Promise.all(known));
}

async function tryOut(
  chain: RedeemingChain,
  queued: StoredWinner,
): Promise<{ queued: StoredWinner; text: string | undefined }> {
  const trial = await chain.tryOut(queued, 'latest');
  return { queued, text: trial.ok ? undefined : trial.text };
}
