import type { z } from 'zod';
import type { listedPool, wholePool } from '../../api/directory-views.ts';
import { daysOf, HISTORY_DAYS, uptimeOf } from '../../directory/hours.ts';
import { overdue } from '../../directory/promises.ts';
import type { Judged } from '../../directory/standing.ts';
import type { Manifest } from '../../manifest/manifest.ts';
import { standardAssets } from '../../terms/terms.ts';

type Listed = z.input<typeof listedPool>;

/** A pool in the list: its terms without what only a reader of one pool looks at. */
export function listedView(judged: Judged, now: number): Listed {
  const { record, manifest, standing, checks } = judged;
  const { proofs, chain, seed } = record;
  const { promised } = proofs;
  const amounts = (sums: Readonly<Record<string, string>>) =>
    Object.entries(sums)
      .slice(0, ASSETS_MAX)
      .map(([asset, amount]) => ({ asset, amount, decimals: decimalsOf(manifest, asset) }));
  return {
    id: seed.id,
    url: seed.origin,
    standing,
    lookedAt: record.lookedAt,
    checks: [...checks],
    says: manifest ? saysOf(manifest, essentials(manifest.terms.document)) : null,
    onChain:
      chain?.kind === 'seen'
        ? {
            ...chain.orchestrator,
            stake: { asset: 'LPT', amount: chain.orchestrator.stake, decimals: 18 },
            serviceUri: chain.orchestrator.serviceUri || null,
          }
        : null,
    measured: {
      uptime30: uptimeOf(record.hours, now, 30),
      epochsHeld: proofs.held,
      epochsPublished: proofs.published,
      proofsAt: record.proofsAt,
      payouts: promised.payouts,
      payoutsOnChain: promised.onChain,
      payoutsLate: promised.late,
      workersOverdue: overdue(promised, now),
      lastPayoutAt: promised.lastAt,
      paid: amounts(promised.paid),
      credited: amounts(promised.credited),
    },
  };
}

/** A pool with everything that is known of it. */
export function wholeView(judged: Judged, now: number): z.input<typeof wholePool> {
  const { record, manifest } = judged;
  return {
    ...listedView(judged, now),
    says: manifest ? saysOf(manifest, manifest.terms.document) : null,
    days: [...daysOf(record.hours, now, HISTORY_DAYS)],
    epochs: record.proofs.epochs.toReversed().map(({ termsDigest, ...epoch }) => ({
      ...epoch,
      steps: [...epoch.steps],
    })),
    terms: record.terms.map(({ version, digest, at }) => ({ version, digest, seenAt: at })),
  };
}

/** Of sums: more than a pool pays in. */
const ASSETS_MAX = 32;

function saysOf(
  { pool, terms, operator, joining, software, issuedAt }: Manifest,
  document: object,
) {
  return {
    name: pool.name,
    chainId: pool.chainId,
    orchestrator: pool.orchestrator ?? null,
    account: pool.account ?? null,
    serviceUri: pool.serviceUri,
    operator: {
      name: operator.name ?? null,
      contact: operator.contact ?? null,
      region: operator.region ?? null,
    },
    outsideGpus: joining.outsideGpus,
    hardware: joining.hardware ?? null,
    software: `${software.name} ${software.version}`,
    issuedAt,
    terms: { version: terms.version, digest: terms.digest, document: { ...document } },
  };
}

/** What a list of a thousand pools has room for: still terms, and bounded. */
function essentials(document: Manifest['terms']['document']): object {
  const { payouts, assets, groups, multipliers, penalties, expectations, ...rest } = document;
  const named = new Set(payouts.assets);
  const only = <T>(of: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(of).filter(([asset]) => named.has(asset)));
  return {
    ...rest,
    assets: only(assets),
    payouts: { ...payouts, conversions: [], thresholds: only(payouts.thresholds) },
    groups: [],
    multipliers: [],
    penalties: { ...penalties, rules: [] },
    expectations: {},
  };
}

function decimalsOf(manifest: Manifest | undefined, asset: string): number {
  const own = manifest?.terms.document.assets[asset];
  const standard = standardAssets[asset as keyof typeof standardAssets];
  return own?.decimals ?? standard?.decimals ?? 0;
}
