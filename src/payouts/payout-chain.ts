import { type Hex, maxUint256 } from 'viem';
import { DISPERSE, disperseEtherData, disperseTokenData } from '../chain/disperse.ts';
import type { Intent, IntentId, SettledEntry } from '../chain/journal-types.ts';
import { networkOf } from '../chain/networks.ts';
import { type PriceFeedAnswer, readPriceFeed } from '../chain/price-feed.ts';
import type { Providers } from '../chain/providers.ts';
import { ownError, RpcRefusal } from '../chain/rpc-refusal.ts';
import type { Transactions } from '../chain/transactions.ts';
import { finalBlock } from '../chain/transactions-find.ts';
import { type Move, type MovesWanted, movesBetween } from './account-moves.ts';
import { encodeApprove, encodeTransfer, readBalance, readWord } from './erc20.ts';
import { movedTo, type ReceiptLog, receiptLogs, toldByBatch } from './logs.ts';
import { judgeTransfer, notMoved } from './outcome.ts';
import type { PayoutEvent } from './payout.ts';
import type { Recipient, RecipientFacts } from './plan-types.ts';
import { type BatchId, intentOf, type StoredBatch } from './store.ts';

/** An estimate is of now; on Arbitrum the part of L1 in it moves by the minute. */
const GAS_MARGIN = { numerator: 13n, denominator: 10n } as const;
/** Beyond what is used, the batch contract wants this to be there: contracts/Disperse.sol checkGas. */
const BATCH_GAS_SPARE = 160_000n;
/** What trying a recipient may use: what the batch contract gives, and the transfer itself. */
const TRY_GAS = 150_000n;

/** Everything that payouts do on chain; off chain there is none of it. */
export interface PayoutChain {
  readonly chainId: number;
  /** The account that pays, in lower case. */
  readonly account: Recipient;
  readonly transactions: Transactions;
  /** What the paying account has. Throws `rpc_unavailable`. */
  balance(token: Recipient | undefined): Promise<bigint>;
  /** The newest block that will not be undone; undefined: no node says. */
  finalBlock(): Promise<bigint | undefined>;
  /** What an account had that may be any of the pool's; without a block, what it has now. */
  balanceAt(
    account: Recipient,
    token: Recipient | undefined,
    block: bigint | undefined,
  ): Promise<bigint>;
  /** What moved money of accounts between two blocks. See account-moves.ts. */
  moves(wanted: MovesWanted): Promise<readonly Move[]>;
  gasPriceWei(): Promise<bigint>;
  /** What an address is, and whether it takes a payment now. */
  factsOf(to: Recipient, amount: bigint, token: Recipient | undefined): Promise<RecipientFacts>;
  /** The transaction that pays a batch, or why it cannot be made now. */
  intentOf(batch: StoredBatch): Promise<IntentOrNot>;
  /** What must be done before a batch of tokens: undefined, nothing. */
  allowanceIntent(batch: StoredBatch): Promise<Intent | undefined>;
  /** What became of each payout of a batch, by place; undefined: ask again later. */
  outcomes(batch: StoredBatch, entry: SettledEntry): Promise<readonly PayoutEvent[] | undefined>;
  /** Whether a contract at an address says that a signature of a hash is its own (EIP-1271). */
  isContractSignature(address: Recipient, digest: Hex, signature: Hex): Promise<boolean>;
  /** What a feed of prices on chain says now. Throws `price_feed_failed`, `rpc_unavailable`. */
  readFeed(address: Recipient): Promise<PriceFeedAnswer>;
}

type IntentOrNot =
  | { readonly ok: true; readonly intent: Intent }
  | {
      readonly ok: false;
      readonly reason: 'rejected_by_recipient' | 'refused_by_token' | 'batch_reverted';
    };

