import type { Clock } from '../../base/clock.ts';
import { add, multiply, type Rational, rational, ZERO } from '../../payments/rational.ts';
import { createSenderNonces } from '../../payments/send-nonces.ts';
import {
  checkTicketParams,
  isSenderProblem,
  type SenderChainView,
} from '../../payments/send-params.ts';
import {
  type Completion,
  complete,
  needsFreshParams,
  openSendSession,
  planPayment,
  type SendRules,
  type SendSession,
} from '../../payments/send-session.ts';
import { signPayment } from '../../payments/send-tickets.ts';
import type { OrchestratorInfo } from '../../protocol/gen/lp_rpc_pb.ts';
import { encodePayment } from '../../protocol/payment.ts';
import type { Signer } from '../../protocol/signature.ts';
import type { VideoProfile } from '../../protocol/video-profile.ts';

/** Between looks for nonces that nobody can use any more. */
const FORGET_MS = 60_000;

/** What a gateway has paid since it started. */
export interface PaymentTotals {
  /** Tickets in payments that reached an orchestrator. */
  readonly tickets: number;
  /** Wei that these are worth on average. */
  readonly expectedValue: Rational;
  /** Wei that came-back segments cost, by their pixels. */
  readonly fees: Rational;
}

/** A payment to send with a segment, or why there is none. */
export type Paying =
  | {
      readonly ok: true;
      /** Value of the `Livepeer-Payment` header. */
      readonly header: string;
      /** To be called once, when it is known what became of the segment. */
      end(completion: Completion): void;
    }
  | {
      readonly ok: false;
      /** `sender`: no orchestrator would get a payment. */
      readonly blames: 'orchestrator' | 'sender';
      readonly text: string;
    };

/** One stream's account at one orchestrator. */
export interface Account {
  /** Whether new ticket parameters are needed before the next segment. */
  stale(info: OrchestratorInfo): boolean;
  /** Binds credit to a segment and signs the tickets that it lacks. */
  pay(
    info: OrchestratorInfo,
    work: { readonly profiles: readonly VideoProfile[]; readonly durationMs: number },
  ): Paying;
}

/** How a gateway pays; absent off-chain. */
export interface Payments {
  /** An account for a new session; the text says why the orchestrator's price is not paid. */
  open(
    info: OrchestratorInfo,
  ):
    | { readonly ok: true; readonly account: Account }
    | { readonly ok: false; readonly text: string };
  totals(): PaymentTotals;
  close(): void;
}

/** Pays by the rules of a stock gateway, with what `view` says of the sender on chain. */
export function createPayments(parts: {
  readonly signer: Signer;
  readonly rules: SendRules;
  readonly clock: Clock;
  view(): SenderChainView;
}): Payments {
  const { signer, rules, view, clock } = parts;
  const nonces = createSenderNonces();
  let totals: PaymentTotals = { tickets: 0, expectedValue: ZERO, fees: ZERO };
  let forgetting = clock.after(FORGET_MS, forget);
  function forget() {
    nonces.forget(view().lastL1Block);
    forgetting = clock.after(FORGET_MS, forget);
  }

  return {
    open(info) {
      const opened = openSendSession(sessionIdOf(info), info, rules);
      if (!opened.ok) return opened;
      let session = opened.session;
      return {
        ok: true,
        account: {
          stale(now) {
            const checked = checkTicketParams(
              now.ticketParams,
              signer.address,
              1n,
              rules.limits,
              view(),
            );
            if (!checked.ok) return needsFreshParams(checked.reason);
            return checked.ev.numerator > 0n && nonces.left(checked.terms) === 0;
          },
          pay(now, work) {
            session = inSessionOf(now, session);
            const outcome = planPayment(session, work, now, {
              rules,
              view: view(),
              nonces,
              sender: signer.address,
            });
            if (!outcome.ok) {
              const blames = isSenderProblem(outcome.reason) ? 'sender' : 'orchestrator';
              return { ok: false, blames, text: outcome.text };
            }
            const { plan } = outcome;
            const header = encodePayment(signPayment(plan, signer));
            session = outcome.session;
            return {
              ok: true,
              header,
              end(completion) {
                session = complete(session, plan.staged, completion);
                if (completion.kind === 'unsent') return;
                totals = {
                  tickets: totals.tickets + (plan.batch?.nonces.length ?? 0),
                  expectedValue: add(totals.expectedValue, plan.staged.added),
                  fees: add(totals.fees, feeOf(completion, plan.staged.price)),
                };
              },
            };
          },
        },
      };
    },
    totals: () => totals,
    close: () => forgetting.cancel(),
  };
}

/**
 * The orchestrator keeps a balance for each of its sessions: in a new one nothing is paid yet. The
 * price that the stream began with stays the one to compare with.
 */
function inSessionOf(info: OrchestratorInfo, session: SendSession): SendSession {
  const id = sessionIdOf(info);
  return id === session.id ? session : { ...session, id, balance: ZERO };
}

function sessionIdOf({ authToken }: OrchestratorInfo): string {
  return authToken?.sessionId ?? '';
}

function feeOf(completion: Completion, price: Rational): Rational {
  return completion.kind === 'done' ? multiply(rational(completion.pixels), price) : ZERO;
}
