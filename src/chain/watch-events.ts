import { decodeEventLog, encodeEventTopics, type Hex } from 'viem';
import { parseHex } from '../base/bytes.ts';
import { ticketBrokerAbi } from './abi/ticket-broker.ts';
import type { Redeemed } from './view.ts';
import { hashOf, quantity } from './watch-blocks.ts';

/** Everything after which a sender's funds are others; each has the sender as first topic. */
const FUNDS = [
  'DepositFunded',
  'ReserveFunded',
  'ReserveClaimed',
  'Withdrawal',
  'WinningTicketTransfer',
  'WinningTicketRedeemed',
  'Unlock',
  'UnlockCancelled',
] as const;

/** The first topics to ask nodes for. Protocol: TicketBroker. */
export const watchedTopics: readonly Hex[] = FUNDS.map(
  (eventName) => encodeEventTopics({ abi: ticketBrokerAbi, eventName })[0] as Hex,
);
const [REDEEMED] = encodeEventTopics({ abi: ticketBrokerAbi, eventName: 'WinningTicketRedeemed' });

/** An event of TicketBroker. */
export interface BrokerEvent {
  readonly block: bigint;
  readonly blockHash: Hex;
  /** Its place in the block. */
  readonly index: number;
  readonly transaction: Hex;
  readonly topics: readonly Hex[];
  readonly data: Hex;
}

/** An event as nodes send it. */
export interface RawLog {
  readonly address?: string;
  readonly blockNumber?: string | null;
  readonly blockHash?: string | null;
  readonly logIndex?: string | null;
  readonly transactionHash?: string | null;
  readonly topics?: readonly string[];
  readonly data?: string;
  readonly removed?: boolean;
}

/**
 * Reads what a node sent for a range; undefined when one of them is nothing that was asked for: such
 * a node is not believed at all.
 */
export function readLogs(
  logs: readonly RawLog[],
  asked: { readonly address: Hex; readonly from: bigint; readonly to: bigint },
): readonly BrokerEvent[] | undefined {
  if (!Array.isArray(logs)) return undefined;
  const events: BrokerEvent[] = [];
  for (const log of logs) {
    if (log.removed) continue;
    const event = readLog(log);
    if (!event || log.address?.toLowerCase() !== asked.address.toLowerCase()) return undefined;
    if (event.block < asked.from || event.block > asked.to) return undefined;
    if (!watchedTopics.includes(event.topics[0] as Hex) || senderOf(event) === '') return undefined;
    events.push(event);
  }
  return events.sort(inOrder);
}

function readLog(log: RawLog): BrokerEvent | undefined {
  const block = quantity(log.blockNumber);
  const blockHash = hashOf(log.blockHash);
  const index = quantity(log.logIndex);
  const transaction = hashOf(log.transactionHash);
  const { topics = [], data = '0x' } = log;
  if (block === undefined || !blockHash || index === undefined || !transaction) return undefined;
  if (!topics.every((topic) => /^0x[0-9a-fA-F]{64}$/.test(topic))) return undefined;
  if (!parseHex(data)) return undefined;
  return {
    block,
    blockHash,
    index: Number(index),
    transaction,
    topics: topics.map((topic) => topic.toLowerCase() as Hex),
    data: data as Hex,
  };
}

/** Whose funds it is about: 40 lower-case hex digits. */
export function senderOf({ topics }: BrokerEvent): string {
  return topics[1]?.slice(-40) ?? '';
}

/** What subscribers are told of it; undefined for other events. */
export function redeemedBy(event: BrokerEvent, removed: boolean): Redeemed | undefined {
  if (event.topics[0] !== REDEEMED) return undefined;
  try {
    const { args } = decodeEventLog({
      abi: ticketBrokerAbi,
      eventName: 'WinningTicketRedeemed',
      topics: event.topics as [Hex, ...Hex[]],
      data: event.data,
    });
    return {
      ticketSender: bytes(args.sender),
      recipient: bytes(args.recipient),
      faceValue: args.faceValue,
      winProb: args.winProb,
      senderNonce: args.senderNonce,
      recipientRand: args.recipientRand,
      block: event.block,
      transaction: event.transaction,
      removed,
    };
  } catch {
    // Not as the contract writes it: a node made it up.
    return undefined;
  }
}

/** The same event, in the same block. */
export function eventKey({ blockHash, index, transaction }: BrokerEvent): string {
  return `${blockHash} ${index} ${transaction}`;
}

/** What of a range is new, and what of it is no longer so. */
export interface EventChange {
  /** In the order of the chain. */
  readonly added: readonly BrokerEvent[];
  /** The newest first: they are undone backwards. */
  readonly removed: readonly BrokerEvent[];
}

/**
 * Compares events known before with those of a range. What is missing is undone only from the block
 * on where the chain is another: before it a node forgot it, or indexes late.
 */
export function changeOf(
  known: readonly BrokerEvent[],
  fetched: readonly BrokerEvent[],
  undoneFrom: bigint,
): EventChange {
  const before = new Set(known.map(eventKey));
  const now = new Set(fetched.map(eventKey));
  const gone = (event: BrokerEvent) => event.block >= undoneFrom && !now.has(eventKey(event));
  return {
    added: fetched.filter((event) => !before.has(eventKey(event))).sort(inOrder),
    removed: known.filter(gone).sort((a, b) => inOrder(b, a)),
  };
}

/** What several nodes say of one range. */
export interface EventAnswers {
  /** Anything that any of them says: worth looking at. */
  readonly all: readonly BrokerEvent[];
  /** What every one of them says. */
  readonly agreed: readonly BrokerEvent[];
  readonly differ: boolean;
}

/** Puts the answers of several nodes together. */
export function mergeEvents(answers: readonly (readonly BrokerEvent[])[]): EventAnswers {
  const all = new Map<string, { event: BrokerEvent; count: number }>();
  for (const event of answers.flat()) {
    const key = eventKey(event);
    const seen = all.get(key);
    if (seen) seen.count += 1;
    else all.set(key, { event, count: 1 });
  }
  const entries = [...all.values()];
  const agreed = entries.filter(({ count }) => count === answers.length);
  return {
    all: entries.map(({ event }) => event).sort(inOrder),
    agreed: agreed.map(({ event }) => event).sort(inOrder),
    differ: agreed.length !== entries.length,
  };
}

function inOrder(a: BrokerEvent, b: BrokerEvent): number {
  if (a.block !== b.block) return a.block < b.block ? -1 : 1;
  return a.index - b.index;
}

function bytes(address: Hex): Uint8Array {
  return parseHex(address) ?? new Uint8Array(0);
}
