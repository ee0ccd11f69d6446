import { hex } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { type RandomBytes, secureRandom } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Pixels, Wei } from '../base/money.ts';
import { pixels } from '../base/money.ts';
import type { Database } from '../database/database.ts';
import type { TicketParams } from '../protocol/gen/lp_rpc_pb.ts';
import type { Payment } from '../protocol/payment.ts';
import { checksumAddress } from '../protocol/signature.ts';
import { createAccounts, type PaidWork, type Started } from './accounts.ts';
import { fee } from './balance.ts';
import { paymentMetrics } from './metrics.ts';
import { makeOffer, type OfferRules, type PaymentsChainView } from './offer.ts';
import { basePrice, type PricedCapability, type PriceTable } from './price.ts';
import type { Prices } from './prices.ts';
import { compare, type Rational, ZERO } from './rational.ts';
import { createReceiver, type Received } from './receive-payment.ts';
import { RAND_SECRET_BYTES, type RandSecret } from './recipient-rand.ts';
import type { Recovery } from './recover-threads.ts';
import type { SenderFunds } from './sender.ts';
import { type BalanceKey, type BalanceSession, loadBalance } from './store.ts';

/** Sessions whose price is remembered: far above what a pool carries at once, 5 MB. */
const SESSION_PRICES_MAX = 20_000;
/** A debit that the database did not take is tried again, at most so late. */
const SETTLE_AGAIN_MS = 1_000;
const SETTLE_AGAIN_MS_MAX = 60_000;

/** What is known of the chain, from memory; a chain watch has this shape. */
export interface PaymentsChain {
  /** Undefined until it was read once. */
  current(): PaymentsChainView | undefined;
  /** A sender that is known already. */
  sender(address: Uint8Array): SenderFunds | undefined;
  /** Asks for an unknown one, within limits. `cause` holds no URL. */
  loadSender(
    address: Uint8Array,
  ): Promise<
    | { readonly ok: true; readonly state: SenderFunds }
    | { readonly ok: false; readonly cause: string }
  >;
}

/** What gateways pay by. */
export interface PaymentsParts {
  readonly database: Database;
  readonly recovery: Recovery;
  readonly chain: PaymentsChain;
  readonly prices: Prices;
  /** Newest first. */
  secrets(): readonly [RandSecret, ...RandSecret[]];
  /** 20 bytes: who is paid on chain. */
  readonly recipient: Uint8Array;
  readonly rules: OfferRules;
  /** The most that one sender may owe with all its work under way on this node. */
  readonly unpaidMax: Wei;
  /** Face values of a sender whose redemption is under way. */
  pendingOf(sender: Uint8Array): Wei;
  /** A price that somebody else set for this gateway's video; see front/discovery-webhook.ts. */
  agreedPrice?(sender: Uint8Array): Rational | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly random?: RandomBytes;
}

/** Who asks for a price, and for what. */
export interface OfferQuestion {
  /** 20 bytes. */
  readonly sender: Uint8Array;
  /** A session that may have its own price already. */
  readonly session?: BalanceSession;
  readonly capabilities?: readonly PricedCapability[];
}

/** Price and ticket parameters, or why this sender gets none and what it is told. */
export type Offered =
  | { readonly ok: true; readonly price: Rational; readonly params: TicketParams }
  | {
      readonly ok: false;
      readonly reason: 'insufficient_sender_reserve' | 'sender_unknown' | 'chain_unknown';
      readonly text: string;
    };

/** Work that a gateway asks for. */
export interface WorkAsked extends BalanceKey {
  /** Wei per pixel, from {@link Received}. */
  readonly price: Rational;
  /** How many pixels it will come to, as far as can be told. */
  readonly pixels: Pixels;
}

/** Everything that the front needs to be paid. */
export interface Payments {
  /** From memory alone for a known sender, unless it asks for a session that this node never saw. */
  offer(question: OfferQuestion): Promise<Offered>;
  /** The price that a session has kept since its first payment with tickets. */
  fixedPrice(key: BalanceKey): Promise<Rational | undefined>;
  /**
   * Takes a payment in; see {@link createReceiver}. Throws what that throws.
   */
  receive(incoming: {
    readonly payment: Payment;
    readonly session: BalanceSession;
    readonly capabilities?: readonly PricedCapability[];
  }): Promise<Received>;
  /** Admits work; its `settle` never rejects, but tries again by itself. */
  start(asked: WorkAsked): Promise<Started>;
  /** What is asked for capabilities, for the list in OrchestratorInfo. */
  priceTable(): PriceTable;
}

