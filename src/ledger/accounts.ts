import type { AssetId } from '../base/asset.ts';

/**
 * The accounts of the books, by what they hold. Amounts are signed and a debit is positive: what the
 * pool has stands at more than 0, what it owes or has earned at less.
 */
export const accountKinds = {
  /** In the pool's own account on chain. */
  treasury: 'has',
  /** The orchestrator's fees in BondingManager, not withdrawn. */
  bonding_fees: 'has',
  /** LPT of the books in the pool's own stake: what rewards added, less what was withdrawn of it. */
  bonding_rewards: 'has',
  /** Face value of winning tickets that are neither redeemed nor written off. */
  tickets_won: 'has',
  /** Expected value of all tickets less what won: more than 0 is bad luck so far. */
  luck: 'has',
  /** What counts as income and no epoch has settled. */
  income: 'owes',
  /** Expected value of tickets, or rewards while books are recovered, that is not income yet. */
  income_pending: 'owes',
  /** Spent on transactions and not taken from the income of an epoch. */
  gas: 'has',
  /** The pool's part of what was earned. */
  commission: 'owes',
  /** Out of which models with a fixed rate pay; below 0 it is in debt, and the pool owes all the same. */
  reserve: 'owes',
  /** Remainders of divisions, carried from one epoch into the next. */
  dust: 'owes',
  penalties: 'owes',
  /** Face value of tickets that nobody paid. */
  written_off: 'has',
  /** What gateways took back. */
  refunds: 'has',
  /** Of redeemed tickets, what the contract gave to delegators, to nobody, or rounded away. */
  delegators: 'has',
  /** Points and tokens of the pool that came into being. */
  issued: 'has',
  /** The other side of what the operator put in or took out. */
  external: 'has',
  /** With the worker: what the pool owes it now. */
  worker: 'owes',
  /** With the worker: what it will be owed later. */
  holdback: 'owes',
  /** With the worker: what disputes gave it, until the epoch is settled. */
  award: 'owes',
  /** With the dispute: what is disputed, set aside until it is decided. */
  disputed: 'owes',
  /** With the payout: neither owed any more nor known to be paid. */
  in_flight: 'owes',
} as const;

export type AccountKind = keyof typeof accountKinds;

/** Accounts of which there is one for each owner. */
export type OwnedKind = 'worker' | 'holdback' | 'award' | 'disputed' | 'in_flight';

/** `income`, or `worker:abcdefghij`: a kind, with its owner where each has one. */
export type AccountName = string & { readonly __brand: 'AccountName' };

const OWNER = /^[A-Za-z0-9._-]{1,80}$/;
const OWNED: ReadonlySet<string> = new Set<OwnedKind>([
  'worker',
  'holdback',
  'award',
  'disputed',
  'in_flight',
]);

/** The account of all, or of one owner. Throws RangeError for an owner that cannot be one. */
export function account(kind: Exclude<AccountKind, OwnedKind>): AccountName;
export function account(kind: OwnedKind, owner: string): AccountName;
export function account(kind: AccountKind, owner?: string): AccountName {
  const name = parseAccountName(owner === undefined ? kind : `${kind}:${owner}`);
  if (!name) throw new RangeError(`there is no account ${kind} of that owner`);
  return name;
}

/** Decodes the name of an account; undefined when there cannot be one of that name. */
export function parseAccountName(text: string): AccountName | undefined {
  const [kind = '', ...rest] = text.split(':');
  if (!Object.hasOwn(accountKinds, kind)) return undefined;
  if (OWNED.has(kind) !== (rest.length === 1)) return undefined;
  if (rest.length > 1 || (rest[0] !== undefined && !OWNER.test(rest[0]))) return undefined;
  return text as AccountName;
}

/** What an account holds of an asset. */
export interface Balance {
  readonly account: AccountName;
  readonly asset: AssetId;
  /** Signed base units; a debit is positive. */
  readonly balance: bigint;
}
