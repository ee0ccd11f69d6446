import { type AssetId, ETH, LPT } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { Amounts, EpochInput, Settlement } from '../terms/settle-types.ts';
import { type AccountName, account } from './accounts.ts';

/** What a posting is about. */
export const postingKinds = [
  'tickets_credited',
  'income_recognised',
  'ticket_won',
  'ticket_redeemed',
  'ticket_written_off',
  'fees_shared',
  'fees_withdrawn',
  'gas',
  'reward',
  'stake_moved',
  'moved_in',
  'moved_out',
  'refund',
  'epoch',
  'payout_reserved',
  'payout_released',
  'payout_paid',
  'payout_returned',
  'dispute',
  'import',
  'correction',
] as const;
export type PostingKind = (typeof postingKinds)[number];

/** One line of a posting. */
export interface Entry {
  readonly account: AccountName;
  readonly asset: AssetId;
  /** Signed base units, not 0; a debit is positive. */
  readonly amount: bigint;
  readonly note?: string;
}

/** One event as the books know it. Its entries sum to zero in each asset. */
export interface Posting {
  /** Unique for ever: `epoch:12`, `redeemed:<ticket hash>`, `payout:<id>:reserved`. */
  readonly cause: string;
  readonly kind: PostingKind;
  readonly at: Instant;
  readonly epoch?: bigint;
  readonly entries: readonly Entry[];
  /** Transaction hashes and the like, by name: for those who look the event up. */
  readonly facts?: Readonly<Record<string, string>>;
}

/** What was paid for with an event on chain, or when it was noticed. */
interface Seen {
  readonly at: Instant;
  readonly epoch: bigint;
}

/** Moves an amount from the second account to the first; nothing for an amount of 0. */
function move(
  debit: AccountName,
  credit: AccountName,
  asset: AssetId,
  amount: bigint,
  note?: string,
): Entry[] {
  if (amount === 0n) return [];
  const more = note === undefined ? {} : { note };
  return [
    { account: debit, asset, amount, ...more },
    { account: credit, asset, amount: -amount, ...more },
  ];
}

/**
 * Tickets were credited: their expected value is earned, and luck owes it until tickets win. What of
 * it counts as income now is for the policy to say.
 *
 * `total`: of all tickets so far, which names the event: a total is reached once.
 */
export function ticketsCredited(
  event: Seen & { readonly total: bigint; readonly added: bigint; readonly recognised: bigint },
): Posting {
  const pending = event.added - event.recognised;
  return {
    cause: `credited:${event.total}`,
    kind: 'tickets_credited',
    at: event.at,
    epoch: event.epoch,
    entries: [
      ...(event.added === 0n
        ? []
        : [{ account: account('luck'), asset: ETH, amount: event.added }]),
      ...(event.recognised === 0n
        ? []
        : [{ account: account('income'), asset: ETH, amount: -event.recognised }]),
      ...(pending === 0n
        ? []
        : [{ account: account('income_pending'), asset: ETH, amount: -pending }]),
    ],
  };
}

/** What was pending counts as income, since the policy is another one now. */
export function incomeRecognised(
  event: Seen & { readonly total: bigint; readonly recognised: bigint },
): Posting {
  return {
    cause: `recognised:${event.total}`,
    kind: 'income_recognised',
    at: event.at,
    epoch: event.epoch,
    entries: move(account('income_pending'), account('income'), ETH, event.recognised),
  };
}

/** A ticket won: it is worth its face value, and luck has made good so much. */
export function ticketWon(
  event: Seen & { readonly ticket: string; readonly face: bigint },
): Posting {
  return {
    cause: `won:${event.ticket}`,
    kind: 'ticket_won',
    at: event.at,
    epoch: event.epoch,
    entries: move(account('tickets_won'), account('luck'), ETH, event.face),
    facts: { ticket: event.ticket },
  };
}

/**
 * A ticket was redeemed: what the contract paid lies in BondingManager; what it paid too little is
 * written off. `recognised`: what counts as income by it, 0 where it counted when it was credited.
 */
export function ticketRedeemed(
  event: Seen & {
    readonly ticket: string;
    readonly face: bigint;
    readonly paid: bigint;
    readonly recognised: bigint;
    readonly transaction: string;
  },
): Posting {
  const { ticket, face, paid, recognised, transaction } = event;
  return {
    cause: `redeemed:${ticket}`,
    kind: 'ticket_redeemed',
    at: event.at,
    epoch: event.epoch,
    entries: [
      ...move(account('bonding_fees'), account('tickets_won'), ETH, paid),
      ...move(account('written_off'), account('tickets_won'), ETH, face - paid),
      ...move(account('income_pending'), account('income'), ETH, recognised),
    ],
    facts: { ticket, transaction },
  };
}

/** Nobody will pay a ticket. */
export function ticketWrittenOff(
  event: Seen & { readonly ticket: string; readonly face: bigint; readonly reason: string },
): Posting {
  return {
    cause: `written-off:${event.ticket}`,
    kind: 'ticket_written_off',
    at: event.at,
    epoch: event.epoch,
    entries: move(account('written_off'), account('tickets_won'), ETH, event.face),
    facts: { ticket: event.ticket, reason: event.reason },
  };
}

/**
 * What the contract paid for tickets in a block and did not give to the orchestrator. Less than 0: it
 * rounds otherwise now.
 */
export function feesShared(
  event: Seen & { readonly cause: string; readonly block: bigint; readonly amount: bigint },
): Posting {
  return {
    cause: event.cause,
    kind: 'fees_shared',
    at: event.at,
    epoch: event.epoch,
    entries: move(account('delegators'), account('bonding_fees'), ETH, event.amount),
    facts: { block: `${event.block}` },
  };
}

