import type { AssetId } from '../base/asset.ts';
import type { AssetKind } from '../terms/terms.ts';
import { cutBatches } from './plan-batches.ts';
import { converted, type Draft, type Hold } from './plan-draft.ts';
import type { Candidate, HoldReason, Plan, PlanHold, PlanInput, PlanLine } from './plan-types.ts';

const DAY_MS = 86_400_000;
const ZERO_ADDRESS = `0x${'0'.repeat(40)}`;

/**
 * What goes out, and why the rest does not: a pure function, so that a preview can be taken at its
 * word. A payout always pays all of what a worker is owed in the assets that it is for.
 */
export function planPayouts(input: PlanInput): Plan {
  const held: PlanHold[] = [];
  const drafts: Draft[] = [];
  for (const candidate of sorted(input.candidates)) {
    const all = holdOfAll(input, candidate);
    const { paid, kept } = convert(input, candidate);
    for (const { line, hold } of kept) held.push(holdOf(candidate, line, hold.reason, hold.detail));
    for (const draft of paid) {
      const hold = all ?? holdOfDraft(input, draft);
      if (!hold) drafts.push(draft);
      else held.push(...holdsOf(draft, hold));
    }
  }
  const { batches, held: late } = cutBatches(input, drafts);
  return {
    at: input.at,
    termsVersion: input.termsVersion,
    batches,
    held: [...held, ...late.flatMap(({ draft, hold }) => holdsOf(draft, hold))],
  };
}

/** Who waited longest comes first; then by id. */
function sorted(candidates: readonly Candidate[]): readonly Candidate[] {
  const since = ({ waitingSince }: Candidate) => waitingSince ?? Number.MAX_SAFE_INTEGER;
  return [...candidates].sort(
    (a, b) => since(a) - since(b) || (a.worker < b.worker ? -1 : a.worker > b.worker ? 1 : 0),
  );
}

function holdsOf({ candidate, lines }: Draft, { reason, detail }: Hold): PlanHold[] {
  return lines.map((line) => holdOf(candidate, line, reason, detail));
}

function holdOf(
  { worker, name }: Candidate,
  { asset, amount }: Pick<PlanLine, 'asset' | 'amount'>,
  reason: HoldReason,
  detail: string | undefined,
): PlanHold {
  return { worker, name, asset, amount, reason, detail };
}

function holdOfAll(
  { demand, rules, paused }: PlanInput,
  { worker, debt }: Candidate,
): Hold | undefined {
  const pause = paused.find(({ asset }) => asset === undefined);
  if (pause) return { reason: 'paused', detail: pause.reason };
  if (debt !== undefined) return { reason: 'got_too_much', detail: debt };
  if (demand.kind === 'schedule' && !demand.due && !demand.late?.has(worker)) {
    return { reason: 'not_due', detail: rules.every };
  }
  if (demand.kind !== 'worker') return undefined;
  if (!rules.onDemand) return { reason: 'on_demand_off' };
  return worker === demand.worker ? undefined : { reason: 'not_asked' };
}

/** What a worker is owed, by the asset that it is paid in. */
function convert(input: PlanInput, candidate: Candidate) {
  const paid = new Map<AssetId, PlanLine[]>();
  const kept: { line: Pick<PlanLine, 'asset' | 'amount'>; hold: Hold }[] = [];
  for (const [name, amount] of Object.entries(candidate.owed).sort()) {
    const asset = name as AssetId;
    if (amount <= 0n) continue;
    const found = wayOf(input, candidate, asset);
    if (found.ok) {
      const line: PlanLine = { asset, amount, quote: found.quote };
      paid.set(found.into, [...(paid.get(found.into) ?? []), line]);
    } else kept.push({ line: { asset, amount }, hold: found });
  }
  const drafts: Draft[] = [];
  for (const [asset, lines] of paid) {
    const amount = lines.reduce((sum, line) => sum + converted(line), 0n);
    const overdue = isOverdue(input, candidate);
    if (amount > 0n) drafts.push({ candidate, asset, amount, lines, overdue });
    else {
      kept.push(
        ...lines.map((line) => ({ line, hold: { reason: 'too_little_to_convert' } as const })),
      );
    }
  }
  return { paid: drafts, kept };
}

