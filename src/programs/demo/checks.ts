import { showCount } from '../../base/figures.ts';
import type { Paid } from './money.ts';
import type { Played, PlayOutcome } from './playable.ts';
import type { PoolStatus, Totals } from './pool-api.ts';
import type { Check } from './view.ts';

/** What the gateway said at its end. */
export interface GatewaySummary {
  readonly segments: number;
  readonly failed: number;
  readonly retried: number;
  readonly pixels: bigint;
  /** Absent when it paid nothing. */
  readonly paid?: Paid | undefined;
}

/** All that the demo measured. */
export interface Evidence {
  readonly gateway: GatewaySummary;
  readonly gatewayExit: number | NodeJS.Signals;
  readonly status: PoolStatus;
  readonly totals: Totals;
  /** The worker that was killed, if one was, and whether its segment came back all the same. */
  readonly killed: { readonly worker: string; readonly survived: boolean } | undefined;
  /** The source first, then each rendition. */
  readonly playlists: readonly { readonly name: string; readonly outcome: PlayOutcome }[];
  readonly sourceHasSound: boolean;
}

/**
 * The demo's ladder: what two busy cores still do in real time, beside a pool, a gateway that
 * checks everything and a worker that starts again.
 */
export const LADDER = ['P144p30fps16x9', 'P240p30fps16x9', 'P360p30fps16x9'] as const;

/** Everything that must have held, each with its figure. */
export function checksOf(evidence: Evidence): readonly Check[] {
  return [segmentsCheck(evidence), killCheck(evidence), playCheck(evidence), pixelCheck(evidence)];
}

function segmentsCheck({ gateway, gatewayExit, totals }: Evidence): Check {
  const { segments, failed, retried } = gateway;
  const credited = totals.reduce((sum, row) => sum + row.segments, 0);
  const back = segments - failed;
  return {
    name: 'Every segment back',
    ok: segments > 0 && failed === 0 && retried === 0 && credited === segments && gatewayExit === 0,
    figure: `${back} of ${segments}, ${credited} credited, ${retried} sent again`,
  };
}

function killCheck({ killed, status, totals }: Evidence): Check {
  const name = 'Killed in mid-segment';
  if (!killed) return { name, ok: false, figure: 'none was killed' };
  const lost = totals.find((row) => row.name === killed.worker)?.failedAttempts ?? 0;
  const others = totals.filter((row) => row.name !== killed.worker && row.segments > 0);
  const { retried } = status.segments;
  return {
    name,
    ok: killed.survived && retried > 0 && others.length > 0,
    figure: killed.survived
      ? `${killed.worker}: ${lost} lost, ${retried} retried elsewhere`
      : `${killed.worker}, but nobody took its segment over`,
  };
}

function playCheck({ playlists, sourceHasSound }: Evidence): Check {
  const name = 'The folder plays';
  const broken = playlists.find(({ outcome }) => !outcome.ok);
  if (broken && !broken.outcome.ok) {
    return { name, ok: false, figure: `${broken.name}: ${broken.outcome.reason}` };
  }
  const played = playedOf(playlists);
  const frames = played.reduce((sum, one) => sum + one.frames, 0);
  const silent = sourceHasSound && played.some((one) => one.audioFrames === 0);
  const sound = sourceHasSound ? (silent ? ', sound is missing' : ', sound in each') : '';
  return {
    name,
    ok: played.length === LADDER.length + 1 && frames > 0 && !silent,
    figure: `${played.length} playlists, ${showCount(frames)} frames${sound}`,
  };
}

function pixelCheck({ gateway, totals, playlists }: Evidence): Check {
  const credited = totals.reduce((sum, row) => sum + row.pixels, 0n);
  const decoded = playedOf(playlists.slice(1)).reduce((sum, one) => sum + one.pixels, 0n);
  const ok = credited > 0n && credited === gateway.pixels && decoded === credited;
  return {
    name: 'Pixels agree',
    ok,
    figure: ok
      ? `${showCount(credited)} decoded, counted and credited`
      : `${decoded} decoded, ${gateway.pixels} counted, ${credited} credited`,
  };
}

function playedOf(playlists: Evidence['playlists']): readonly Played[] {
  return playlists.flatMap(({ outcome }) => (outcome.ok ? [outcome.played] : []));
}
