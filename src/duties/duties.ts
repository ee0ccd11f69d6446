import { createActions } from './actions.ts';
import { type Alarm, nextAlarms } from './alarms.ts';
import { dutyMetrics } from './duty-metrics.ts';
import { judgeAlarms, type SenderHealth } from './judge-alarms.ts';
import { type Seen, startLooking } from './look.ts';
import type { Duties, DutiesParts } from './parts.ts';
import { createProposalBook } from './proposals.ts';
import { startReward } from './reward.ts';
import { startRounds } from './rounds.ts';
import { startServiceUri } from './service-uri.ts';
import { readStatus } from './status.ts';
import { startWithdrawingFees } from './withdraw-fees.ts';

/** Judged with each block, and at least this often: certificates end without one. */
const JUDGE_EVERY_MS = 60_000;

/**
 * Starts everything that the orchestrator does on chain of its own accord, besides redeeming:
 * rounds, reward, fees, and a look at whatever may need a person.
 */
export function startDuties(parts: DutiesParts): Duties {
  const { watch, clock, log } = parts;
  const counts = dutyMetrics(parts.metrics);
  const look = startLooking(parts);
  const duty = { ...parts, counts, look };
  const uri = startServiceUri({ ...parts, onFinding: judge });
  let alarms: readonly Alarm[] = [];

  function judge(): void {
    const before = alarms;
    const seen = look.seen();
    const findings = judgeAlarms({
      now: clock.now(),
      view: watch.current(),
      watchAlarms: watch.alarms(),
      providersAlarm: parts.providers.alarm,
      standing: seen?.standing,
      senders: healthOf(parts, seen),
      uri: uri.finding(),
      certificateEndsAt: parts.certificateEndsAt(),
      rules: parts.rules,
    });
    alarms = nextAlarms(before, findings, clock.now());
    counts.alarms(alarms);
    for (const { kind } of alarms) {
      if (!before.some((one) => one.kind === kind)) log.warn('chain_alarm', { reason: kind });
    }
    for (const { kind } of before) {
      if (!alarms.some((one) => one.kind === kind)) log.info('chain_alarm_over', { reason: kind });
    }
  }

  const proposals = createProposalBook(parts);
  const rounds = startRounds(duty);
  const reward = startReward(duty);
  const fees = startWithdrawingFees(duty);
  const stops = [
    watch.onBlock((view) => {
      counts.round(view.currentRound);
      judge();
    }),
    look.onSeen(judge),
  ];
  let timer = clock.after(JUDGE_EVERY_MS, tick);
  let closed = false;
  function tick(): void {
    judge();
    if (!closed) timer = clock.after(JUDGE_EVERY_MS, tick);
  }

  return {
    actions: {
      ...createActions(parts),
      proposals: () => proposals.open(),
      status: () => readStatus({ ...parts, look, alarms: () => alarms }),
    },
    alarms: () => alarms,
    async close() {
      closed = true;
      timer.cancel();
      for (const stop of stops) stop();
      uri.close();
      rounds.close();
      fees.close();
      reward.close();
      await look.close();
    },
  };
}

/** Each account once, under its first name. */
function healthOf(
  { transactions }: Pick<DutiesParts, 'transactions'>,
  seen: Seen | undefined,
): readonly SenderHealth[] {
  const { orchestrator, rewardCaller, node, payout } = transactions;
  const named = [
    ['orchestrator', orchestrator],
    ['node', node],
    ['payouts', payout],
    ['reward caller', rewardCaller],
  ] as const;
  const known = new Set<unknown>();
  return named.flatMap(([name, journal]) => {
    if (!journal || known.has(journal)) return [];
    known.add(journal);
    const { paused, outOfFunds, alarms } = journal.status;
    const stuck = alarms.filter(({ alarm }) => alarm === 'stuck').length;
    const { address } = journal.account;
    const balanceWei = seen?.balanceOf(address);
    return [{ name, address, balanceWei, paused, outOfFunds, stuck }];
  });
}
