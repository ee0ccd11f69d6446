import { getAddress, type Hex } from 'viem';
import { showEth } from '../base/amounts.ts';
import type { Instant } from '../base/clock.ts';
import { showSpan } from '../base/figures.ts';
import type { ChainView, WatchAlarm } from '../chain/view.ts';
import type { Finding } from './alarms.ts';
import type { DutyRules } from './parts.ts';
import { placeOf } from './pool-position.ts';
import type { UriFinding } from './service-uri.ts';
import type { Standing } from './standing.ts';

/** Somebody initialises a round within its first blocks; after a tenth of it nobody seems to. */
const ROUND_LATE_DIVISOR = 10n;
/** With half of the round gone there are hours left on the live network to do something. */
const REWARD_LATE_DIVISOR = 2n;
/** What orchestrators in the pool have. protocol: BondingManager.MAX_FUTURE_ROUND. */
const FOR_EVER = 2n ** 255n;

/** Nothing is known of the chain of now. */
const AWAY: ReadonlySet<WatchAlarm> = new Set(['rpc_unavailable', 'head_old']);

/** How one account that sends stands. */
export interface SenderHealth {
  readonly name: 'orchestrator' | 'node' | 'reward caller' | 'payouts';
  readonly address: Hex;
  readonly balanceWei: bigint | undefined;
  readonly paused: string | undefined;
  readonly outOfFunds: boolean;
  /** Transactions that neither get into a block nor can pay more. */
  readonly stuck: number;
}

/** Everything that alarms are judged by. */
export interface AlarmFacts {
  readonly now: Instant;
  readonly view: ChainView | undefined;
  readonly watchAlarms: readonly WatchAlarm[];
  readonly providersAlarm: string | undefined;
  readonly standing: Standing | undefined;
  readonly senders: readonly SenderHealth[];
  readonly uri: UriFinding;
  readonly certificateEndsAt: Instant | undefined;
  readonly rules: DutyRules;
}

/** All that is wrong now. */
export function judgeAlarms(facts: AlarmFacts): readonly Finding[] {
  return [
    ...chainFindings(facts),
    ...senderFindings(facts),
    ...roundFindings(facts),
    ...standingFindings(facts),
    ...reachFindings(facts),
  ];
}

function chainFindings({ view, watchAlarms, providersAlarm }: AlarmFacts): readonly Finding[] {
  const found: Finding[] = [];
  const unseen = watchAlarms.some((alarm) => AWAY.has(alarm)) || providersAlarm === 'unreachable';
  if (!view || unseen) {
    const text = view ? 'No RPC provider tells of new blocks.' : 'The chain was not seen yet.';
    found.push({ kind: 'chain_unseen', text });
  }
  const apart: string[] = watchAlarms.filter((alarm) => !AWAY.has(alarm));
  if (providersAlarm && providersAlarm !== 'unreachable') apart.push(providersAlarm);
  if (apart.length > 0) {
    const text = `The RPC providers do not agree (${[...new Set(apart)].join(', ')}).`;
    found.push({ kind: 'providers_disagree', text });
  }
  if (view?.paused) found.push({ kind: 'chain_paused', text: 'The protocol is paused.' });
  return found;
}

function senderFindings({ senders, rules }: AlarmFacts): readonly Finding[] {
  const found: Finding[] = [];
  const held = senders.filter(({ paused, stuck }) => paused !== undefined || stuck > 0);
  if (held.length > 0) {
    const text = held.map(({ name, paused, stuck }) =>
      paused ? `${name}: ${paused}` : `${name}: ${stuck} transactions do not get into a block`,
    );
    found.push({ kind: 'journal_paused', text: `Nothing is sent (${text.join('; ')}).` });
  }
  const short = senders.filter(
    ({ balanceWei, outOfFunds }) =>
      outOfFunds || (balanceWei !== undefined && balanceWei < rules.gasMoneyWeiMin),
  );
  if (short.length > 0) {
    const text = short.map(({ name, address, balanceWei }) => {
      const account = `${name} (${getAddress(address)})`;
      return balanceWei === undefined ? account : `${account} has ${showEth(balanceWei)}`;
    });
    found.push({
      kind: 'gas_money_short',
      text: `There is little ETH for gas: ${text.join(', ')}.`,
    });
  }
  return found;
}

function roundFindings({ view, rules }: AlarmFacts): readonly Finding[] {
  if (!view || view.paused) return [];
  const gone = view.l1Block - view.roundStartL1Block;
  const { currentRound, roundLength, recipient } = view;
  if (!view.roundInitialized) {
    if (gone * ROUND_LATE_DIVISOR < roundLength) return [];
    const text = `Round ${currentRound} began ${gone} blocks ago, and nobody has initialised it.`;
    return [{ kind: 'round_late', text }];
  }
  const called = recipient.lastRewardRound >= currentRound;
  if (!rules.reward || called || !recipient.active) return [];
  if (gone * REWARD_LATE_DIVISOR < roundLength) return [];
  const left = roundLength - gone;
  const text = `The reward of round ${currentRound} is not called, and ${left} L1 blocks of it are left.`;
  return [{ kind: 'reward_late', text }];
}

function standingFindings({ view, standing }: AlarmFacts): readonly Finding[] {
  if (!view || !standing) return [];
  if (!standing.registered) {
    return [{ kind: 'not_registered', text: 'The orchestrator has no stake of its own bonded.' }];
  }
  const { active, activationRound, deactivationRound } = view.recipient;
  const found: Finding[] = [];
  if (!active && activationRound !== view.currentRound + 1n) {
    const text = `The orchestrator is not active in round ${view.currentRound}.`;
    found.push({ kind: 'not_active', text });
  }
  if (active && deactivationRound < FOR_EVER) {
    const text = `The orchestrator is active until the end of round ${deactivationRound - 1n}, and not after it.`;
    found.push({ kind: 'activity_ending', text });
  }
  const { pool } = standing;
  const place = placeOf(pool, standing.orchestrator);
  const full = pool.members.length >= pool.sizeMax;
  if (full && place !== undefined && place === pool.members.length - 1) {
    const text = `It has the least stake of the ${pool.sizeMax} in the active set: whoever bonds more takes its place.`;
    found.push({ kind: 'stake_low', text });
  }
  return found;
}

function reachFindings({ uri, certificateEndsAt, now, rules }: AlarmFacts): readonly Finding[] {
  const found: Finding[] = [];
  if (uri.is === 'differs') {
    const text = 'The registry names another address than this pool is told to have.';
    found.push({ kind: 'service_uri_differs', text });
  }
  if (uri.is === 'unanswered') {
    const text = 'What answers at the registered address is not this pool, or nothing does.';
    found.push({ kind: 'service_uri_unanswered', text });
  }
  if (certificateEndsAt !== undefined && certificateEndsAt - now < rules.certificateMsMin) {
    const left = certificateEndsAt - now;
    const text =
      left > 0 ? `The certificate ends in ${showSpan(left)}.` : 'The certificate has ended.';
    found.push({ kind: 'certificate_ending', text });
  }
  return found;
}