/** Fees left BondingManager, for the pool's own account or for another one of its operator. */
export function feesWithdrawn(
  event: Seen & {
    readonly transaction: string;
    readonly amount: bigint;
    readonly to: 'treasury' | 'external';
  },
): Posting {
  return {
    cause: `fees-withdrawn:${event.transaction}`,
    kind: 'fees_withdrawn',
    at: event.at,
    epoch: event.epoch,
    entries: move(account(event.to), account('bonding_fees'), ETH, event.amount),
    facts: { transaction: event.transaction },
  };
}

/**
 * A transaction cost gas, also one that failed. `from`: another account than the pool's own, such as
 * a redeemer's, is the operator's money.
 */
export function gasSpent(
  event: Seen & {
    readonly transaction: string;
    readonly wei: bigint;
    readonly from: 'treasury' | 'external';
    readonly intent: string;
  },
): Posting {
  return {
    cause: `gas:${event.transaction}`,
    kind: 'gas',
    at: event.at,
    epoch: event.epoch,
    entries: move(account('gas'), account(event.from), ETH, event.wei),
    facts: { transaction: event.transaction, intent: event.intent },
  };
}

/** A reward call added to the pool's own stake; what it added to delegators' is theirs. */
export function rewardReceived(
  event: Seen & { readonly transaction: string; readonly amount: bigint },
): Posting {
  return {
    cause: `reward:${event.transaction}`,
    kind: 'reward',
    at: event.at,
    epoch: event.epoch,
    entries: move(account('bonding_rewards'), account('income'), LPT, event.amount),
    facts: { transaction: event.transaction },
  };
}

/**
 * LPT of the books left the pool's own stake for an account, or (less than 0) became stake. `with`: an
 * account of which nothing is booked is the operator's own.
 */
export function stakeMoved(
  event: Seen & {
    readonly transaction: string;
    readonly amount: bigint;
    readonly with: 'treasury' | 'external';
  },
): Posting {
  return {
    cause: `stake:${event.transaction}`,
    kind: 'stake_moved',
    at: event.at,
    epoch: event.epoch,
    entries: move(account(event.with), account('bonding_rewards'), LPT, event.amount),
    facts: { transaction: event.transaction },
  };
}

/** The operator took something out of the treasury, or (less than 0) put it in. */
export function movedOut(
  event: Seen & { readonly cause: string; readonly asset: AssetId; readonly amount: bigint },
): Posting {
  return {
    cause: event.cause,
    kind: event.amount < 0n ? 'moved_in' : 'moved_out',
    at: event.at,
    epoch: event.epoch,
    entries: move(account('external'), account('treasury'), event.asset, event.amount),
  };
}

/**
 * An epoch was settled: its income, with what was carried and drawn, becomes what workers are owed
 * and what the pool keeps. Throws RangeError when the settlement does not add up, as the database
 * would.
 */
export function epochSettled(input: EpochInput, settlement: Settlement, at: Instant): Posting {
  const entries: Entry[] = [];
  const put = (name: AccountName, amounts: Amounts, sign: 1n | -1n) => {
    for (const [asset, value] of Object.entries(amounts)) {
      if (value === 0n) continue;
      entries.push({ account: name, asset: asset as AssetId, amount: sign * value });
    }
  };
  const gross = grossIncome(input);
  put(account('income'), gross, 1n);
  put(account('gas'), difference(gross, input.income), -1n);
  put(account('dust'), input.carried, 1n);
  put(account('reserve'), settlement.fromReserve, 1n);
  put(account('issued'), settlement.issued, 1n);
  for (const { worker, releases = [], awards = [] } of input.workers) {
    for (const { asset, amount } of releases) {
      put(account('holdback', worker), { [asset]: amount }, 1n);
    }
    for (const { asset, amount } of awards) {
      put(account('award', worker), { [asset]: amount }, 1n);
    }
  }
  for (const [worker, owed] of Object.entries(settlement.owed)) {
    put(account('worker', worker), owed, -1n);
  }
  for (const { worker, asset, amount } of settlement.heldBack) {
    put(account('holdback', worker), { [asset]: amount }, -1n);
  }
  put(account('commission'), settlement.commission, -1n);
  put(account('penalties'), settlement.penalties, -1n);
  put(account('reserve'), settlement.toReserve, -1n);
  put(account('dust'), settlement.dust, -1n);
  const { epoch } = settlement;
  return checked({ cause: `epoch:${epoch}`, kind: 'epoch', at, epoch, entries });
}

/** Income before gas was taken from it. */
function grossIncome({ incomeLines, income }: EpochInput): Amounts {
  const gross: Record<string, bigint> = {};
  for (const { kind, asset, amount } of incomeLines) {
    if (kind !== 'gas') gross[asset] = (gross[asset] ?? 0n) + amount;
  }
  return incomeLines.length === 0 ? income : gross;
}

function difference(from: Amounts, less: Amounts): Amounts {
  const all = Object.keys({ ...from, ...less }) as AssetId[];
  return Object.fromEntries(all.map((asset) => [asset, (from[asset] ?? 0n) - (less[asset] ?? 0n)]));
}

/** The posting itself. Throws RangeError when its entries do not sum to zero in each asset. */
export function checked(posting: Posting): Posting {
  const sums = new Map<AssetId, bigint>();
  for (const { asset, amount } of posting.entries) {
    sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  }
  for (const [asset, sum] of sums) {
    if (sum !== 0n) throw new RangeError(`${posting.cause} is out by ${sum} ${asset}`);
  }
  return posting;
}
