import { type Wei, wei } from '../base/money.ts';
import { auxData, type Ticket } from './ticket.ts';

/** The contract takes a ticket in its creation round and the next one. */
export const VALIDITY_ROUNDS = 2n;
/**
 * Share of what a ticket pays that may go into gas while there is time to wait for cheaper gas, in
 * percent: ten times what a ticket is made for.
 */
const GAS_SHARE_PERCENT_MAX = 10n;
/** The same in its last round: more than half is not sent by the journal of transactions, either. */
const LAST_GAS_SHARE_PERCENT_MAX = 50n;
/** Tickets in one transaction: 20 redemptions of up to 350,000 gas fit into every block. */
export const BATCH_TICKETS_MAX = 20;

/** L1 blocks to the second try after a revert, a minute; twice as many to each further one. */
const RETRY_BLOCKS = 5n;
/** Not less often than every two hours: a ticket lives for two rounds of 21. */
const RETRY_DOUBLINGS_MAX = 7;

/** A winning ticket that has not been paid. */
export interface QueuedTicket {
  readonly ticket: Ticket;
  /** 64 hex digits: the ticket's hash, by which contract and database know it. */
  readonly id: string;
  readonly expirationBlock: bigint;
  /** Attempts that failed on chain or could not be sent, and why the last one did. */
  readonly failure: RedemptionFailure | undefined;
}

/** How a try to redeem ended without the money. */
export type RedemptionFailure =
  | { readonly kind: 'reverted'; readonly text: string; readonly retryAtBlock: bigint }
  | { readonly kind: 'not_sent'; readonly retryAtBlock: bigint };

/** The chain as it looks now, for all tickets. */
export interface RedemptionView {
  readonly currentRound: bigint;
  readonly roundInitialized: boolean;
  readonly lastL1Block: bigint;
  readonly gasPrice: Wei;
  /** The operator's ceiling; undefined: none. */
  readonly gasPriceMax: Wei | undefined;
  /** Gas to count with for one redemption, and for each further one of a batch. */
  readonly redeemGas: bigint;
  readonly batchedGas: bigint;
  readonly paused: boolean;
}

/** The chain's word on one sender, as our recipient sees it. */
export interface RedemptionSender {
  readonly deposit: Wei;
  readonly reserve: Wei;
  /** `claimableReserve(sender, recipient)`: 0 unless the recipient is active. */
  readonly claimable: Wei;
  /** 0: not unlocking. */
  readonly withdrawRound: bigint;
  /** Face values whose redemption is under way: they draw first. */
  readonly pending: Wei;
  /** Ids of tickets that the contract has marked as used. */
  readonly used: ReadonlySet<string>;
}

export type WaitReason =
  | 'params_live'
  | 'round_not_initialized'
  | 'contract_paused'
  | 'gas_above_ceiling'
  | 'gas_above_share'
  | 'sender_short'
  | 'retry_later';

export type WriteOffReason =
  | 'expired'
  | 'already_used'
  | 'no_block_hash'
  | 'sender_unlocked'
  | 'worthless'
  | 'reverted';

/** The L1 block from which on a ticket is tried again, after so many tries that were reverted. */
export function retryBlock(l1Block: bigint, tries: number): bigint {
  return l1Block + (RETRY_BLOCKS << BigInt(Math.min(Math.max(tries - 1, 0), RETRY_DOUBLINGS_MAX)));
}

/** Whether a revert with this text says that no later try can bring anything. */
export function isFinalRevert(text: string): boolean {
  return FINAL_REVERTS.some((final) => text.includes(final));
}

/** What to do with one ticket now. */
export type RedemptionDecision =
  | { readonly action: 'redeem' }
  | { readonly action: 'wait'; readonly reason: WaitReason }
  | { readonly action: 'write_off'; readonly reason: WriteOffReason };

/** The last round in which the contract takes a ticket. */
export function lastValidRound({ creationRound }: Pick<Ticket, 'creationRound'>): bigint {
  return creationRound + VALIDITY_ROUNDS - 1n;
}

/** Reverts that no later try can turn: of the contract's texts those about the ticket itself. */
const FINAL_REVERTS: readonly string[] = [
  'ticket is used',
  'ticket is expired',
  'ticket creationRound does not have a block hash',
  'ticket creationRoundBlockHash invalid for creationRound',
  'recipientRand does not match recipientRandHash',
  'invalid signature over ticket hash',
  'ticket did not win',
  'invalid length for ticket auxData',
  'ECDSA: invalid signature',
  'INVALID_SIGNATURE_LENGTH',
];

/**
 * Redeem, wait or write off. A redemption publishes the recipientRand, so it waits until no ticket of
 * it is taken any more; it spends gas only when the ticket pays for it and the sender can be made to
 * pay: the contract marks a ticket as used also when nothing was left to pay it with.
 */
