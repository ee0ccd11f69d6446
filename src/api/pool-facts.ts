import type { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import { type AssetId, ETH, LPT } from '../base/asset.ts';
import { hex } from '../base/bytes.ts';
import type { Clock, Instant } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Queryable } from '../database/transaction.ts';
import type { Dispatch } from '../dispatch/dispatch-types.ts';
import type { ChainStatus } from '../duties/action-types.ts';
import { endsAt } from '../epochs/schedule.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { pauseText } from '../notices/words.ts';
import { pauses } from '../payouts/pauses-store.ts';
import { periodEnd } from '../payouts/schedule.ts';
import type { AssetFigures } from '../payouts/solvency.ts';
import type { PoolIdentity } from '../proofs/statement.ts';
import type { Terms } from '../terms/terms.ts';
import type { TermsService } from '../terms/terms-service.ts';
import type { Workers } from '../workers/workers.ts';
import { paidAmounts, paidSoFar, recentFlow, recentStreams } from './pool-store.ts';
import type { poolView } from './pool-view.ts';

/** The river is what flowed in the last minute: segments are some seconds long, and come in waves. */
const FLOW_SECONDS = 60;
/** By name in the drawing; it shows fewer. */
const LISTED_MAX = 24;

/** What the facts of a pool are read from. */
export interface PoolFactsParts {
  readonly terms: Pick<TermsService, 'list' | 'of'>;
  readonly workers: Pick<Workers, 'list'>;
  readonly ledger: Pick<Ledger, 'contributionsByWorker'>;
  readonly dispatch: Pick<Dispatch, 'summary'>;
  readonly database: Queryable;
  readonly clock: Clock;
  readonly log: Log;
  readonly serviceUri: string;
  readonly identity: PoolIdentity;
  /** Who signs for it on chain; undefined off chain. */
  readonly account: Uint8Array | undefined;
  /** Undefined: the pool works off chain. */
  readonly chain: { status(): Promise<ChainStatus> } | undefined;
  /** What the operator says of itself. */
  readonly operator: z.input<typeof poolView>['operator'];
  latency(): { readonly p50: number; readonly p99: number } | undefined;
  solvency(): Promise<{ readonly assets: readonly AssetFigures[] }>;
}

type Facts = z.input<typeof poolView>;
type Standing = NonNullable<Facts['chain']>['standing'];

/** What is asked for less often than the rest. */
export interface SlowFacts {
  standing(): Promise<Standing>;
  totals(): Promise<Facts['totals']>;
}

/** Everything that everybody may know of the pool, at this moment. */
export async function readPool(parts: PoolFactsParts, slow: SlowFacts): Promise<Facts> {
  const { terms, clock, dispatch, identity, account } = parts;
  const { current, versions } = await terms.list();
  const rules = await terms.of(current);
  const epoch = await openEpoch(parts.database);
  const isOnChain = identity.chainId !== 0n;
  return {
    name: rules.name,
    version: packageJson.version,
    serviceUri: parts.serviceUri,
    operator: parts.operator,
    chain: isOnChain
      ? {
          id: String(identity.chainId),
          orchestrator: `0x${hex(identity.pool)}`,
          account: `0x${hex(account ?? identity.pool)}`,
          standing: await slow.standing(),
        }
      : null,
    terms: {
      current,
      versions: versions.map(({ version, startsAtEpoch, publishedAt, digest }) => ({
        ...{ version, startsAtEpoch, publishedAt },
        digest: hex(digest),
      })),
    },
    epoch: {
      number: epoch.number,
      openedAt: epoch.openedAt,
      endsAt: rules.epoch.period === 'round' ? null : endsAt(epoch.openedAt, rules.epoch.period),
    },
    capabilities: ['Video transcoding (H.264)'],
    now: {
      ...(await readNow(parts, rules)),
      ...capacityOf(dispatch),
      addedLatencyMs: parts.latency() ?? null,
    },
    totals: await slow.totals(),
    payouts: await readPayouts(parts, rules, clock.now()),
    solvency: await readSolvency(parts, rules, isOnChain),
  };
}

