import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { PayoutRules } from '../terms/terms.ts';
import type { Outgoing } from './plan-text.ts';
import type { Candidate, PlanShare } from './plan-types.ts';

/** A plan that nobody ran for so long is of another day: it is shown anew. */
export const PLAN_AGE_MS_MAX = 24 * 3_600_000;

/** How things stand when a plan is to be run. */
export interface Present {
  readonly at: Instant;
  readonly termsVersion: number;
  readonly rules: PayoutRules;
  readonly candidates: readonly Candidate[];
  readonly forbidden: ReadonlySet<string>;
  readonly paused: readonly { readonly asset: AssetId | undefined; readonly reason: string }[];
}

/**
 * What is not as it was when the plan was shown, in sentences; none: it may be run. A plan is either
 * run as it is or not at all, so one difference is enough to show it anew.
 */
export function changesSince(plan: Outgoing, now: Present): readonly string[] {
  const changes: string[] = [];
  if (now.at - plan.at > PLAN_AGE_MS_MAX) changes.push('It was shown more than 24 hours ago.');
  if (now.termsVersion !== plan.termsVersion) {
    changes.push(`Version ${now.termsVersion} of the terms holds now.`);
  }
  for (const { asset, reason } of now.paused) {
    if (asset === undefined) changes.push(`All payouts wait: ${reason}.`);
  }
  const byId = new Map(now.candidates.map((candidate) => [candidate.worker, candidate]));
  for (const { asset, shares } of plan.batches) {
    const pause = now.paused.find((one) => one.asset === asset);
    if (pause) changes.push(`Payouts in ${asset} wait: ${pause.reason}.`);
    for (const share of shares) {
      changes.push(...changesOf(share, asset, byId.get(share.worker), now));
    }
  }
  return changes;
}

function changesOf(
  share: PlanShare,
  asset: AssetId,
  candidate: Candidate | undefined,
  now: Present,
): string[] {
  const { name, to, fiatAccount, lines } = share;
  if (!candidate) return [`${name} is owed nothing any more.`];
  const changes: string[] = [];
  if (candidate.debt) changes.push(`${name} got too much ${candidate.debt} before.`);
  if (to !== undefined && candidate.address !== to) changes.push(`${name} has another address.`);
  if (to !== undefined && now.forbidden.has(to))
    changes.push(`${name} has an address of the pool.`);
  if (fiatAccount !== undefined && candidate.fiatAccount !== fiatAccount) {
    changes.push(`${name} has another bank account.`);
  }
  if (candidate.asset !== undefined && candidate.asset !== asset) {
    const lost = lines.some((line) => line.quote !== undefined || line.asset !== asset);
    if (lost) changes.push(`${name} wants ${candidate.asset} now.`);
  }
  for (const line of lines) {
    if (now.paused.some((one) => one.asset === line.asset && one.reason === 'insolvent')) {
      changes.push(`Payouts of what is owed in ${line.asset} wait: insolvent.`);
    }
    const owed = candidate.owed[line.asset] ?? 0n;
    if (owed !== line.amount) {
      changes.push(`${name} is owed ${owed} base units of ${line.asset}, not ${line.amount}.`);
    }
    const rule = now.rules.conversions.find(
      ({ from, to: into }) => from === line.asset && into === asset,
    );
    if (line.quote && (!rule || now.at - line.quote.at > rule.ageMinutesMax * 60_000)) {
      changes.push(`The rate from ${line.asset} to ${asset} for ${name} is too old now.`);
    }
  }
  return changes;
}
