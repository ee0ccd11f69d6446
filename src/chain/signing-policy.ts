import type { Hex } from 'viem';
import type { UnsignedTransaction } from './sign-transaction.ts';
import type { SigningContract } from './signing-contracts.ts';
import { type Meaning, readCall } from './signing-methods.ts';
import { readPayout, type TokenLimit } from './signing-payouts.ts';
import type { SigningAccount, SigningRole } from './signing-wire.ts';

const NOBODY = '0x0000000000000000000000000000000000000000';
/** An address of a node is far shorter; a longer text costs gas for nothing. */
const SERVICE_URI_CHARACTERS_MAX = 256;

/** Amounts that the signer stays within. */
export interface SigningLimits {
  readonly gasLimitMax: bigint;
  /** Wei for a unit of gas, the tip included. */
  readonly gasPriceMax: bigint;
  /** Wei that the gas of one transaction may cost at its own limit and price. */
  readonly feePerTransaction: bigint;
  /** The same over all transactions of 24 hours, those that cost less in the end included. */
  readonly feesPerDay: bigint;
  /** Wei that leave the protocol or the account, apart from gas. */
  readonly ethPerTransaction: bigint;
  readonly ethPerDay: bigint;
  /** Smallest units of LPT that are bonded, unbonded or sent. */
  readonly lptPerTransaction: bigint;
  readonly lptPerDay: bigint;
}

/** What the signer signs. All addresses in lower case. */
export interface SigningPolicy {
  readonly chainId: number;
  readonly accounts: readonly SigningAccount[];
  /** The on-chain orchestrator: the node account, or a cold one. */
  readonly orchestrator: Hex;
  /** Contracts by address. */
  readonly contracts: ReadonlyMap<Hex, SigningContract>;
  /** Who may get fees out of the protocol, besides the orchestrator and the account itself. */
  readonly withdrawTo: ReadonlySet<Hex>;
  /** Who may be sent ETH or LPT: nobody by default. */
  readonly transferTo: ReadonlySet<Hex>;
  /** What accounts for payouts may send, to anybody: ETH within the limits, and these. */
  readonly payoutTokens?: ReadonlyMap<Hex, TokenLimit>;
  readonly limits: SigningLimits;
}

/** What is counted to the day. */
export interface Spending {
  /** Wei for gas at most. */
  readonly fee: bigint;
  /** Wei besides gas. */
  readonly eth: bigint;
  readonly lpt: bigint;
  /** Tokens that payouts move, by address; left out where there are none. */
  readonly tokens?: Readonly<Record<Hex, bigint>>;
}

/** What was signed in the last 24 hours, as far as it bears on a transaction. */
export interface Spent {
  /** Over all transactions, without those that have this account and nonce. */
  readonly others: Spending;
  /**
   * The most that a signed transaction of this account and nonce may cost: another one with it
   * replaces it, so that only one of them ever costs anything.
   */
  readonly sameNonce: Spending;
}

/** Why a transaction is not signed, with the sentence that the operator reads. */
export const refusalTexts = {
  account: 'The signer has no such account.',
  chain: 'The signer signs for another chain.',
  contract: 'The policy of the signer knows no contract at this address (--contracts, --polls).',
  method: 'The policy of the signer allows no such method.',
  arguments: 'The arguments of the call cannot be read.',
  role: 'The account has no role that may do this.',
  value: 'The call must not carry ETH.',
  orchestrator: 'The call names another orchestrator than ours.',
  recipient:
    'The policy of the signer does not allow this recipient (--withdraw-to, --transfer-to).',
  service_uri: 'The service URI must be https://HOST:PORT.',
  gas_limit: 'The gas limit is above that of the policy.',
  gas_price: 'The gas price is above that of the policy.',
  fee_per_transaction: 'The gas may cost more than the policy allows for a transaction.',
  fees_per_day: 'The gas of the last 24 hours may cost as much as the policy allows.',
  eth_per_transaction: 'The amount of ETH is above the limit for a transaction.',
  eth_per_day: 'The amount of ETH is above what is left of the limit for 24 hours.',
  lpt_per_transaction: 'The amount of LPT is above the limit for a transaction.',
  lpt_per_day: 'The amount of LPT is above what is left of the limit for 24 hours.',
  token_per_transaction: 'The amount of the token is above the limit for a transaction.',
  token_per_day: 'The amount of the token is above what is left of the limit for 24 hours.',
  transactions_per_day: 'More transactions were signed in 24 hours than the signer counts.',
} as const;

export type RefusalReason = keyof typeof refusalTexts;

/** What the policy says. `spending` is what to count before the signature leaves. */
export type Verdict =
  | { readonly ok: true; readonly method: string; readonly spending: Spending }
  | { readonly ok: false; readonly reason: RefusalReason };

