import { randomBytes } from 'node:crypto';
import type { Hex } from 'viem';
import { parseHex } from '../../src/base/bytes.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { type Log, quiet } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { wei } from '../../src/base/money.ts';
import { ticketBrokerAbi } from '../../src/chain/abi/ticket-broker.ts';
import { resolveContracts } from '../../src/chain/contracts.ts';
import type { Finality } from '../../src/chain/networks.ts';
import { openProviders, type Providers } from '../../src/chain/providers.ts';
import { signTransaction } from '../../src/chain/sign-transaction.ts';
import { openTransactions } from '../../src/chain/transactions.ts';
import type { TransactionSigner } from '../../src/chain/transactions-sign.ts';
import { openChainWatch } from '../../src/chain/watch.ts';
import type { Database } from '../../src/database/database.ts';
import { type RedeemingRules, startRedeeming } from '../../src/duties/redeem.ts';
import { noteRedeemed } from '../../src/duties/redeem-seen.ts';
import type { Winner } from '../../src/payments/process-payment.ts';
import {
  packTicket,
  recipientRandHash,
  ticketHash,
  WIN_PROB_MAX,
} from '../../src/payments/ticket.ts';
import { insertWinners } from '../../src/payments/winners-store.ts';
import { signMessage } from '../../src/protocol/signature.ts';
import type { AccountName, Protocol } from './protocol.ts';

/** A hundredth of an ETH: gas for one redemption is about a thirtieth of it. */
export const FACE = 10n ** 16n;
const POLL_MS = 30;

/**
 * Where a process is killed: after it has done this, or (`marking`) while it does; `told`: it saw a
 * redemption on chain and has not stored that.
 */
export type StopAt =
  | 'won'
  | 'claimed'
  | 'signed'
  | 'stored'
  | 'broadcast'
  | 'marking'
  | 'marked'
  | 'told';

/** What a test may have otherwise than a node has. */
export interface NodeOptions {
  readonly database: Database;
  /** Which account pays the gas. */
  readonly account?: AccountName;
  readonly rules?: Partial<RedeemingRules>;
  readonly finality?: Finality;
  readonly follower?: string;
  readonly urls?: readonly string[];
  readonly wrap?: (providers: Providers) => Providers;
  /** For redeeming alone; watching and sending have lies of their own to stand. */
  readonly wrapRedeeming?: (providers: Providers) => Providers;
  readonly wrapSigner?: (signing: TransactionSigner) => TransactionSigner;
  readonly log?: Log;
  /** Of redeeming alone. */
  readonly clock?: Clock;
}

/** A node that redeems on this chain, with everything of a real one but the signer's process. */
export type RedeemingNode = Awaited<ReturnType<typeof startNode>>;

/**
 * See {@link RedeemingNode}. Its account needs no name on the chain.
 */
export async function startNode(
  chain: { readonly url: string; readonly controller: Hex; readonly recipient: Hex },
  key: Hex,
  address: Hex,
  options: NodeOptions,
) {
  const { database, finality = { depth: 0 }, log = quiet } = options;
  const clock = systemClock;
  const metrics = createMetrics();
  const urls = options.urls ?? [chain.url];
  const opened = await openProviders({ urls, clock, log, metrics });
  const providers = options.wrap?.(opened) ?? opened;
  const contracts = await resolveContracts(providers, chain.controller);
  const bytes = parseHex(key) ?? new Uint8Array();
  const plain: TransactionSigner = {
    signTransaction: async (_, tx) => ({ ok: true, ...signTransaction(bytes, tx) }),
  };
  const transactions = await openTransactions({
    ...{ database, providers, clock, log, metrics, finality },
    signing: options.wrapSigner?.(plain) ?? plain,
    account: { chainId: providers.chainId, address: address.toLowerCase() as Hex },
    rules: { resendMs: 600, replaceAfterMs: 300, retryMs: 30 },
    pollMs: POLL_MS,
  });
  const watch = await openChainWatch({
    ...{ database, providers, contracts, clock, log, metrics },
    recipient: chain.recipient,
    pollMs: POLL_MS,
    arbitrum: false,
    follower: options.follower ?? 'pool',
    redeemed: noteRedeemed(database),
  });
  const redeeming = startRedeeming({
    ...{ database, contracts, clock, log, metrics, watch, transactions, finality },
    providers: options.wrapRedeeming?.(providers) ?? providers,
    ...(options.clock ? { clock: options.clock } : {}),
    rules: { redeemGas: 350_000n, batchedGas: 250_000n, ...options.rules },
  });
  return {
    ...{ providers, contracts, transactions, watch, redeeming, metrics },
    async [Symbol.asyncDispose]() {
      await redeeming.close();
      await watch.close();
      await transactions.close();
      await opened.close();
    },
  };
}