/** Payouts from one account through its journal. */
export function createPayoutChain(parts: {
  readonly providers: Providers;
  readonly transactions: Transactions;
}): PayoutChain {
  const { providers, transactions } = parts;
  const account = transactions.account.address.toLowerCase() as Recipient;
  const { chainId } = transactions.account;

  async function call(tx: object, block = 'latest'): Promise<Hex> {
    return providers.request<Hex>('eth_call', [tx, block]);
  }

  /** Undefined where it reverts. Throws what is not about the call itself. */
  async function tried(tx: object): Promise<Hex | undefined> {
    try {
      return await call(tx);
    } catch (error) {
      const own = ownError(error);
      if (own && failsItself(own)) return undefined;
      throw own ?? error;
    }
  }

  const balanceOf = async (of: Recipient, token: Recipient | undefined, block = 'latest') =>
    token
      ? readWord(await call({ to: token, data: readBalance(of) }, block))
      : BigInt(await providers.request<Hex>('eth_getBalance', [of, block]));

  async function factsOf(
    to: Recipient,
    amount: bigint,
    token: Recipient | undefined,
  ): Promise<RecipientFacts> {
    const [count, wei, code, held] = await Promise.all([
      providers.request<Hex>('eth_getTransactionCount', [to, 'latest']),
      providers.request<Hex>('eth_getBalance', [to, 'latest']),
      providers.request<Hex>('eth_getCode', [to, 'latest']),
      balanceOf(account, token),
    ]);
    const isNew = BigInt(count) === 0n && BigInt(wei) === 0n && code === '0x';
    if (held < amount) return { isNew, refuses: undefined };
    if (token) return { isNew, refuses: await tokenRefuses(token, to, amount) };
    if (code === '0x') return { isNew, refuses: undefined };
    const tx = { from: account, to, value: quantity(amount), gas: quantity(TRY_GAS) };
    const refuses =
      (await tried(tx)) === undefined ? ('rejected_by_recipient' as const) : undefined;
    return { isNew, refuses };
  }

  /** By its return data: nothing, or the word 1, is a yes. */
  async function tokenRefuses(
    token: Recipient,
    to: Recipient,
    amount: bigint,
  ): Promise<RecipientFacts['refuses']> {
    const answer = await tried({ from: account, to: token, data: encodeTransfer(to, amount) });
    if (answer === undefined) return 'refused_by_token';
    return answer === '0x' || readWord(answer) === 1n ? undefined : 'token_returned_false';
  }

  async function makeIntent(batch: StoredBatch): Promise<IntentOrNot> {
    const what = callOf(batch);
    const tx = { from: account, ...what, value: quantity(what.value) };
    try {
      const gas = BigInt(await providers.request<Hex>('eth_estimateGas', [tx]));
      const isBatch = batch.method.startsWith('disperse');
      const spare = isBatch ? BATCH_GAS_SPARE : 0n;
      const gasLimit = (gas * GAS_MARGIN.numerator) / GAS_MARGIN.denominator + spare;
      const id = intentOf(batch.id) as IntentId;
      // Gas of more than half of what is paid is not meant by anybody.
      const worthWei = what.value > 0n ? what.value : undefined;
      return { ok: true, intent: { id, ...what, gasLimit, worthWei } };
    } catch (error) {
      const own = ownError(error);
      if (!own || !failsItself(own)) throw own ?? error;
      return { ok: false, reason: revertOf(batch) };
    }
  }

  async function allowanceIntent(batch: StoredBatch): Promise<Intent | undefined> {
    if (batch.method !== 'disperse_erc20' || !batch.token) return undefined;
    const data = `0xdd62ed3e${word(account)}${word(DISPERSE)}` as const;
    const allowed = readWord(await call({ to: batch.token, data }));
    if (allowed >= totalOf(batch)) return undefined;
    // All of it: the contract spends nothing but what its caller sends it for.
    const approve = { to: batch.token, value: 0n, data: encodeApprove(DISPERSE, maxUint256) };
    const tx = { from: account, ...approve, value: '0x0' };
    const gas = BigInt(await providers.request<Hex>('eth_estimateGas', [tx]));
    const gasLimit = (gas * GAS_MARGIN.numerator) / GAS_MARGIN.denominator;
    return {
      id: `payout-allowance:${batch.id}` as IntentId,
      ...approve,
      gasLimit,
      worthWei: undefined,
    };
  }

  async function outcomes(
    batch: StoredBatch,
    entry: SettledEntry,
  ): Promise<readonly PayoutEvent[] | undefined> {
    const all = (event: PayoutEvent) => batch.payouts.map(() => event);
    if (entry.state === 'failed') {
      const reason = entry.reason === 'refused' ? 'refused_by_signer' : 'withdrawn';
      return all({ event: 'not_moved', reason });
    }
    const { hash, succeeded, block } = entry.inclusion;
    if (!succeeded) return all(notMoved(revertOf(batch), hash));
    if (batch.method === 'eth') return batch.payouts.map(({ amount }) => moved(hash, amount));
    const logs = await logsOf(providers, hash);
    if (!logs) return undefined;
    if (batch.method === 'erc20') return [await outcomeOfOne(batch, logs, { hash, block })];
    const told = toldByBatch(logs, {
      id: bytes32(batch.id),
      token: batch.token,
      from: account,
      shares: batch.payouts.map(({ recipient, amount }) => ({
        to: recipient as Recipient,
        amount,
      })),
    });
    if (!told) return all({ event: 'unproven', reference: hash });
    return batch.payouts.map(({ amount }, place) => {
      const one = told[place] as (typeof told)[number];
      if (batch.token) return judgeTransfer({ amount, ...one, payerKept: undefined }, hash);
      return one.said ? moved(hash, amount) : notMoved('rejected_by_recipient', hash);
    });
  }

  async function outcomeOfOne(
    { payouts, token }: StoredBatch,
    logs: readonly ReceiptLog[],
    { hash, block }: { readonly hash: Hex; readonly block: bigint },
  ): Promise<PayoutEvent> {
    const [payout] = payouts;
    if (!payout?.recipient || !token) return { event: 'unproven', reference: hash };
    const { amount, recipient } = payout;
    const seen = movedTo(logs, { token, from: account, to: recipient });
    const payerKept = seen > 0n ? undefined : await keptAt(token, block);
    return judgeTransfer({ amount, moved: seen, said: undefined, payerKept }, hash);
  }

  /** Undefined where the nodes do not have the state of that block any more. */
  async function keptAt(token: Recipient, block: bigint): Promise<boolean | undefined> {
    const tx = { to: token, data: readBalance(account) };
    try {
      const before = readWord(await call(tx, quantity(block - 1n)));
      return readWord(await call(tx, quantity(block))) === before;
    } catch {
      return undefined;
    }
  }

  return {
    chainId,
    account,
    transactions,
    readFeed: (address) => readPriceFeed(providers, address),
    balance: (token) => balanceOf(account, token),
    finalBlock: () => finalBlock(providers, networkOf(chainId).finality),
    balanceAt: (of, token, block) =>
      balanceOf(of, token, block === undefined ? 'latest' : quantity(block)),
    moves: (wanted) => movesBetween(providers, wanted),
    gasPriceWei: async () => BigInt(await providers.request<Hex>('eth_gasPrice', [])),
    factsOf,
    intentOf: makeIntent,
    allowanceIntent,
    outcomes,
    async isContractSignature(address, digest, signature) {
      const length = ((signature.length - 2) / 2).toString(16).padStart(64, '0');
      const padded = signature.slice(2).padEnd(Math.ceil((signature.length - 2) / 64) * 64, '0');
      const data = `0x1626ba7e${digest.slice(2)}${'40'.padStart(64, '0')}${length}${padded}`;
      const answer = await tried({ to: address, data, gas: quantity(1_000_000n) });
      return answer?.slice(0, 10) === '0x1626ba7e';
    },
  };
}

