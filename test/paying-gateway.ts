import type { OutgoingHttpHeaders } from 'node:http2';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Address, getAddress, type Hex, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { hex } from '../src/base/bytes.ts';
import { ticketBrokerAbi } from '../src/chain/abi/ticket-broker.ts';
import { devnetClients } from '../src/chain/devnet.ts';
import { type Rational, rational } from '../src/payments/rational.ts';
import { expectedValue, packTicket } from '../src/payments/ticket.ts';
import { readTicketParams } from '../src/payments/ticket-params.ts';
import { bitsOf } from '../src/protocol/capabilities.ts';
import {
  type OrchestratorInfo,
  OrchestratorInfoSchema,
  OrchestratorRequestSchema,
  PaymentResultSchema,
} from '../src/protocol/gen/lp_rpc_pb.ts';
import { encodePayment, type Payment } from '../src/protocol/payment.ts';
import { encodeSegment, flatten, type Segment } from '../src/protocol/segment.ts';
import { keySigner, orchestratorRequestMessage } from '../src/protocol/signature.ts';
import { decodeTranscodeResult, type TranscodeResult } from '../src/protocol/transcode-result.ts';
import type { Cleanup } from './start-pool.ts';
import { type RpcReply, type StockGateway, segmentOf, startStockGateway } from './stock-gateway.ts';
import { framed } from './stock-transcoder.ts';

/** Where the gateway's money is. */
export interface PayingChain {
  readonly url: string;
  readonly addresses: { readonly TicketBroker: Address };
}

/** How a payment is made; whatever is left out is as a stock gateway does it. */
export interface PaymentChanges {
  /** Tickets; default 1. Their numbers go on from the last of the same parameters. */
  readonly tickets?: number;
  /** The numbers themselves. */
  readonly nonces?: readonly number[];
  /** Changes the payment after its tickets were signed; a text replaces the whole header. */
  readonly mutate?: (payment: Payment) => Payment | string;
}

/** What came back for `POST /segment`. */
export interface PaidReply {
  readonly status: number;
  /** The text of a refusal. */
  readonly text: string;
  readonly result?: TranscodeResult;
}

/** An on-chain gateway in single calls, with real tickets; it checks nothing and pays what it is told. */
export interface PayingGateway {
  /** 20 bytes. */
  readonly address: Uint8Array;
  /** Puts wei into the TicketBroker. */
  fund(amounts: { readonly deposit: bigint; readonly reserve: bigint }): Promise<void>;
  /** Starts to take everything back. */
  unlock(): Promise<void>;
  getOrchestrator(): Promise<RpcReply<OrchestratorInfo>>;
  /** A session, or the failure as an exception. */
  session(): Promise<OrchestratorInfo>;
  /** Wei that a ticket of these parameters is worth on average. */
  ticketEv(info: OrchestratorInfo): Rational;
  /** As it is before `mutate`. */
  payment(info: OrchestratorInfo, changes?: Omit<PaymentChanges, 'mutate'>): Payment;
  submit(
    info: OrchestratorInfo,
    source: Uint8Array,
    changes?: PaymentChanges & {
      readonly segment?: Partial<Segment>;
      readonly headers?: OutgoingHttpHeaders;
    },
  ): Promise<PaidReply>;
  /** `POST /payment`: pays without a segment. */
  pay(
    info: OrchestratorInfo,
    changes?: PaymentChanges & { readonly segment?: Partial<Segment> },
  ): Promise<{ readonly status: number; readonly text: string; readonly info?: OrchestratorInfo }>;
  readonly raw: StockGateway['raw'];
  readonly download: StockGateway['download'];
  close(): void;
}

const BITS = bitsOf('AuthToken', 'SegmentSlicing', 'H264', 'MPEGTS');

