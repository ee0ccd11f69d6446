import { exactAmount, showEth, showGwei, showLpt, showPercent } from '../../base/amounts.ts';
import { showCount } from '../../base/figures.ts';
import { harmless, type Paint, table, VIEW_COLUMNS, wrap } from '../../base/terminal.ts';
import type { PlanView, ProgressView, StatusView } from './client.ts';

const LABEL_WIDTH = 16;
/** Below `1 of 4  `. */
const INDENT = ' '.repeat(8);

/** JSON with amounts as decimal strings. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}` : inner));
}

/** What will happen, what it costs, what is different afterwards and what to mind. */
export function planView(plan: PlanView, paint: Paint): string {
  const rows = plan.steps.map((step, index) => [
    `${index + 1}`,
    harmless(step.title),
    `about ${showEth(step.costWei)}`,
  ]);
  const columns = [
    { title: '' },
    { title: plan.steps.length === 1 ? 'transaction' : 'transactions, one after the other' },
    { title: 'gas', align: 'right' },
  ] as const;
  const moves = [
    ...(plan.movesLpt > 0n ? [`${exactAmount(plan.movesLpt)} LPT`] : []),
    ...(plan.movesWei > 0n ? [`${exactAmount(plan.movesWei)} ETH`] : []),
  ].join(' and ');
  const lines = [
    ...table(columns, rows, { paint }),
    '',
    ...entry('Moves', moves === '' ? 'no LPT or ETH out of the account' : moves, paint),
    ...entry(
      'Costs',
      `about ${showEth(plan.costWei)} for gas, at ${showGwei(plan.gasPrice)}`,
      paint,
    ),
    ...plan.effects.flatMap((text, index) => entry(index ? '' : 'Afterwards', text, paint)),
    ...plan.warnings.flatMap((text, index) => entry(index ? '' : 'Mind', text, paint, 'attention')),
  ];
  if (!plan.signable) {
    for (const { from, to, value, data } of plan.steps) {
      lines.push('', `from ${from}`, `to ${to}`, `value ${value} wei`, `data ${data}`);
    }
  }
  return lines.join('\n');
}

/** One line for a step that has got somewhere; undefined while it waits. */
export function stepLine(
  step: ProgressView['steps'][number],
  index: number,
  count: number,
  paint: Paint,
): string | undefined {
  const where = `${index + 1} of ${count}`;
  switch (step.state) {
    case 'waiting':
      return undefined;
    case 'sent':
      return `${where}  ${paint('attention', 'Sent')}: ${harmless(step.title)}`;
    case 'done':
      return `${where}  ${paint('paid', 'Done')}: ${harmless(step.title)}\n${INDENT}${step.transaction ?? ''}`;
    case 'failed': {
      const why = wrap(harmless(step.text ?? ''), VIEW_COLUMNS - INDENT.length);
      const head = `${where}  ${paint('wrong', 'Failed')}: ${harmless(step.title)}`;
      return [head, ...why.map((line) => INDENT + line)].join('\n');
    }
  }
}

/** The orchestrator: a sentence, what needs a person, then figures. */
export function statusView(status: StatusView, paint: Paint): string {
  const lines = [
    headline(status, paint),
    ...status.alarms.flatMap(({ text, advice }) => [
      '',
      ...wrap(`${harmless(text)} ${harmless(advice)}`, VIEW_COLUMNS).map((line) =>
        paint('attention', line),
      ),
    ]),
    '',
    ...entry('Orchestrator', status.orchestrator, paint),
    ...(status.address === status.orchestrator ? [] : entry('Node', status.address, paint)),
    ...entry('Round', roundText(status), paint),
    ...entry(
      'Stake',
      `${showLpt(status.stake)}, of it your own ${showLpt(status.ownStake)}`,
      paint,
    ),
    ...entry('Cuts', cutsText(status), paint),
    ...entry('Service URI', harmless(status.serviceUri) || 'none is registered', paint),
    ...entry('Fees', feesText(status), paint),
    ...entry('Account', accountText(status), paint),
    ...entry('Tickets', ticketsText(status), paint),
    ...entry('Redeemed', redeemedText(status), paint),
    ...writtenOffView(status, paint),
    ...entry('Gas spent', showEth(status.gasSpentWei), paint),
    ...entry('Transactions', sendingText(status), paint),
    ...locksView(status, paint),
  ];
  return lines.join('\n');
}

