import type { Timer } from '../base/clock.ts';
import { roundsManagerAbi } from '../chain/abi/rounds-manager.ts';
import type { IntentId } from '../chain/journal-types.ts';
import { ownError } from '../chain/rpc-refusal.ts';
import type { ChainView } from '../chain/view.ts';
import { callOnce, type DutyParts } from './duty-call.ts';
import type { DutyRules } from './parts.ts';
import { initRoundCall } from './plan-money.ts';
import { journalFor } from './sending.ts';

/** What decides about a round that nobody has initialised. */
export interface RoundFacts {
  readonly view: Pick<ChainView, 'paused' | 'roundInitialized' | 'currentRound' | 'recipient'>;
  readonly rule: boolean;
  /** A key of ours can pay for it. */
  readonly canSend: boolean;
}

/** Whether to initialise the round. */
export type RoundDecision =
  | { readonly action: 'initialize' }
  | {
      readonly action: 'leave';
      readonly reason: 'off' | 'paused' | 'initialized' | 'no_key' | 'not_worth';
    };

/**
 * It is worth its gas to an orchestrator that is active in this round: without it there is no
 * reward and no redemption in the round for anybody. To all others it is worth nothing.
 */
export function decideRound({ view, rule, canSend }: RoundFacts): RoundDecision {
  const leave = (reason: Extract<RoundDecision, { action: 'leave' }>['reason']) =>
    ({ action: 'leave', reason }) as const;
  if (!rule) return leave('off');
  if (view.roundInitialized) return leave('initialized');
  if (view.paused) return leave('paused');
  if (!canSend) return leave('no_key');
  return view.recipient.active ? { action: 'initialize' } : leave('not_worth');
}

/**
 * Initialises rounds that nobody else does: after a random wait, looks once more, sends one
 * transaction, and takes it back if somebody was faster.
 */
export function startRounds(
  parts: DutyParts & {
    readonly rules: Pick<DutyRules, 'initializeRound' | 'initializeRoundDelayMsMax'>;
    random(): number;
  },
): { close(): void } {
  const { watch, clock, rules } = parts;
  /** The round that is waited for or sent for; one at a time. */
  let at: { readonly round: bigint; timer: Timer | undefined; sent: boolean } | undefined;
  let closed = false;

  const decide = (view: ChainView) =>
    decideRound({
      view,
      rule: rules.initializeRound,
      canSend: journalFor(parts, 'anybody') !== undefined,
    });

  function look(view: ChainView): void {
    if (closed) return;
    if (at && (at.round !== view.currentRound || view.roundInitialized)) leave(view);
    if (at || decide(view).action !== 'initialize') return;
    const waitMs = Math.floor(parts.random() * rules.initializeRoundDelayMsMax);
    at = { round: view.currentRound, timer: undefined, sent: false };
    at.timer = clock.after(waitMs, () => void initialize(view.currentRound));
  }

  function leave(view: ChainView): void {
    at?.timer?.cancel();
    if (at?.sent) {
      const journal = journalFor(parts, 'anybody');
      // Harmless when it is done: then there is nothing to take back.
      journal?.withdraw(idOf(at.round)).catch((error: unknown) => {
        parts.log.warn('round_withdraw_failed', { code: ownError(error)?.code ?? 'internal' });
      });
    }
    at = undefined;
    parts.counts.round(view.currentRound);
  }

  async function initialize(round: bigint): Promise<void> {
    if (closed || at?.round !== round) return;
    const done = await initialized(parts).catch(() => false);
    if (closed || done || at?.round !== round) return;
    at.sent = true;
    const outcome = await callOnce(parts, 'init_round', {
      id: idOf(round),
      call: initRoundCall(round),
    });
    // With the next block it is decided anew; an id that was used up is not sent twice.
    if (outcome === 'unavailable' && at?.round === round) at = undefined;
  }

  const stop = watch.onBlock(look);
  const view = watch.current();
  if (view) look(view);
  return {
    close() {
      closed = true;
      stop();
      at?.timer?.cancel();
    },
  };
}

function idOf(round: bigint): IntentId {
  return `init-round:${round}` as IntentId;
}

async function initialized({ providers, contracts }: DutyParts): Promise<boolean> {
  return providers.client.readContract({
    address: contracts.roundsManager,
    abi: roundsManagerAbi,
    functionName: 'currentRoundInitialized',
  });
}