export function decideRedemption(
  queued: QueuedTicket,
  view: RedemptionView,
  sender: RedemptionSender,
): RedemptionDecision {
  const { ticket, failure } = queued;
  if (sender.used.has(queued.id)) return writeOff('already_used');
  if (auxData(ticket).length === 0 || isZero(ticket.creationRoundBlockHash)) {
    return writeOff('no_block_hash');
  }
  if (view.currentRound > lastValidRound(ticket)) return writeOff('expired');
  if (ticket.faceValue === 0n) return writeOff('worthless');
  if (failure?.kind === 'reverted' && isFinalRevert(failure.text)) return writeOff('reverted');
  const unlocked = sender.withdrawRound !== 0n && sender.withdrawRound <= view.currentRound;
  // An unlocked sender that funds itself again is locked again: until the last round it may.
  const last = view.currentRound === lastValidRound(ticket);
  if (unlocked) return last ? writeOff('sender_unlocked') : wait('sender_short');
  if (view.paused) return wait('contract_paused');
  if (!view.roundInitialized) return wait('round_not_initialized');
  if (queued.expirationBlock > view.lastL1Block) return wait('params_live');
  if (failure && view.lastL1Block < failure.retryAtBlock) {
    return wait('retry_later');
  }
  if (view.gasPriceMax !== undefined && view.gasPrice > view.gasPriceMax) {
    return wait('gas_above_ceiling');
  }
  const cost = view.redeemGas * view.gasPrice;
  const pays = payable(ticket.faceValue, sender);
  if (pays <= cost) return wait(ticket.faceValue <= cost ? 'gas_above_share' : 'sender_short');
  const share = last ? LAST_GAS_SHARE_PERCENT_MAX : GAS_SHARE_PERCENT_MAX;
  if (cost * 100n > pays * share) return wait('gas_above_share');
  // Half a ticket's money is worth taking only when there will be no more of it.
  if (!last && pays < ticket.faceValue) return wait('sender_short');
  return { action: 'redeem' };
}

/** What a redemption would bring: from the deposit, then from our claim on the reserve. */
function payable(faceValue: bigint, { deposit, claimable, pending }: RedemptionSender): bigint {
  const funds = deposit + claimable - pending;
  return funds < 0n ? 0n : funds < faceValue ? funds : faceValue;
}

/** One transaction: a single ticket, or several where that is cheaper. */
export interface RedemptionBatch<T extends QueuedTicket = QueuedTicket> {
  readonly tickets: readonly T[];
  /** What to count with, and the limit. */
  readonly gas: bigint;
  /** Wei that it brings, as far as the senders' funds are known. */
  readonly pays: Wei;
}

/** What to do with all queued tickets now. */
export interface RedemptionPlan<T extends QueuedTicket = QueuedTicket> {
  readonly redeem: readonly RedemptionBatch<T>[];
  readonly waiting: readonly { readonly queued: T; readonly reason: WaitReason }[];
  readonly writeOff: readonly { readonly queued: T; readonly reason: WriteOffReason }[];
}

/**
 * Plans over every ticket of every sender: one that has to wait holds up none behind it. The ones
 * that lapse first go first, then the dearest, and each draws on what those before it leave of its
 * sender's funds. `senders` is asked by the 40 hex digits of the address; an unknown sender waits.
 */
export function planRedemptions<T extends QueuedTicket>(
  queue: readonly T[],
  view: RedemptionView,
  senders: ReadonlyMap<string, RedemptionSender>,
): RedemptionPlan<T> {
  const ordered = queue.toSorted(
    (a, b) =>
      order(a.ticket.creationRound, b.ticket.creationRound) ||
      order(b.ticket.faceValue, a.ticket.faceValue) ||
      (a.id < b.id ? -1 : 1),
  );
  const pending = new Map<string, bigint>();
  const ready: { queued: T; pays: bigint }[] = [];
  const waiting: { queued: T; reason: WaitReason }[] = [];
  const lost: { queued: T; reason: WriteOffReason }[] = [];
  for (const queued of ordered) {
    const name = Buffer.from(queued.ticket.sender).toString('hex');
    const known = senders.get(name);
    if (!known) {
      waiting.push({ queued, reason: 'retry_later' });
      continue;
    }
    const ahead = pending.get(name) ?? 0n;
    const sender = { ...known, pending: (known.pending + ahead) as Wei };
    const decision = decideRedemption(queued, view, sender);
    switch (decision.action) {
      case 'redeem':
        pending.set(name, ahead + queued.ticket.faceValue);
        ready.push({ queued, pays: payable(queued.ticket.faceValue, sender) });
        break;
      case 'wait':
        waiting.push({ queued, reason: decision.reason });
        break;
      case 'write_off':
        lost.push({ queued, reason: decision.reason });
        break;
    }
  }
  return { redeem: batches(ready, view), waiting, writeOff: lost };
}

/** The contract ignores single failures of a batch, so afterwards each ticket is looked up. */
function batches<T extends QueuedTicket>(
  ready: readonly { readonly queued: T; readonly pays: bigint }[],
  view: RedemptionView,
): RedemptionBatch<T>[] {
  const size = view.batchedGas < view.redeemGas ? BATCH_TICKETS_MAX : 1;
  const found: RedemptionBatch<T>[] = [];
  for (let from = 0; from < ready.length; from += size) {
    const some = ready.slice(from, from + size);
    const gas = view.redeemGas + BigInt(some.length - 1) * view.batchedGas;
    const pays = wei(some.reduce((sum, { pays }) => sum + pays, 0n));
    found.push({ tickets: some.map(({ queued }) => queued), gas, pays });
  }
  return found;
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function wait(reason: WaitReason): RedemptionDecision {
  return { action: 'wait', reason };
}

function writeOff(reason: WriteOffReason): RedemptionDecision {
  return { action: 'write_off', reason };
}
