import { decodeFunctionResult, encodeFunctionData, type Hex, toHex } from 'viem';
import { hex } from '../base/bytes.ts';
import { TributaryError } from '../base/errors.ts';
import { type Wei, wei } from '../base/money.ts';
import { roundsManagerAbi } from '../chain/abi/rounds-manager.ts';
import { ticketBrokerAbi } from '../chain/abi/ticket-broker.ts';
import type { Finality } from '../chain/networks.ts';
import type { ProviderAnswer } from '../chain/providers.ts';
import { isFinalRevert } from '../payments/redemption.ts';
import type { StoredWinner } from '../payments/winners-store.ts';
import { type RawReceipt, redemptionCall, revertText } from './redeem-calls.ts';

/** What asks the nodes of the chain. */
export interface RedeemingProviders {
  readonly count: number;
  requestAll<T>(method: string, params: readonly unknown[]): Promise<readonly ProviderAnswer<T>[]>;
}

/** What TicketBroker has for a sender of tickets and the recipient of them. */
export interface SenderFunding {
  readonly deposit: Wei;
  readonly reserve: Wei;
  /** 0 also where the contract would not tell: the pool grew behind a claim. */
  readonly claimable: Wei;
  readonly withdrawRound: bigint;
}

/** A redemption tried without sending it. */
export type Trial = { readonly ok: true } | { readonly ok: false; readonly text: string };

/** A block by number, or the newest one. */
export type BlockAt = bigint | 'latest';

/** Nobody asks more of a node at once. */
const CALLS_MAX = 40;
/** What a call that reverts says when it says nothing. */
export const SILENT_REVERT = 'execution reverted';

/**
 * What redemption asks of the chain: all providers, since no single one may cost a ticket. Of funds
 * the lower middle one of what they say counts; a redemption that one of them would let pass is worth
 * sending; and what cannot be taken back is decided only by what most of them answer and none of
 * those denies.
 *
 * Throws TributaryError `rpc_unavailable` when too few answer, or they do not agree where they must.
 */
export function redeemingChain(parts: {
  readonly providers: RedeemingProviders;
  readonly contracts: { readonly ticketBroker: Hex; readonly roundsManager: Hex };
  readonly finality: Finality;
  /** Who sends redemptions. */
  readonly redeemer: Hex;
}) {
  const { providers, finality, redeemer } = parts;
  const { ticketBroker, roundsManager } = parts.contracts;
  const inLine = limitedTo(CALLS_MAX);

  function ask<T>(method: string, params: readonly unknown[]) {
    return inLine(() => providers.requestAll<T>(method, params));
  }

  /** What each one that knows that block says: what the call returns, or why it reverts. */
  async function call(to: Hex, data: Hex, at: BlockAt): Promise<readonly Said[]> {
    const request = [{ from: redeemer, to, data }, tagOf(at)];
    const answers = await ask<Hex>('eth_call', request);
    const said = answers.flatMap((answer): Said[] => {
      if (answer.ok) return isHex(answer.value) ? [{ ok: true, data: answer.value }] : [];
      const text = answer.reason === 'refused' ? revertOf(answer.refusal) : undefined;
      return text === undefined ? [] : [{ ok: false, text }];
    });
    if (said.length === 0) throw noAnswer();
    return said;
  }

  /** For what cannot be taken back. */
  function agreed<T>(said: readonly T[]): T {
    const [first] = said;
    if (first === undefined || said.length * 2 <= providers.count) throw noAnswer();
    const facts = JSON.stringify(first).toLowerCase();
    if (said.every((one) => JSON.stringify(one).toLowerCase() === facts)) return first;
    throw new TributaryError('rpc_unavailable', 'RPC providers do not agree on a redemption.');
  }

  const agreedCall = async (to: Hex, data: Hex, at: bigint) => agreed(await call(to, data, at));

  return {
    /** What the sender of a ticket has for its recipient, as of now. */
    async funding(ticket: Parties): Promise<SenderFunding> {
      const [infos, shares] = await Promise.all([
        call(ticketBroker, encodeFunctionData(senderInfo(ticket)), 'latest'),
        call(ticketBroker, encodeFunctionData(claimableReserve(ticket)), 'latest'),
      ]);
      const known = infos.flatMap((said) =>
        said.ok ? readable(() => fundsIn(said.data, ticket)) : [],
      );
      return {
        deposit: wei(lowerMiddle(known.map(({ deposit }) => deposit))),
        reserve: wei(lowerMiddle(known.map(({ reserve }) => reserve))),
        withdrawRound: lowerMiddle(known.map(({ withdrawRound }) => withdrawRound)),
        claimable: wei(
          lowerMiddle(shares.flatMap((said) => readable(() => shareIn(said, ticket)))),
        ),
      };
    },

    /** The same where it will not change any more. */
    async finalFunding(ticket: Parties, at: bigint): Promise<SenderFunding> {
      const [info, share] = await Promise.all([
        agreedCall(ticketBroker, encodeFunctionData(senderInfo(ticket)), at),
        agreedCall(ticketBroker, encodeFunctionData(claimableReserve(ticket)), at),
      ]);
      if (!info.ok) throw noAnswer();
      const funds = fundsIn(info.data, ticket);
      return { ...funds, claimable: wei(shareIn(share, ticket)) };
    },

    /** Whether the contract has marked a ticket as used. */
    async isUsed(id: string, at: bigint): Promise<boolean> {
      const asked = usedTickets(`0x${id}`);
      const said = await agreedCall(ticketBroker, encodeFunctionData(asked), at);
      if (!said.ok) throw noAnswer();
      return decodeFunctionResult({ ...asked, data: said.data });
    },

    /** Protocol: RoundsManager.currentRound. */
    async currentRound(at: bigint): Promise<bigint> {
      const asked = { abi: roundsManagerAbi, functionName: 'currentRound' } as const;
      const said = await agreedCall(roundsManager, encodeFunctionData(asked), at);
      if (!said.ok) throw noAnswer();
      return decodeFunctionResult({ ...asked, data: said.data });
    },

    /**
     * Whether a ticket, alone, would be redeemed by the word of any provider, and if not, in which
     * words it is refused: the ones that leave most hope.
     */
    async tryOut(winner: StoredWinner, at: BlockAt): Promise<Trial> {
      const said = await call(ticketBroker, redemptionCall([winner]), at);
      const texts = said.flatMap((one) => (one.ok ? [] : [one.text]));
      if (texts.length < said.length) return { ok: true };
      const text = texts.find((one) => !isFinalRevert(one)) ?? texts[0] ?? SILENT_REVERT;
      return { ok: false, text };
    },

    /** What the providers say of a transaction; undefined while it is in no block. */
    async receipt(hash: Hex): Promise<RawReceipt | undefined> {
      const answers = await ask<RawReceipt | null>('eth_getTransactionReceipt', [hash]);
      const found = agreed(
        answers.flatMap((one) => (one.ok ? readable(() => receiptFacts(one.value)) : [])),
      );
      return found === 'none' ? undefined : found;
    },

    /** The newest block that will not be undone. */
    async finalBlock(): Promise<bigint> {
      const tag = 'tag' in finality ? finality.tag : 'latest';
      const depth = 'depth' in finality ? BigInt(finality.depth) : 0n;
      const answers = await ask<{ readonly number?: unknown } | null>('eth_getBlockByNumber', [
        tag,
        false,
      ]);
      const numbers = answers.flatMap((answer) => {
        const number = answer.ok ? answer.value?.number : undefined;
        const sound = typeof number === 'string' && /^0x[0-9a-f]{1,13}$/i.test(number);
        return sound ? [BigInt(number)] : [];
      });
      const number = lowerMiddle(numbers);
      return number > depth ? number - depth : 0n;
    },
  };
}

