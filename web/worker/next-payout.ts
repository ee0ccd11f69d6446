import type { PoolView } from '../../src/api/pool-view.ts';
import { showAsset } from '../../src/base/amounts.ts';
import type { Terms } from '../../src/terms/terms.ts';
import type { AmountView } from '../parts/amount.tsx';
import type { Choices } from './api-views.ts';

/** When money goes out next, how much, and what holds it up. */
export interface NextPayout {
  /** ISO 8601; undefined: it hangs on something else than the clock. */
  readonly at: string | undefined;
  /** In words, where no time can be given. */
  readonly when: string;
  /** One sentence. */
  readonly text: string;
  /** Whether something has to be done by the reader before anything is paid. */
  readonly needsAddress: boolean;
  /** What is owed, in words; undefined: nothing. */
  readonly owed: string | undefined;
  /** From which amount on it is paid. */
  readonly least: AmountView | undefined;
}

/** Says it from what is owed, what was chosen and what the terms say. */
export function nextPayout(given: {
  readonly pool: PoolView;
  readonly terms: Terms | undefined;
  readonly choices: Choices | undefined;
  readonly owed: readonly AmountView[];
}): NextPayout {
  const { pool, terms, choices, owed } = given;
  const asset = choices?.asset ?? terms?.payouts.assets[0] ?? 'ETH';
  const least = leastAmount(terms, choices, asset);
  const due = owed.find((one) => one.asset === asset) ?? owed[0];
  const needsAddress = choices !== undefined && choices.address === undefined;
  const of = due?.asset ?? asset;
  const paused = pool.payouts.paused.find((one) => one.asset === null || one.asset === of);
  const base = {
    at: paused ? undefined : (pool.payouts.nextAt ?? undefined),
    when: paused ? 'paused' : 'with the next round of the protocol',
    needsAddress,
    least,
    owed: due && due.amount !== '0' ? amountText(due) : undefined,
  };
  const stopped = paused ? `Payouts${paused.asset === null ? '' : ` of ${of}`} are paused. ` : '';
  if (!due || due.amount === '0') {
    const text = `${stopped}Nothing is owed yet: pay is settled when an epoch ends.`;
    return { ...base, text };
  }
  const shown = amountText(due);
  if (needsAddress) {
    return {
      ...base,
      at: undefined,
      when: 'waits for an address',
      text: `${shown} is owed; say where it shall go.`,
    };
  }
  if (paused) return { ...base, text: `${shown} is owed. ${stopped}${paused.text}` };
  if (least && due.asset === least.asset && BigInt(due.amount) < BigInt(least.amount)) {
    return { ...base, text: `${shown} is owed; it goes out from ${amountText(least)} on.` };
  }
  const from = least ? `, threshold ${amountText(least)}` : '';
  return { ...base, text: `${shown} is due${from}.` };
}

/** From which amount on somebody is paid: as it chose, and no less than the terms say. */
function leastAmount(
  terms: Terms | undefined,
  choices: Choices | undefined,
  asset: string,
): AmountView | undefined {
  if (!terms) return undefined;
  const known = asset as keyof typeof terms.assets;
  const byTerms = terms.payouts.thresholds[known] ?? 0n;
  const chosen = BigInt(choices?.threshold ?? 0);
  const decimals = terms.assets[known]?.decimals ?? 0;
  return { asset, amount: String(chosen > byTerms ? chosen : byTerms), decimals };
}

/** An amount as people read it. */
export function amountText({ asset, amount, decimals }: AmountView): string {
  return showAsset(BigInt(amount), asset, decimals);
}