/** Any node would say so: the call reverts, or uses up whatever gas it is given. */
function failsItself(error: Error): boolean {
  if (!(error instanceof RpcRefusal)) return false;
  // geth, when no gas would do: gas required exceeds allowance.
  return error.isAboutTheCall || /gas required exceeds/i.test(error.message);
}

function moved(reference: string, received: bigint): PayoutEvent {
  return { event: 'moved', reference, received };
}

/** Whose doing it is that nothing of a batch happened. */
function revertOf({ method }: Pick<StoredBatch, 'method'>) {
  if (method === 'eth') return 'rejected_by_recipient';
  return method === 'erc20' ? 'refused_by_token' : 'batch_reverted';
}

/** The call that pays a batch. */
function callOf(batch: StoredBatch): {
  readonly to: Hex;
  readonly value: bigint;
  readonly data: Hex;
} {
  const shares = batch.payouts.map(({ recipient, amount }) => ({ to: recipient as Hex, amount }));
  const [first] = shares;
  const { token, method } = batch;
  if (!first) throw new RangeError('a batch pays somebody');
  switch (method) {
    case 'eth':
      return { to: first.to, value: first.amount, data: '0x' };
    case 'disperse_eth':
      return {
        to: DISPERSE,
        value: totalOf(batch),
        data: disperseEtherData(bytes32(batch.id), shares),
      };
    case 'erc20':
      return { to: token as Hex, value: 0n, data: encodeTransfer(first.to, first.amount) };
    case 'disperse_erc20':
      return {
        to: DISPERSE,
        value: 0n,
        data: disperseTokenData(bytes32(batch.id), token as Hex, shares),
      };
    case 'fiat':
      throw new RangeError('a file is no transaction');
  }
}

function totalOf({ payouts }: StoredBatch): bigint {
  return payouts.reduce((sum, { amount }) => sum + amount, 0n);
}

/** The UUID of a batch, as its events name it. */
function bytes32(id: BatchId): Hex {
  return `0x${id.replaceAll('-', '').padStart(64, '0')}`;
}

function quantity(value: bigint): Hex {
  return `0x${value.toString(16)}`;
}

function word(address: Hex): string {
  return address.slice(2).toLowerCase().padStart(64, '0');
}

/** The logs of a receipt, when all nodes that have it say the same; undefined otherwise. */
async function logsOf(providers: Providers, hash: Hex): Promise<readonly ReceiptLog[] | undefined> {
  const answers = await providers.requestAll<unknown>('eth_getTransactionReceipt', [hash]);
  const read = answers.flatMap((answer) => (answer.ok ? [logsIn(answer.value, hash)] : []));
  const texts = new Set(read.map((logs) => JSON.stringify(logs)));
  return texts.size === 1 ? read[0] : undefined;
}

function logsIn(value: unknown, hash: Hex): readonly ReceiptLog[] | undefined {
  const { transactionHash, status, logs } = (value ?? {}) as Record<string, unknown>;
  if (String(transactionHash).toLowerCase() !== hash || status !== '0x1') return undefined;
  return receiptLogs(logs);
}