/** Node, winners and books of one test file's chain. */
export function redemptions(protocol: Protocol) {
  let nonce = 0;
  const keyOf = (name: AccountName) => {
    const found = protocol.devnet.accounts.find((account) => account.name === name);
    if (!found) throw new Error(`no account ${name}`);
    return found;
  };
  const bytesOf = (text: Hex) => parseHex(text) ?? new Uint8Array();
  const broker = (fn: string, ...args: readonly unknown[]) =>
    protocol.read({ contract: 'TicketBroker', fn, args });

  return {
    startNode(options: NodeOptions) {
      const { privateKey, address } = keyOf(options.account ?? 'redeemer');
      const { url, addresses } = protocol.devnet;
      const chain = {
        url,
        controller: addresses.Controller,
        recipient: protocol.of('orchestrator'),
      };
      return startNode(chain, privateKey, address, options);
    },

    /** A ticket of this round that wins, made by the rules of payments and signed by its sender. */
    async winner(
      change: {
        readonly from?: AccountName;
        readonly faceValue?: bigint;
        readonly expirationBlock?: bigint;
        readonly creationRoundBlockHash?: Uint8Array;
        readonly badSignature?: boolean;
      } = {},
    ): Promise<Winner & { readonly id: string }> {
      const round = (await protocol.read({
        contract: 'RoundsManager',
        fn: 'lastInitializedRound',
      })) as bigint;
      const hash = (await protocol.read({
        contract: 'RoundsManager',
        fn: 'blockHashForRound',
        args: [round],
      })) as Hex;
      const { from = 'gateway', faceValue = FACE, expirationBlock = 0n } = change;
      const recipientRand = randomBytes(32);
      nonce += 1;
      const ticket = {
        recipient: bytesOf(protocol.of('orchestrator')),
        sender: bytesOf(protocol.of(from)),
        faceValue: wei(faceValue),
        winProb: WIN_PROB_MAX,
        nonce,
        recipientRandHash: recipientRandHash(recipientRand),
        creationRound: round,
        creationRoundBlockHash: change.creationRoundBlockHash ?? bytesOf(hash),
      };
      const signer = keyOf(change.badSignature ? 'deployer' : from);
      const sig = signMessage(bytesOf(signer.privateKey), packTicket(ticket));
      const id = Buffer.from(ticketHash(ticket)).toString('hex');
      return { ticket, sig, recipientRand, expirationBlock, id };
    },

    store: (database: Database, ...winners: readonly Winner[]) =>
      database.transact((tx) => insertWinners(tx, winners)),

    isUsed: (id: string) => broker('usedTickets', `0x${id}`) as Promise<boolean>,

    async deposit(from: AccountName = 'gateway'): Promise<bigint> {
      const [sender] = (await broker('getSenderInfo', protocol.of(from))) as [{ deposit: bigint }];
      return sender.deposit;
    },

    async fees(): Promise<bigint> {
      const args = [protocol.of('orchestrator'), 0n];
      const fees = await protocol.read({ contract: 'BondingManager', fn: 'pendingFees', args });
      return fees as bigint;
    },

    /** Redeems it as anybody may, from another account. */
    redeemBy(account: AccountName, { ticket, sig, recipientRand }: Winner) {
      const hex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`;
      const auxData: Hex = `0x${ticket.creationRound.toString(16).padStart(64, '0')}${Buffer.from(ticket.creationRoundBlockHash).toString('hex')}`;
      const args = [
        {
          recipient: hex(ticket.recipient),
          sender: hex(ticket.sender),
          faceValue: ticket.faceValue,
          winProb: ticket.winProb,
          senderNonce: BigInt(ticket.nonce),
          recipientRandHash: hex(ticket.recipientRandHash),
          auxData,
        },
        hex(sig),
        BigInt(hex(recipientRand)),
      ];
      return protocol.send(account, { contract: 'TicketBroker', fn: 'redeemWinningTicket', args });
    },

    /** How often the chain paid a ticket. */
    async timesPaid({ ticket, recipientRand }: Winner): Promise<number> {
      const events = await protocol.reader.getContractEvents({
        address: protocol.devnet.addresses.TicketBroker,
        abi: ticketBrokerAbi,
        eventName: 'WinningTicketRedeemed',
        args: { sender: protocol.of('gateway') },
        fromBlock: 0n,
      });
      const rand = BigInt(`0x${Buffer.from(recipientRand).toString('hex')}`);
      return events.filter(
        ({ args }) =>
          args.recipientRand === rand &&
          args.senderNonce === BigInt(ticket.nonce) &&
          args.faceValue === ticket.faceValue,
      ).length;
    },
  };
}