function headline(status: StatusView, paint: Paint): string {
  const { registered, active, activationRound, round, alarms } = status;
  const state = active
    ? paint('paid', `Active in round ${showCount(round)}`)
    : registered && activationRound > round
      ? paint('attention', `Active from round ${showCount(activationRound)} on`)
      : paint('attention', registered ? 'Registered, not active' : 'Not registered');
  const count = alarms.length;
  const needs =
    count === 0
      ? 'Nothing needs you.'
      : `${count} ${count === 1 ? 'thing needs' : 'things need'} you:`;
  return `${state}. ${needs}`;
}

function roundText({ round, roundInitialized, roundLocked, lastRewardRound }: StatusView): string {
  const begun = roundInitialized ? 'initialised' : 'not initialised';
  const locked = roundLocked ? ', in its last part: cuts stay as they are' : '';
  const reward =
    lastRewardRound >= round ? 'reward called' : `reward last called in ${lastRewardRound}`;
  return `${showCount(round)}, ${begun}${locked}; ${reward}`;
}

function cutsText({ rewardCut, feeShare }: StatusView): string {
  return `you keep ${showPercent(rewardCut)} of rewards, delegators get ${showPercent(feeShare)} of fees`;
}

function accountText(status: StatusView): string {
  const own = `${showLpt(status.balanceLpt)} and ${showEth(status.balanceWei)}`;
  return status.address === status.orchestrator
    ? own
    : `${own}; the node has ${showEth(status.nodeBalanceWei)}`;
}

function ticketsText({ ticketsReceived, ticketsWon, ticketsRedeemed, queuedWinners }: StatusView) {
  return `${showCount(ticketsReceived)} received, ${showCount(ticketsWon)} won, ${showCount(ticketsRedeemed)} redeemed, ${showCount(queuedWinners)} waiting`;
}

/** The contract's word on fees, and why it is another sum than that of the redeemed tickets. */
function feesText({ pendingFees, redeemedWei }: StatusView): string {
  const open = `${showEth(pendingFees)} to withdraw`;
  if (pendingFees >= redeemedWei) return open;
  return `${open}. Tickets brought ${showEth(redeemedWei - pendingFees)} more: it was withdrawn, is the share of delegators, or was credited to nobody, as the contract does with a part of that share in the round of an orchestrator's first reward, or of one after a missed reward.`;
}

function writtenOffView(status: StatusView, paint: Paint): readonly string[] {
  const { ticketsWrittenOff: count, writtenOffWei, writtenOff } = status;
  if (count === 0n) return [];
  const reasons = Object.entries(writtenOff).map(
    ([reason, some]) => `${showCount(some)} ${lostBecause[reason] ?? harmless(reason)}`,
  );
  const text = `${showCount(count)} winning ${count === 1n ? 'ticket' : 'tickets'} of ${showEth(writtenOffWei)} ${reasons.length === 1 ? 'is' : 'are'} lost: ${reasons.join(', ')}`;
  return entry('Written off', text, paint, 'attention');
}

/** By WriteOffReason of payments/redemption.ts. */
const lostBecause: Readonly<Record<string, string>> = {
  expired: 'not redeemed within two rounds',
  already_used: 'used before',
  no_block_hash: 'without the hash of its round',
  sender_unlocked: 'whose sender took its money back',
  worthless: 'of no value',
  reverted: 'refused by the contract',
};

function redeemedText({ redeemedWei, expectedValueWei }: StatusView): string {
  return `${showEth(redeemedWei)}; the tickets were worth ${showEth(expectedValueWei)} on average`;
}

function sendingText({ openTransactions, journalPaused }: StatusView): string {
  const open = `${showCount(openTransactions)} on their way`;
  return journalPaused === undefined ? open : `${open}; paused: ${harmless(journalPaused)}`;
}

function locksView({ unbondingLocks, round }: StatusView, paint: Paint): readonly string[] {
  if (unbondingLocks.length === 0) return [];
  const rows = unbondingLocks.map(({ id, amount, withdrawRound }) => [
    `${id}`,
    showLpt(amount),
    withdrawRound <= round ? 'Open: withdraw it' : `Opens in round ${showCount(withdrawRound)}`,
  ]);
  const columns = [
    { title: 'unbonding lock' },
    { title: 'amount', align: 'right' },
    { title: 'state' },
  ] as const;
  return ['', ...table(columns, rows, { paint })];
}

/** A label and its text, wrapped beside it. */
export function entry(
  label: string,
  text: string,
  paint: Paint,
  tone: 'plain' | 'attention' = 'plain',
): readonly string[] {
  const lines = wrap(harmless(text), VIEW_COLUMNS - LABEL_WIDTH);
  return lines.map(
    (line, index) =>
      `${paint('muted', (index === 0 ? label : '').padEnd(LABEL_WIDTH))}${paint(tone, line)}`,
  );
}