function capacityOf(dispatch: PoolFactsParts['dispatch']) {
  const { capacity, workers } = dispatch.summary();
  return { capacity, workersConnected: workers };
}

async function readNow(
  { database, workers }: PoolFactsParts,
  { privacy }: Terms,
): Promise<Pick<Facts['now'], 'gateways' | 'workers' | 'workersEnrolled' | 'streams'>> {
  const flow = await recentFlow(database, FLOW_SECONDS);
  const perSecond = (pixels: bigint) => Number(pixels) / FLOW_SECONDS;
  const streams = await recentStreams(database, FLOW_SECONDS);
  const enrolled = (await workers.list()).filter(({ state }) => state !== 'revoked');
  return {
    streams,
    workersEnrolled: enrolled.length,
    // Who works for a private pool is nobody's business.
    workers: flow.workers.slice(0, LISTED_MAX).map(({ name, pixels }, at) => ({
      label: privacy === 'public' ? name : `worker ${at + 1}`,
      pixelsPerSecond: perSecond(pixels),
    })),
    gateways: flow.gateways.slice(0, LISTED_MAX).map(({ sender, pixels }) => ({
      label: sender ? shortAddress(hex(sender)) : 'gateways without account',
      pixelsPerSecond: perSecond(pixels),
    })),
  };
}

function shortAddress(digits: string): string {
  return `0x${digits.slice(0, 4)}…${digits.slice(-4)}`;
}

/** Sums over all that was ever done. */
export async function readTotals({ ledger }: PoolFactsParts): Promise<Facts['totals']> {
  const all = await ledger.contributionsByWorker();
  return {
    segments: all.reduce((sum, one) => sum + one.segments, 0),
    failed: all.reduce((sum, one) => sum + one.failedAttempts, 0),
    pixels: all.reduce((sum, one) => sum + one.pixels, 0n),
  };
}

/** The orchestrator as the chain has it; null when it cannot be asked now. */
export async function readStanding({ chain, log }: PoolFactsParts): Promise<Standing> {
  try {
    const status = await chain?.status();
    if (!status) return null;
    return {
      active: status.active,
      stake: { asset: LPT, amount: status.stake, decimals: 18 },
      rewardCutPpm: status.rewardCut,
      feeCutPpm: 1_000_000n - status.feeShare,
      serviceUri: status.serviceUri || null,
      round: status.round,
    };
  } catch (error) {
    log.warn('standing_not_read', { error: messageOf(error) });
    return null;
  }
}

async function readPayouts(
  { database }: PoolFactsParts,
  { assets, payouts }: Terms,
  now: Instant,
): Promise<Facts['payouts']> {
  const [paid, paused] = await Promise.all([paidAmounts(database), pauses(database)]);
  return {
    ...(await paidSoFar(database)),
    paid: paid.map((one) => ({ ...one, decimals: decimalsOf(assets, one.asset) })),
    nextAt: payouts.every === 'round' ? null : periodEnd(payouts.every, now),
    paused: paused.map(({ asset = null, reason, since }) => ({
      ...{ asset, since },
      text: pauseText(reason),
    })),
  };
}

async function readSolvency(
  parts: PoolFactsParts,
  { assets }: Terms,
  isOnChain: boolean,
): Promise<Facts['solvency']> {
  const figures = await parts.solvency();
  const view = (of: 'obligations' | 'onHand') =>
    figures.assets
      .filter((one) => one.asset === ETH || one[of] !== 0n)
      .map((one) => ({
        asset: one.asset,
        amount: one[of],
        decimals: decimalsOf(assets, one.asset),
      }));
  return { owed: view('obligations'), held: isOnChain ? view('onHand') : null };
}

/** Earlier terms may have named an asset that those of today do not: it is in base units then. */
function decimalsOf(assets: Terms['assets'], asset: string): number {
  return assets[asset as AssetId]?.decimals ?? 0;
}
