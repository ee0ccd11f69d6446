import { decodeErrorResult, encodeFunctionData, type Hex, parseAbi, parseEventLogs } from 'viem';
import { hex, parseHex } from '../base/bytes.ts';
import { keccak256 } from '../base/keccak.ts';
import { type Wei, wei } from '../base/money.ts';
import { ticketBrokerAbi } from '../chain/abi/ticket-broker.ts';
import { word } from '../payments/big-endian.ts';
import { auxData } from '../payments/ticket.ts';
import type { StoredWinner } from '../payments/winners-store.ts';

/** What a node says of a transaction in a block, as far as redemption reads it. */
export interface RawReceipt {
  readonly transactionHash: Hex;
  readonly blockHash: Hex;
  readonly blockNumber: Hex;
  readonly status: Hex;
  readonly logs: readonly RawLog[];
}

/** One event of it. */
export interface RawLog {
  readonly address: Hex;
  readonly topics: readonly Hex[];
  readonly data: Hex;
}

/** Every revert of the contracts is one of these. */
const revertAbi = parseAbi(['error Error(string text)', 'error Panic(uint256 code)']);
/** Texts of the contracts are shorter; a node may say anything. */
const TEXT_CHARACTERS_MAX = 200;

/**
 * The call that redeems these tickets: of one alone the plain one, whose revert says why. Protocol:
 * TicketBroker.redeemWinningTicket, batchRedeemWinningTickets.
 */
export function redemptionCall(winners: readonly StoredWinner[]): Hex {
  const [only] = winners;
  if (only && winners.length === 1) {
    return encodeFunctionData({
      abi: ticketBrokerAbi,
      functionName: 'redeemWinningTicket',
      args: [ticketOf(only), hexOf(only.sig), BigInt(hexOf(only.recipientRand))],
    });
  }
  return encodeFunctionData({
    abi: ticketBrokerAbi,
    functionName: 'batchRedeemWinningTickets',
    args: [
      winners.map(ticketOf),
      winners.map(({ sig }) => hexOf(sig)),
      winners.map(({ recipientRand }) => BigInt(hexOf(recipientRand))),
    ],
  });
}

/**
 * The wei that a transaction paid for each ticket that it used up, by ticket id. The events of a
 * ticket come in order: what was transferred, if anything, and then the ticket itself. Protocol:
 * MixinTicketBrokerCore.redeemWinningTicket.
 */
export function paymentsIn(receipt: RawReceipt, ticketBroker: Hex): ReadonlyMap<string, Wei> {
  const ours = receipt.logs.filter(
    ({ address }) => address.toLowerCase() === ticketBroker.toLowerCase(),
  );
  const events = parseEventLogs({ abi: ticketBrokerAbi, logs: ours as never, strict: true });
  const paid = new Map<string, Wei>();
  let transferred = 0n;
  for (const { eventName, args } of events) {
    if (eventName === 'WinningTicketTransfer') transferred += args.amount;
    if (eventName !== 'WinningTicketRedeemed') continue;
    paid.set(idOf(args), wei(transferred));
    transferred = 0n;
  }
  return paid;
}

/** Why a call reverted, from what the node gave as its data; undefined when that says nothing. */
export function revertText(data: unknown): string | undefined {
  if (typeof data !== 'string' || !/^0x[0-9a-fA-F]{8,}$/.test(data)) return undefined;
  try {
    const { errorName, args } = decodeErrorResult({ abi: revertAbi, data: data as Hex });
    const text = errorName === 'Panic' ? `Panic ${args[0]}` : String(args[0]);
    return text.slice(0, TEXT_CHARACTERS_MAX);
  } catch {
    return undefined;
  }
}

/** A ticket as the contract takes it. */
function ticketOf({ ticket }: StoredWinner) {
  return {
    recipient: hexOf(ticket.recipient),
    sender: hexOf(ticket.sender),
    faceValue: ticket.faceValue,
    winProb: ticket.winProb,
    senderNonce: BigInt(ticket.nonce),
    recipientRandHash: hexOf(ticket.recipientRandHash),
    auxData: hexOf(auxData(ticket)),
  };
}

/** The ticket's hash out of its event, which tells everything but the hash of the number. */
function idOf(event: {
  readonly recipient: Hex;
  readonly sender: Hex;
  readonly faceValue: bigint;
  readonly winProb: bigint;
  readonly senderNonce: bigint;
  readonly recipientRand: bigint;
  readonly auxData: Hex;
}): string {
  const rand = word(event.recipientRand);
  const packed = Buffer.concat([
    bytesOf(event.recipient),
    bytesOf(event.sender),
    word(event.faceValue),
    word(event.winProb),
    word(event.senderNonce),
    keccak256(rand),
    bytesOf(event.auxData),
  ]);
  return hex(keccak256(packed));
}

function hexOf(bytes: Uint8Array): Hex {
  return `0x${hex(bytes)}`;
}

function bytesOf(text: Hex): Uint8Array {
  const bytes = parseHex(text);
  if (!bytes) throw new RangeError('not hex');
  return bytes;
}
