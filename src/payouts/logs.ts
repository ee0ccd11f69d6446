import { decodeEventLog, type Hex, parseAbi } from 'viem';
import { disperseAbi } from '../chain/abi/disperse.ts';
import { DISPERSE } from '../chain/disperse.ts';
import { field, quantity } from '../chain/transactions-look.ts';
import type { Recipient } from './plan-types.ts';

const transferAbi = parseAbi([
  'event Transfer(address indexed from, address indexed to, uint256 value)',
]);

/** One log of a receipt, in lower case. */
export interface ReceiptLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
}

/** The logs of a receipt as a node says them; undefined when that is no list. */
export function receiptLogs(value: unknown): readonly ReceiptLog[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.map((log: Record<string, unknown>) => ({
    address: String(log.address).toLowerCase(),
    topics: Array.isArray(log.topics) ? log.topics.map((topic) => String(topic).toLowerCase()) : [],
    data: String(log.data).toLowerCase(),
  }));
}

/** Wei that a transaction cost, by its receipt; undefined: it says none. */
export function gasIn(receipt: unknown): bigint | undefined {
  const [gas, price] = ['gasUsed', 'effectiveGasPrice'].map((name) =>
    quantity(field(receipt, name)),
  );
  return gas === undefined || price === undefined ? undefined : gas * price;
}

/** What the logs of a batch say of one recipient. */
export interface Told {
  readonly moved: bigint;
  /** Undefined: no contract of ours was there. */
  readonly said: boolean | undefined;
}

/** What the Transfer events of a token say that an account paid to another one. */
export function movedTo(
  logs: readonly ReceiptLog[],
  who: { readonly token: Recipient; readonly from: Recipient; readonly to: Recipient },
): bigint {
  return logs.reduce((sum, log) => {
    const transfer = log.address === who.token ? transferIn(log) : undefined;
    const ours = transfer && transfer.from === who.from && transfer.to === who.to;
    return ours ? sum + transfer.value : sum;
  }, 0n);
}

/**
 * What a batch says of each of its recipients, by place. Its events come in the order of the
 * recipients, each after the transfers that belong to it. Undefined: some recipient has no event.
 */
export function toldByBatch(
  logs: readonly ReceiptLog[],
  batch: {
    readonly id: Hex;
    readonly token: Recipient | undefined;
    readonly from: Recipient;
    readonly shares: readonly { readonly to: Recipient; readonly amount: bigint }[];
  },
): readonly Told[] | undefined {
  const told: Told[] = [];
  let since: ReceiptLog[] = [];
  for (const log of logs) {
    const result = log.address === DISPERSE.toLowerCase() ? resultIn(log, batch) : undefined;
    if (!result) {
      since.push(log);
      continue;
    }
    const share = batch.shares[told.length];
    if (!share || result.index !== BigInt(told.length)) return undefined;
    if (result.recipient !== share.to || result.amount !== share.amount) return undefined;
    const { token, from } = batch;
    const moved = token ? movedTo(since, { token, from, to: share.to }) : 0n;
    told.push({ moved: token ? moved : result.paid ? share.amount : 0n, said: result.paid });
    since = [];
  }
  return told.length === batch.shares.length ? told : undefined;
}

/** A Transfer event, with addresses in lower case; undefined for any other. */
export function transferIn({
  topics,
  data,
}: ReceiptLog):
  | { readonly from: Recipient; readonly to: Recipient; readonly value: bigint }
  | undefined {
  try {
    const { args } = decodeEventLog({
      abi: transferAbi,
      topics: topics as [Hex, ...Hex[]],
      data: data as Hex,
    });
    const { from, to, value } = args;
    return { from: from.toLowerCase() as Recipient, to: to.toLowerCase() as Recipient, value };
  } catch {
    return undefined; // some other event of the token
  }
}

/** Named by its payer, too: a recipient may call the contract with the same batch. */
function resultIn(
  { topics, data }: ReceiptLog,
  { id, from }: { readonly id: Hex; readonly from: Recipient },
) {
  try {
    const { args } = decodeEventLog({
      abi: disperseAbi,
      topics: topics as [Hex, ...Hex[]],
      data: data as Hex,
    });
    const { payer, batch, index, recipient, amount, paid } = args;
    if (batch.toLowerCase() !== id || payer.toLowerCase() !== from) return undefined;
    return { index, recipient: recipient.toLowerCase(), amount, paid };
  } catch {
    return undefined;
  }
}