/**
 * Whether an account may sign a transaction. Pure: what was spent before comes in, what to count
 * comes out.
 */
export function judge(
  policy: SigningPolicy,
  request: { readonly account: Hex; readonly tx: UnsignedTransaction; readonly spent: Spent },
): Verdict {
  const { tx, spent } = request;
  const account = policy.accounts.find(({ address }) => address === request.account);
  if (!account) return refused('account');
  if (tx.chainId !== policy.chainId) return refused('chain');

  const work = readWork(policy, account, tx);
  if (!work.ok) {
    // What is no duty may be a payout, where the account is for those.
    return account.roles.includes('payout') ? judgePayout(policy, tx, spent, work) : work;
  }
  const complaint = workComplaint(policy, account, work.meaning);
  if (complaint) {
    const refusal = refused(complaint);
    return account.roles.includes('payout') ? judgePayout(policy, tx, spent, refusal) : refusal;
  }

  const { eth = 0n, lpt = 0n, allowance = 0n } = work.meaning;
  const spending = { fee: tx.gasLimit * tx.maxFeePerGas, eth, lpt };
  const excess = excessOf(policy.limits, tx, { spending, allowance, spent });
  if (excess) return refused(excess);
  return { ok: true, method: work.meaning.method, spending };
}

/** Payouts: known tokens and ETH to anybody, within their limits. */
function judgePayout(
  policy: SigningPolicy,
  tx: UnsignedTransaction,
  spent: Spent,
  otherwise: { readonly ok: false; readonly reason: RefusalReason },
): Verdict {
  const { payoutTokens = new Map(), contracts, limits } = policy;
  const work = readPayout(tx, { tokens: payoutTokens, contracts });
  // A call of the protocol is refused for what is wrong with it as such.
  if (!work.ok) return contracts.has(tx.to.toLowerCase() as Hex) ? otherwise : work;
  const fee = tx.gasLimit * tx.maxFeePerGas;
  const spending: Spending = { fee, eth: work.eth, lpt: 0n, tokens: work.tokens };
  const excess =
    excessOf(limits, tx, { spending, allowance: 0n, spent }) ??
    tokenExcess(payoutTokens, work.tokens, spent);
  return excess ? refused(excess) : { ok: true, method: work.method, spending };
}

function tokenExcess(
  limits: ReadonlyMap<Hex, TokenLimit>,
  tokens: Readonly<Record<Hex, bigint>>,
  { others, sameNonce }: Spent,
): RefusalReason | undefined {
  for (const [token, amount] of Object.entries(tokens) as [Hex, bigint][]) {
    const limit = limits.get(token);
    if (!limit || amount > limit.perTransaction) return 'token_per_transaction';
    const before = sameNonce.tokens?.[token] ?? 0n;
    const day = (others.tokens?.[token] ?? 0n) + (before > amount ? before : amount);
    if (amount > 0n && day > limit.perDay) return 'token_per_day';
  }
  return undefined;
}

function refused(reason: RefusalReason): { readonly ok: false; readonly reason: RefusalReason } {
  return { ok: false, reason };
}

type Work =
  | { readonly ok: true; readonly meaning: Meaning }
  | { readonly ok: false; readonly reason: RefusalReason };

/**
 * A call of the protocol, a transfer, or something without value to ourselves: nothing, which uses a
 * nonce up, or the hash of an epoch, which is then in the chain for everybody to see.
 */
function readWork(policy: SigningPolicy, account: SigningAccount, tx: UnsignedTransaction): Work {
  const to = tx.to.toLowerCase() as Hex;
  const contract = policy.contracts.get(to);
  if (contract) {
    const call = readCall(contract, tx.data);
    if (!call.ok) return call;
    return tx.value === 0n ? call : refused('value');
  }
  if (to === account.address && tx.value === 0n && tx.data === '0x') {
    return { ok: true, meaning: { method: 'cancel', roles: account.roles } };
  }
  if (to === account.address && tx.value === 0n && ANCHOR.test(tx.data)) {
    return { ok: true, meaning: { method: 'anchor', roles: SENDERS } };
  }
  // Data would run code of the recipient: a payment needs none.
  if (tx.data !== '0x') return refused('contract');
  if (!policy.transferTo.has(to)) return refused('recipient');
  return { ok: true, meaning: { method: 'send', roles: SENDERS, eth: tx.value } };
}
const SENDERS: readonly SigningRole[] = ['node'];
/** What epochs/anchor.ts writes: TRIBANC1, the number of an epoch, the hash of its record. */
const ANCHOR = /^0x54524942414e4331[0-9a-f]{16}[0-9a-f]{64}$/;

