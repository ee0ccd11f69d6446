import { showEth } from '../../base/amounts.ts';
import { showCount, showMs, showPixels } from '../../base/figures.ts';
import { type Paint, pad, type Tone, table, VIEW_COLUMNS, wrap } from '../../base/terminal.ts';

import type { ChainStatus } from './pool-api.ts';

/** A worker as the view shows it. */
export interface WorkerRow {
  readonly name: string;
  /** In words, with what to do about it if anything. */
  readonly state: string;
  readonly tone: Tone;
  readonly segments: number;
  readonly failedAttempts: number;
  readonly pixels: bigint;
}

/** Everything that the view shows at one moment. */
export interface Scene {
  readonly headline: string;
  readonly tone: Tone;
  /** Of the stream; undefined before it starts. */
  readonly elapsedMs: number | undefined;
  readonly totalMs: number;
  readonly workers: readonly WorkerRow[];
  readonly segments: {
    readonly ok: number;
    readonly inFlight: number;
    readonly retried: number;
    readonly failed: number;
  };
  readonly addedMs: { readonly p50: number; readonly p99: number } | undefined;
  /** How the orchestrator stands; undefined before the first look. */
  readonly chain: ChainStatus | undefined;
  /** What happened, oldest first. */
  readonly events: readonly string[];
}

/** One thing that had to hold. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly figure: string;
}

/** Events that stay in view: the kill, the takeover and the return fit. */
const EVENTS_SHOWN = 4;
const LABEL_COLUMNS = 10;

/** The view while the demo runs, 80 columns. */
export function sceneLines(scene: Scene, paint: Paint): string[] {
  const { segments, addedMs } = scene;
  const clock =
    scene.elapsedMs === undefined
      ? ''
      : `${minutes(Math.min(scene.elapsedMs, scene.totalMs))} of ${minutes(scene.totalMs)}`;
  const title = 'Tributary demo';
  const pixels = scene.workers.reduce((sum, worker) => sum + worker.pixels, 0n);
  const failed = paint(segments.failed > 0 ? 'wrong' : 'plain', `${segments.failed} failed`);
  return [
    paint('strong', title) + paint('muted', pad(clock, VIEW_COLUMNS - title.length, 'right')),
    paint(scene.tone, scene.headline),
    '',
    ...scene.workers.map((worker, index) =>
      labelled(index === 0 ? 'Workers' : '', workerText(worker, paint), paint),
    ),
    labelled(
      'Segments',
      `${showCount(segments.ok)} done · ${segments.inFlight} in flight · ${segments.retried} retried · ${failed}`,
      paint,
    ),
    labelled('Latency', latencyText(addedMs), paint),
    labelled('Pixels', `${showPixels(pixels)} credited`, paint),
    ...chainLines(scene.chain, paint),
    ...eventLines(scene.events, paint),
  ];
}

/** One line of the same, for where nothing can be redrawn. */
export function scenePlain({ segments, addedMs, elapsedMs, totalMs }: Scene): string {
  const latency = addedMs ? ` · ${latencyText(addedMs)}` : '';
  const time = `${minutes(Math.min(elapsedMs ?? 0, totalMs))} of ${minutes(totalMs)}`;
  return `${time}  ${segments.ok} done · ${segments.retried} retried · ${segments.failed} failed${latency}`;
}