/** See {@link redeemingChain}. */
export type RedeemingChain = ReturnType<typeof redeemingChain>;

/** Who pays and who is paid; 20 bytes each. */
type Parties = { readonly sender: Uint8Array; readonly recipient: Uint8Array };

type Said =
  | { readonly ok: true; readonly data: Hex }
  | { readonly ok: false; readonly text: string };

const senderInfo = ({ sender }: Parties) =>
  ({ abi: ticketBrokerAbi, functionName: 'getSenderInfo', args: [hexOf(sender)] }) as const;
const claimableReserve = ({ sender, recipient }: Parties) =>
  ({
    abi: ticketBrokerAbi,
    functionName: 'claimableReserve',
    args: [hexOf(sender), hexOf(recipient)],
  }) as const;
const usedTickets = (hash: Hex) =>
  ({ abi: ticketBrokerAbi, functionName: 'usedTickets', args: [hash] }) as const;

function fundsIn(data: Hex, ticket: Parties): Omit<SenderFunding, 'claimable'> {
  const [sender, reserve] = decodeFunctionResult({ ...senderInfo(ticket), data });
  const { deposit, withdrawRound } = sender;
  return { deposit: wei(deposit), reserve: wei(reserve.fundsRemaining), withdrawRound };
}

/** Nothing where the contract would not tell: the pool grew behind a claim. */
function shareIn(said: Said, ticket: Parties): bigint {
  return said.ok ? decodeFunctionResult({ ...claimableReserve(ticket), data: said.data }) : 0n;
}

/** What receipts must have in common: place, outcome and events. */
function receiptFacts(receipt: RawReceipt | null): RawReceipt | 'none' {
  if (!receipt) return 'none';
  const { transactionHash, blockHash, blockNumber, status } = receipt;
  const logs = receipt.logs.map(({ address, topics, data }) => ({ address, topics, data }));
  if (![transactionHash, blockHash, blockNumber, status].every(isHex)) throw noAnswer();
  return { transactionHash, blockHash, blockNumber, status, logs };
}

function isHex(value: unknown): value is Hex {
  return typeof value === 'string' && /^0x[0-9a-fA-F]*$/.test(value);
}

/** What makes no sense was not said: no provider may break what others answer well. */
function readable<T>(read: () => T): readonly T[] {
  try {
    return [read()];
  } catch {
    return [];
  }
}

function lowerMiddle(values: readonly bigint[]): bigint {
  const sorted = values.toSorted(order);
  const middle = sorted[(sorted.length - 1) >> 1];
  if (middle === undefined) throw noAnswer();
  return middle;
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The text of a revert; undefined when it is another failure. */
function revertOf(error: unknown): string | undefined {
  if (!(error instanceof TributaryError) || error.code !== 'rpc_refused') return undefined;
  const { data, message, rpcCode } = error as TributaryError & {
    readonly data?: unknown;
    readonly rpcCode?: number;
  };
  const text = revertText(data);
  if (text !== undefined) return text;
  if (rpcCode === 3 || /revert|out of gas/i.test(message)) return message || SILENT_REVERT;
  return undefined;
}

function noAnswer(): TributaryError {
  return new TributaryError('rpc_unavailable', 'Too few RPC providers answer.');
}

function tagOf(at: BlockAt): string {
  return at === 'latest' ? at : toHex(at);
}

function hexOf(bytes: Uint8Array): Hex {
  return `0x${hex(bytes)}`;
}

/** Runs so many at once, the others in the order in which they came. */
function limitedTo(most: number): <T>(run: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (run) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