/** A gateway with a 32-byte key. Without a chain it cannot fund. Closed by the test. */
export function startPayingGateway(
  t: Cleanup,
  options: { readonly port: number; readonly key: Uint8Array; readonly chain?: PayingChain },
): PayingGateway {
  const stock = startStockGateway(options.port);
  t.after(() => stock.close());
  const signer = keySigner(options.key);
  const { address } = signer;
  const lastNonces = new Map<string, number>();
  let seq = 0n;

  async function send(call: { fn: 'fund'; deposit: bigint; reserve: bigint } | { fn: 'unlock' }) {
    if (!options.chain) throw new Error('this gateway has no chain');
    const { reader, wallet } = devnetClients(options.chain.url);
    const from = wallet(privateKeyToAccount(toHex(options.key)));
    const to = getAddress(options.chain.addresses.TicketBroker);
    const hash: Hex =
      call.fn === 'unlock'
        ? await from.writeContract({ address: to, abi: ticketBrokerAbi, functionName: 'unlock' })
        : await from.writeContract({
            address: to,
            abi: ticketBrokerAbi,
            functionName: 'fundDepositAndReserve',
            args: [call.deposit, call.reserve],
            value: call.deposit + call.reserve,
          });
    const { status } = await reader.waitForTransactionReceipt({ hash });
    if (status !== 'success') throw new Error(`${call.fn} failed`);
  }

  function nonces(info: OrchestratorInfo, count: number): readonly number[] {
    const name = hex(info.ticketParams?.recipientRandHash ?? new Uint8Array(0));
    const last = lastNonces.get(name) ?? 0;
    lastNonces.set(name, last + count);
    return Array.from({ length: count }, (_, index) => last + 1 + index);
  }

  function termsOf(info: OrchestratorInfo) {
    const params = info.ticketParams;
    const terms = params && readTicketParams(params, address, params.expirationParams);
    if (!terms) throw new Error('these ticket parameters cannot be read');
    return terms;
  }

  function signedSegment(info: OrchestratorInfo, source: Uint8Array, changes?: Partial<Segment>) {
    const segment = segmentOf(info, source, { seq: seq++, ...changes });
    const sig = changes?.sig ?? signer.sign(flatten(segment));
    return encodeSegment({ ...segment, sig });
  }

  function header(info: OrchestratorInfo, changes: PaymentChanges): string {
    const made = gateway.payment(info, changes);
    const sent = changes.mutate?.(made) ?? made;
    return typeof sent === 'string' ? sent : encodePayment(sent);
  }

  const gateway: PayingGateway = {
    address,
    fund: (amounts) => send({ fn: 'fund', ...amounts }),
    unlock: () => send({ fn: 'unlock' }),
    async getOrchestrator() {
      const request = create(OrchestratorRequestSchema, {
        address,
        sig: signer.sign(orchestratorRequestMessage(address)),
        capabilities: { bitstring: [BITS], constraints: {} },
      });
      const reply = await stock.raw(
        {
          ':path': '/net.Orchestrator/GetOrchestrator',
          'content-type': 'application/grpc',
          'user-agent': 'grpc-go/1.68.1',
          te: 'trailers',
        },
        framed(toBinary(OrchestratorRequestSchema, request)),
      );
      const code = Number(reply.trailers['grpc-status'] ?? -1);
      const text = decodeURIComponent(reply.trailers['grpc-message'] ?? '');
      if (code !== 0) return { ok: false, code, text };
      return { ok: true, message: fromBinary(OrchestratorInfoSchema, reply.body.subarray(5)) };
    },
    async session() {
      const reply = await gateway.getOrchestrator();
      if (!reply.ok) throw new Error(`GetOrchestrator: ${reply.text}`);
      return reply.message;
    },
    ticketEv: (info) => (info.ticketParams ? expectedValue(termsOf(info)) : rational(0n)),
    payment(info, { tickets = 1, nonces: given } = {}) {
      const numbers = given ?? nonces(info, tickets);
      const { priceInfo: expectedPrice } = info;
      if (numbers.length === 0) {
        return {
          sender: address,
          ticketParams: undefined,
          expiration: undefined,
          tickets: [],
          expectedPrice,
        };
      }
      const terms = termsOf(info);
      const { creationRound, creationRoundBlockHash } = terms;
      return {
        sender: address,
        ticketParams: info.ticketParams,
        expiration: { creationRound, creationRoundBlockHash },
        tickets: numbers.map((nonce) => ({
          nonce,
          sig: signer.sign(packTicket({ ...terms, nonce })),
        })),
        expectedPrice,
      };
    },
    async submit(info, source, { segment, headers, ...changes } = {}) {
      const reply = await stock.raw(
        {
          ':path': '/segment',
          'livepeer-segment': signedSegment(info, source, segment),
          'livepeer-payment': header(info, changes),
          'content-type': 'video/MP2T',
          'content-length': source.length,
          'accept-encoding': 'gzip',
          'user-agent': 'Go-http-client/2.0',
          ...headers,
        },
        source,
      );
      const { status, body } = reply;
      if (status !== 200) return { status, text: body.toString().trim() };
      const decoded = decodeTranscodeResult(body);
      if (!decoded.ok) throw new Error(`the result cannot be read: ${decoded.reason}`);
      return { status, text: '', result: decoded.result };
    },
    async pay(info, { segment, ...changes } = {}) {
      const { status, body } = await stock.raw({
        ':path': '/payment',
        'livepeer-segment': signedSegment(info, new Uint8Array(0), segment),
        'livepeer-payment': header(info, changes),
        'content-length': 0,
        'user-agent': 'Go-http-client/2.0',
      });
      if (status !== 200) return { status, text: body.toString().trim() };
      const { info: fresh } = fromBinary(PaymentResultSchema, body);
      return { status, text: '', ...(fresh && { info: fresh }) };
    },
    raw: stock.raw,
    download: stock.download,
    close: () => stock.close(),
  };
  return gateway;
}