function workComplaint(
  policy: SigningPolicy,
  account: SigningAccount,
  meaning: Meaning,
): RefusalReason | undefined {
  const { orchestrator, withdrawTo, transferTo, contracts, accounts } = policy;
  const { orchestrators = [], feesTo, tokensTo, spender, rewardCaller } = lowerCase(meaning);
  if (!meaning.roles.some((role) => account.roles.includes(role))) return 'role';
  if (orchestrators.some((one) => one !== orchestrator)) return 'orchestrator';
  if (feesTo && ![orchestrator, account.address, ...withdrawTo].includes(feesTo)) {
    return 'recipient';
  }
  if (tokensTo && !transferTo.has(tokensTo)) return 'recipient';
  if (spender && contracts.get(spender) !== 'BondingManager') return 'recipient';
  const callers = accounts.filter(({ roles }) => roles.includes('reward_caller'));
  if (
    rewardCaller &&
    rewardCaller !== NOBODY &&
    !callers.some(({ address }) => address === rewardCaller)
  ) {
    return 'recipient';
  }
  if (meaning.serviceUri !== undefined && !isServiceUri(meaning.serviceUri)) return 'service_uri';
  return undefined;
}

function lowerCase(meaning: Meaning) {
  const lower = (text: Hex | undefined) => text?.toLowerCase() as Hex | undefined;
  return {
    orchestrators: meaning.orchestrators?.map((one) => one.toLowerCase() as Hex),
    feesTo: lower(meaning.feesTo),
    tokensTo: lower(meaning.tokensTo),
    spender: lower(meaning.spender),
    rewardCaller: lower(meaning.rewardCaller),
  };
}

/** wire: gateways dial host and port of the registered URI (go-livepeer discovery/db_discovery.go). */
function isServiceUri(text: string): boolean {
  if (text.length > SERVICE_URI_CHARACTERS_MAX || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return protocol === 'https:' && username === '' && password === '';
}

function excessOf(
  limits: SigningLimits,
  tx: UnsignedTransaction,
  cost: { readonly spending: Spending; readonly allowance: bigint; readonly spent: Spent },
): RefusalReason | undefined {
  const { spending, allowance, spent } = cost;
  const day = sumOf(spent.others, greaterOf(spent.sameNonce, spending));
  if (tx.gasLimit > limits.gasLimitMax) return 'gas_limit';
  if (tx.maxFeePerGas > limits.gasPriceMax) return 'gas_price';
  if (tx.maxPriorityFeePerGas > tx.maxFeePerGas) return 'gas_price';
  if (spending.fee > limits.feePerTransaction) return 'fee_per_transaction';
  if (spending.eth > limits.ethPerTransaction) return 'eth_per_transaction';
  if (spending.lpt > limits.lptPerTransaction) return 'lpt_per_transaction';
  if (allowance > limits.lptPerTransaction) return 'lpt_per_transaction';
  if (day.fee > limits.feesPerDay) return 'fees_per_day';
  // What moves nothing is not held up by what moved before.
  if (spending.eth > 0n && day.eth > limits.ethPerDay) return 'eth_per_day';
  if (spending.lpt > 0n && day.lpt > limits.lptPerDay) return 'lpt_per_day';
  return undefined;
}

/** Nothing spent. */
export const nothing: Spending = { fee: 0n, eth: 0n, lpt: 0n };

export function sumOf(one: Spending, other: Spending): Spending {
  const tokens = tokensOf(one, other, (a, b) => a + b);
  const { fee, eth, lpt } = one;
  return { fee: fee + other.fee, eth: eth + other.eth, lpt: lpt + other.lpt, ...tokens };
}

/** The tokens of two spendings, put together by a rule; nothing where neither has any. */
export function tokensOf(
  one: Spending,
  other: Spending,
  rule: (a: bigint, b: bigint) => bigint,
): { readonly tokens?: Readonly<Record<Hex, bigint>> } {
  if (!one.tokens && !other.tokens) return {};
  const named = Object.keys({ ...one.tokens, ...other.tokens }) as Hex[];
  const amounts = named.map((token) => [
    token,
    rule(one.tokens?.[token] ?? 0n, other.tokens?.[token] ?? 0n),
  ]);
  return { tokens: Object.fromEntries(amounts) };
}

/** Of each amount the greater. */
export function greaterOf(one: Spending, other: Spending): Spending {
  const greater = (a: bigint, b: bigint) => (a > b ? a : b);
  return {
    fee: greater(one.fee, other.fee),
    eth: greater(one.eth, other.eth),
    lpt: greater(one.lpt, other.lpt),
    ...tokensOf(one, other, greater),
  };
}
