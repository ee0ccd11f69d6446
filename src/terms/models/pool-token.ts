import type { AssetId } from '../../base/asset.ts';
import { createTally, entriesOf } from '../tally.ts';
import type { TokenIssue } from '../terms.ts';
import { rateCredit } from './fixed-rate.ts';
import { basisText, type Credit, type Credited, doneBy, type Pot } from './model.ts';
import { shareOut } from './proportional.ts';

/**
 * The pool's token or points, by a rate or as a fixed issue per epoch that is shared. What was carried
 * of it is used first; points then come into being, an ERC-20 comes out of the reserve. Income in
 * other assets goes to the reserve, which stands behind the token.
 */
export function poolToken(
  { asset, issue }: { readonly asset: AssetId; readonly issue: TokenIssue },
  pot: Pot,
): Credited {
  const carried = pot.available[asset] ?? 0n;
  const isPoints = pot.terms.assets[asset]?.kind === 'points';
  const { credits, left } = issued();
  const spent = credits.reduce((sum, { amount }) => sum + amount, 0n);
  const needed = spent + left - carried;
  const fresh = { [asset]: needed > 0n ? needed : 0n };
  const rest = createTally(needed < 0n ? { [asset]: left - needed } : { [asset]: left });
  const kept = createTally();
  for (const [other, value] of entriesOf(pot.available))
    if (other !== asset) kept.add(other, value);
  return {
    credits,
    drawn: isPoints ? {} : fresh,
    issued: isPoints ? fresh : {},
    kept: kept.amounts(),
    left: rest.amounts(),
  };

  function issued(): { readonly credits: readonly Credit[]; readonly left: bigint } {
    if (issue.kind === 'rate') {
      const paid = pot.workers
        .map((worker) => rateCredit(worker, issue.per, issue.rate, 'points'))
        .filter(({ units }) => units > 0n);
      return { credits: paid, left: 0n };
    }
    const done = pot.workers.map(({ input }) => doneBy(issue.by, input));
    // Without work nothing is issued; what was carried stays.
    const amount = done.some((each) => each > 0n) ? issue.amount + carried : 0n;
    const shared = shareOut(
      { ...pot, available: { [asset]: amount } },
      { done, basis: basisText[issue.by], kind: 'points', bearsCommission: false },
    );
    return { credits: shared.credits, left: shared.left[asset] ?? 0n };
  }
}