/** Puts prices, tickets and accounts together. */
export function createPayments(parts: PaymentsParts): Payments {
  const { chain, prices, rules, database, clock, log, recipient } = parts;
  const random = parts.random ?? secureRandom;
  const receive = createReceiver({
    database,
    recovery: parts.recovery,
    metrics: paymentMetrics(parts.metrics),
  });
  const { ticketEv } = rules;
  const accounts = createAccounts({ database, clock, ticketEv, unpaidMax: parts.unpaidMax });
  const sessionPrices = new Map<string, Rational>();

  const keyOf = ({ sender, session }: BalanceKey) => `${hex(sender)} ${session}`;

  function remember(key: BalanceKey, price: Rational): void {
    const name = keyOf(key);
    // Deleting first keeps the map in order of use, so that the oldest is dropped first.
    sessionPrices.delete(name);
    sessionPrices.set(name, price);
    for (const oldest of sessionPrices.keys()) {
      if (sessionPrices.size <= SESSION_PRICES_MAX) break;
      sessionPrices.delete(oldest);
    }
  }

  async function fixedPrice(key: BalanceKey): Promise<Rational | undefined> {
    const known = sessionPrices.get(keyOf(key));
    if (known) return known;
    const stored = await loadBalance(database, key);
    if (stored?.fixedPrice) remember(key, stored.fixedPrice);
    return stored?.fixedPrice;
  }

  /** What others agreed on holds for video, which is what no priced capability stands for. */
  function basisOf(sender: Uint8Array, capabilities: readonly PricedCapability[]) {
    const table = prices.current();
    const asked = capabilities.length > 0 ? basePrice(table, sender, capabilities) : undefined;
    const video = basePrice(table, sender);
    const forVideo = !asked || compare(asked, video) === 0;
    return { base: asked ?? video, agreed: forVideo ? parts.agreedPrice?.(sender) : undefined };
  }

  async function offer(question: OfferQuestion): Promise<Offered> {
    const { sender, session, capabilities = [] } = question;
    const view = chain.current();
    if (!view) return { ok: false, reason: 'chain_unknown', text: CHAIN_UNKNOWN };
    const own = session === undefined ? undefined : await fixedPrice({ sender, session });
    const { base, agreed } = basisOf(sender, capabilities);
    const fixed = own ?? agreed;
    const free = (fixed ?? base).numerator <= 0n;
    const known = free ? undefined : chain.sender(sender);
    const loaded = free || known ? undefined : await chain.loadSender(sender);
    if (loaded && !loaded.ok) {
      const text = `could not get sender info for ${checksumAddress(sender)}: ${loaded.cause}`;
      return { ok: false, reason: 'sender_unknown', text };
    }
    return makeOffer({
      recipient,
      sender,
      chain: view,
      funds: known ?? loaded?.state,
      pending: parts.pendingOf(sender),
      rules,
      base,
      fixed,
      secrets: parts.secrets(),
      seed: random(RAND_SECRET_BYTES),
    });
  }

  /** The least that may be promised for this work: what was asked lately, or agreed on. */
  function leastPrice(sender: Uint8Array, capabilities: readonly PricedCapability[]) {
    const asked = prices.least(sender, capabilities);
    const { agreed } = basisOf(sender, capabilities);
    if (!asked) return undefined;
    return agreed && compare(agreed, asked) < 0 ? agreed : asked;
  }

  return {
    offer,
    fixedPrice,
    async receive({ payment, session, capabilities = [] }) {
      const { sender } = payment;
      const view = chain.current();
      const funds = view && (chain.sender(sender) ?? (await chain.loadSender(sender)));
      const { base, agreed } = basisOf(sender, capabilities);
      const priceMin = leastPrice(sender, capabilities);
      const received = await receive({
        payment,
        session,
        view: {
          recipient,
          activeFrom: view?.recipient.activationRound ?? 0n,
          activeUntil: view?.recipient.deactivationRound ?? 0n,
          lastInitializedRound: view?.round.lastInitialized ?? 0n,
          lastL1Block: view?.l1Block ?? 0n,
          sender: lookupOf(funds),
          secrets: parts.secrets(),
          currentPrice: agreed ?? base,
          ...(priceMin ? { priceMin } : {}),
        },
      });
      if (received.ok && received.balance?.fixedPrice) {
        remember({ sender, session }, received.balance.fixedPrice);
      }
      return received;
    },
    async start({ sender, session, price, pixels: expected }) {
      const estimate = price.numerator > 0n ? fee(expected, price) : ZERO;
      const started = await accounts.start({ sender, session, price, estimate });
      return started.ok ? { ok: true, work: persistent(started.work) } : started;
    },
    priceTable: () => prices.current(),
  };

  /** Work whose debit is tried until the database takes it. */
  function persistent(work: PaidWork): PaidWork {
    let ended = false;
    const attempt = async (count: Pixels, pauseMs: number): Promise<void> => {
      try {
        await work.settle(count);
      } catch (error) {
        const code = error instanceof TributaryError ? error.code : 'internal';
        log.error('debit_failed', { code, pixels: count });
        // It may have been taken: once too few is better than once too many.
        const next = code === 'database_commit_unknown' ? pixels(0n) : count;
        const later = Math.min(SETTLE_AGAIN_MS_MAX, pauseMs * 2);
        clock.after(pauseMs, () => void attempt(next, later));
      }
    };
    return {
      async settle(count) {
        if (ended) return;
        ended = true;
        await attempt(count, SETTLE_AGAIN_MS);
      },
    };
  }
}

const CHAIN_UNKNOWN = 'the chain has not been read yet';

function lookupOf(
  found: SenderFunds | Awaited<ReturnType<PaymentsChain['loadSender']>> | undefined,
) {
  if (!found) return { ok: false, cause: CHAIN_UNKNOWN } as const;
  if (!('ok' in found)) return { ok: true, withdrawRound: found.withdrawRound } as const;
  if (!found.ok) return found;
  return { ok: true, withdrawRound: found.state.withdrawRound } as const;
}