type Way =
  | { readonly ok: true; readonly into: AssetId; readonly quote: PlanLine['quote'] }
  | ({ readonly ok: false } & Hold);

/** As the worker wants it where the terms have an exchange, else as it is owed. */
function wayOf(
  { rules, assets, quotes, paused }: PlanInput,
  candidate: Candidate,
  owed: AssetId,
): Way {
  const { asset: wanted } = candidate;
  // What the pool cannot pay to all whom it owes it, it pays to nobody, in whatever asset.
  const short = paused.find(({ asset, reason }) => asset === owed && reason === 'insolvent');
  if (short) return { ok: false, reason: 'paused', detail: short.reason };
  const exchange = rules.conversions.find(
    ({ from, to }) => from === owed && rules.assets.includes(to) && (wanted ?? to) === to,
  );
  const asItIs = rules.assets.includes(owed) && assets[owed]?.kind !== 'points';
  if (wanted === owed || !exchange || (wanted === undefined && asItIs)) {
    if (asItIs) return { ok: true, into: owed, quote: undefined };
    if (assets[owed]?.kind === 'points') return { ok: false, reason: 'points_stay' };
    return { ok: false, reason: wanted === undefined ? 'asset_not_paid' : 'no_conversion' };
  }
  const pause = paused.find(({ asset }) => asset === exchange.to);
  if (pause) return { ok: false, reason: 'paused', detail: pause.reason };
  const quote = quotes[`${owed}>${exchange.to}`];
  if (!quote) return { ok: false, reason: 'rate_unavailable', detail: exchange.source };
  if (!quote.ok) return { ok: false, reason: quote.reason, detail: quote.text };
  const { numerator, denominator, source, at } = quote;
  return { ok: true, into: exchange.to, quote: { numerator, denominator, source, at } };
}

function isOverdue({ at, rules }: PlanInput, { waitingSince }: Candidate): boolean {
  const { latestDays } = rules;
  if (latestDays === undefined || waitingSince === undefined) return false;
  return at - waitingSince >= latestDays * DAY_MS;
}

function holdOfDraft(input: PlanInput, draft: Draft): Hold | undefined {
  const { rules, assets, paused } = input;
  const { candidate, asset, amount, overdue } = draft;
  const pause = paused.find((one) => one.asset === asset);
  if (pause) return { reason: 'paused', detail: pause.reason };
  const own = candidate.asset === asset ? (candidate.threshold ?? 0n) : 0n;
  const least = rules.thresholds[asset] ?? 0n;
  const threshold = own > least ? own : least;
  if (amount < threshold && !overdue) {
    return { reason: 'below_threshold', detail: `${threshold} ${asset}` };
  }
  return holdOfPlace(input, draft, assets[asset]);
}

function holdOfPlace(
  { forbidden, recipients, gas }: PlanInput,
  { candidate, asset }: Draft,
  kind: AssetKind | undefined,
): Hold | undefined {
  if (kind === undefined) return { reason: 'asset_not_paid' };
  if (kind.kind === 'fiat') {
    return candidate.fiatAccount === undefined ? { reason: 'no_fiat_account' } : undefined;
  }
  const { address } = candidate;
  if (address === undefined) return { reason: 'no_address' };
  if (address === ZERO_ADDRESS) return { reason: 'zero_address' };
  if (forbidden.has(address)) return { reason: 'own_address' };
  if (!gas) return { reason: 'chain_away' };
  const refuses = recipients[`${asset} ${address}`]?.refuses;
  return refuses && { reason: refuses };
}