/** What stays on the screen: the outcome, who contributed what, and every check with its figure. */
export function resultLines(
  result: {
    readonly headline: string;
    readonly ok: boolean;
    /** What each worker did, and what it was paid for it by its own check. */
    readonly contributed: readonly (Omit<WorkerRow, 'state' | 'tone'> & {
      readonly paid: string;
    })[];
    readonly checks: readonly Check[];
    readonly chain: Scene['chain'];
    readonly addedMs: Scene['addedMs'];
    /** Why a check may have failed, where that is to be seen. */
    readonly busy?: string | undefined;
    readonly events: Scene['events'];
    readonly master: string;
  },
  paint: Paint,
): string[] {
  const { contributed } = result;
  const sum = {
    name: 'Together',
    segments: contributed.reduce((all, row) => all + row.segments, 0),
    failedAttempts: contributed.reduce((all, row) => all + row.failedAttempts, 0),
    pixels: contributed.reduce((all, row) => all + row.pixels, 0n),
    paid: '',
  };
  const rows = [...contributed, sum].map(({ name, segments, failedAttempts, pixels, paid }) => [
    name,
    showCount(segments),
    showCount(pixels),
    showCount(failedAttempts),
    paid,
  ]);
  const widest = Math.max(...result.checks.map(({ name }) => name.length));
  return [
    paint('strong', 'Tributary demo'),
    paint(result.ok ? 'paid' : 'wrong', result.headline),
    ...(result.busy === undefined ? [] : wrap(result.busy, VIEW_COLUMNS)),
    '',
    ...table(
      [
        { title: 'Worker' },
        { title: 'Segments', align: 'right' },
        { title: 'Pixels credited', align: 'right' },
        { title: 'Attempts lost', align: 'right' },
        { title: 'Paid', align: 'right' },
      ],
      rows,
      { paint },
    ),
    '',
    ...moneyTable(result.chain, paint),
    ...result.checks.map(
      ({ name, ok, figure }) =>
        `${paint(ok ? 'paid' : 'wrong', ok ? 'Held  ' : 'Failed')}  ${pad(name, widest)}  ${figure}`,
    ),
    '',
    ...eventLines(result.events, paint),
    labelled('Latency', latencyText(result.addedMs), paint),
    labelled('Play it', paint('water', result.master), paint),
  ];
}

/** What came in, and what it became on chain. */
function moneyTable(chain: Scene['chain'], paint: Paint): string[] {
  if (!chain) return [];
  // All stake is the orchestrator's own, and nothing was withdrawn: there is no other reason.
  const unowned = chain.redeemedWei - chain.pendingFees;
  const rows = [
    ['Tickets received', showCount(Number(chain.ticketsReceived)), chain.expectedValueWei],
    ['Tickets won and redeemed', showCount(Number(chain.ticketsRedeemed)), chain.redeemedWei],
    ['Fees on chain, to withdraw', '', chain.pendingFees],
    ...(unowned > 0n ? [['Fees credited to nobody', '', unowned] as const] : []),
  ] as const;
  return [
    ...table(
      [
        { title: 'Money' },
        { title: 'Tickets', align: 'right' },
        { title: 'Wei', align: 'right' },
        { title: '', align: 'right' },
      ],
      rows.map(([name, count, wei]) => [name, count, String(wei), showEth(wei)]),
      { paint },
    ),
    ...(unowned > 0n ? wrap(UNOWNED, VIEW_COLUMNS).map((line) => paint('muted', line)) : []),
    '',
  ];
}
const UNOWNED =
  'In the round of its first reward the contract takes an orchestrator’s reward for higher than it was, and a part of the fee share is credited to nobody.';

function chainLines(chain: Scene['chain'], paint: Paint): string[] {
  if (!chain) return [];
  const { ticketsReceived, ticketsWon, ticketsRedeemed, redeemedWei, round } = chain;
  const reward = chain.lastRewardRound === round ? 'reward called' : 'reward not called yet';
  const tickets = `${ticketsReceived} received · ${ticketsWon} won · ${ticketsRedeemed} redeemed`;
  return [
    labelled('Tickets', `${tickets} · ${showEth(redeemedWei)}`, paint),
    labelled('Chain', `round ${round} · ${reward}`, paint),
  ];
}

/** `1:05` */
export function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function eventLines(events: Scene['events'], paint: Paint): string[] {
  return events
    .slice(-EVENTS_SHOWN)
    .map((event, index) => labelled(index === 0 ? 'Events' : '', event, paint));
}

function latencyText(addedMs: Scene['addedMs']): string {
  return addedMs
    ? `added p50 ${showMs(addedMs.p50)} · p99 ${showMs(addedMs.p99)}`
    : 'no segment is back yet';
}

function labelled(label: string, text: string, paint: Paint): string {
  return paint('muted', pad(label, LABEL_COLUMNS)) + text;
}

function workerText({ name, state, tone, segments, pixels }: WorkerRow, paint: Paint): string {
  const word = segments === 1 ? 'segment ' : 'segments';
  const figures = `${pad(showCount(segments), 5, 'right')} ${word}${pad(showPixels(pixels), 10, 'right')}`;
  return `${pad(name, 8)} ${paint(tone, pad(state, 36))}${figures}`;
}
