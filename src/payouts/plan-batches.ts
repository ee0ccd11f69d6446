import type { AssetId } from '../base/asset.ts';
import { converted, type Draft, type Hold, shareOf } from './plan-draft.ts';
import type { PayoutMethod, PlanBatch, PlanInput, Recipient } from './plan-types.ts';

/** Drafts of one way to be paid. */
interface Cut {
  readonly method: PayoutMethod;
  readonly asset: AssetId;
  readonly drafts: readonly Draft[];
}

interface Held {
  readonly draft: Draft;
  readonly hold: Hold;
}

/**
 * Who leaves together, and who waits since it would cost too much or there is not enough: one
 * transaction for many old accounts, one for each new one.
 */
export function cutBatches(
  input: PlanInput,
  drafts: readonly Draft[],
): { readonly batches: readonly PlanBatch[]; readonly held: readonly Held[] } {
  const held: Held[] = [];
  const batches: PlanBatch[] = [];
  const assets = [...new Set(drafts.map(({ asset }) => asset))].sort();
  for (const asset of assets) {
    let left = affordable(
      input,
      drafts.filter((draft) => draft.asset === asset),
      held,
    );
    // Who leaves a batch makes it dearer for the others, so it is cut until nobody leaves.
    for (;;) {
      const cuts = cut(input, asset, left);
      const dear = cuts.flatMap((one) => one.drafts.flatMap((draft) => feeHold(input, one, draft)));
      if (dear.length === 0) {
        batches.push(...cuts.map((one) => batchOf(input, one)));
        break;
      }
      held.push(...dear);
      left = left.filter((draft) => !dear.some((one) => one.draft === draft));
    }
  }
  return { batches, held };
}

/** In their order, as far as what is on hand goes; a smaller one behind does not overtake. */
function affordable(
  { onHand, assets }: PlanInput,
  drafts: readonly Draft[],
  held: Held[],
): Draft[] {
  const first = drafts[0];
  if (!first || assets[first.asset]?.kind === 'fiat') return [...drafts];
  let left = onHand[first.asset] ?? 0n;
  let short = false;
  return drafts.filter((draft) => {
    short ||= draft.amount > left;
    if (short) {
      const detail = `${left} of ${draft.amount} base units are on hand`;
      held.push({ draft, hold: { reason: 'funds_short', detail } });
    } else left -= draft.amount;
    return !short;
  });
}

function cut(
  { assets, recipients, limits }: PlanInput,
  asset: AssetId,
  drafts: readonly Draft[],
): Cut[] {
  const kind = assets[asset]?.kind;
  if (drafts.length === 0) return [];
  if (kind === 'fiat') return [{ method: 'fiat', asset, drafts }];
  const alone: PayoutMethod = kind === 'native' ? 'eth' : 'erc20';
  const together: PayoutMethod = kind === 'native' ? 'disperse_eth' : 'disperse_erc20';
  // Only sending ether creates an account: a token's contract has room for everybody.
  const isNew = (draft: Draft) =>
    kind === 'native' && recipients[`${asset} ${draft.candidate.address}`]?.isNew === true;
  const old = drafts.filter((draft) => !isNew(draft));
  const batched = old.length >= limits.batchMin ? old : [];
  const singles = drafts.filter((draft) => !batched.includes(draft));
  const pieces = Math.ceil(batched.length / limits.batchMax);
  const size = Math.ceil(batched.length / Math.max(1, pieces));
  return [
    ...Array.from({ length: pieces }, (_, index) => ({
      method: together,
      asset,
      drafts: batched.slice(index * size, (index + 1) * size),
    })),
    ...singles.map((draft) => ({ method: alone, asset, drafts: [draft] })),
  ];
}

/** Wei that a way to pay costs, and the part of one recipient. */
function feeOf(
  { gas }: PlanInput,
  { method, drafts }: Cut,
): { readonly all: bigint; readonly each: bigint } {
  if (!gas || method === 'fiat') return { all: 0n, each: 0n };
  const count = BigInt(drafts.length);
  const { single, batch, gasPriceWei } = gas;
  const used =
    method === 'eth' || method === 'erc20'
      ? single[method] * count
      : batch.base + count * (method === 'disperse_eth' ? batch.eth : batch.erc20);
  const all = used * gasPriceWei;
  return { all, each: all / count };
}

/** Above the share that the terms allow; where no rate says what wei are worth, there is no such limit. */
function feeHold(input: PlanInput, one: Cut, draft: Draft): Held[] {
  const { feeShareMax } = input.rules;
  if (!feeShareMax || draft.overdue) return [];
  const worth = worthWei(input, draft);
  if (worth === undefined) return [];
  const { each } = feeOf(input, one);
  if (each * feeShareMax.denominator <= worth * feeShareMax.numerator) return [];
  return [{ draft, hold: { reason: 'fee_too_high', detail: `${each} wei` } }];
}

/** Wei that a payout is worth: what it was, or by the rate of an exchange of the terms. */
function worthWei({ assets, quotes }: PlanInput, draft: Draft): bigint | undefined {
  const worth = draft.lines.map((line) => {
    if (assets[line.asset]?.kind === 'native') return line.amount;
    const quote = quotes[`ETH>${draft.asset}`];
    return quote?.ok ? (converted(line) * quote.denominator) / quote.numerator : undefined;
  });
  if (worth.some((value) => value === undefined)) return undefined;
  return worth.reduce<bigint>((sum, value) => sum + (value ?? 0n), 0n);
}

function batchOf(input: PlanInput, one: Cut): PlanBatch {
  const kind = input.assets[one.asset];
  return {
    method: one.method,
    asset: one.asset,
    token: kind?.kind === 'erc20' ? (kind.address.toLowerCase() as Recipient) : undefined,
    feeWei: feeOf(input, one).all,
    shares: one.drafts.map((draft) => shareOf(draft, kind)),
  };
}
