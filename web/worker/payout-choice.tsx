import type { AssetId } from '../../src/base/asset.ts';
import type { Terms } from '../../src/terms/terms.ts';
import { PostForm } from '../parts/confirm.tsx';
import { Island } from '../parts/island.tsx';
import { percent } from '../public/terms-words.ts';
import type { Choices } from './api-views.ts';
import { amountText } from './next-payout.ts';
import { linkOf, type WorkerParts } from './worker-page.tsx';

/** Steps above the least amount of the terms that people pay by. */
const STEPS = [1n, 2n, 5n, 10n, 50n, 100n] as const;

/** In what somebody is paid, and from which amount on: a form for each asset that may be chosen. */
export function ChoicePart({
  of,
  terms,
  choices,
}: {
  readonly of: WorkerParts;
  readonly terms: Terms;
  readonly choices: Choices;
}) {
  const { assets, latestDays, feeShareMax } = terms.payouts;
  const chosen = choices.asset ?? assets[0];
  return (
    <>
      <p class="prose">
        A payout waits until what you are owed has reached the amount that you choose: the higher it
        is, the fewer fees.{' '}
        {latestDays === undefined
          ? 'It waits for as long as it takes.'
          : `After ${latestDays} days it goes out all the same.`}{' '}
        {feeShareMax &&
          `It also waits while its fee would be more than ${percent(feeShareMax)} of it.`}
      </p>
      {assets.map((asset) => (
        <AssetForm
          key={asset}
          of={of}
          terms={terms}
          asset={asset}
          choices={choices}
          isChosen={asset === chosen}
        />
      ))}
    </>
  );
}

function AssetForm({
  of,
  terms,
  asset,
  choices,
  isChosen,
}: {
  readonly of: WorkerParts;
  readonly terms: Terms;
  readonly asset: AssetId;
  readonly choices: Choices;
  readonly isChosen: boolean;
}) {
  const decimals = terms.assets[asset]?.decimals ?? 0;
  const least = terms.payouts.thresholds[asset] ?? 0n;
  const now = isChosen && choices.threshold !== undefined ? BigInt(choices.threshold) : least;
  const offered = [...new Set([...stepsFrom(least, decimals), now])].sort((a, b) =>
    a < b ? -1 : 1,
  );
  const id = `threshold-${asset}`;
  return (
    <Island name="form" props={{}}>
      <PostForm
        action="/api/v1/me/choices"
        token={of.token}
        goOn={`${linkOf(of, '/worker/payouts')}#choice`}
        hidden={{ worker: of.worker.id, asset }}
      >
        <div class="form row">
          <div class="field">
            <label for={id}>
              In {asset}
              {isChosen ? ', as now' : ''}, from
            </label>
            <select id={id} name="threshold">
              {offered.map((amount) => (
                <option key={String(amount)} value={String(amount)} selected={amount === now}>
                  {amountText({ asset, amount: String(amount), decimals })}
                  {amount === least ? ', the least' : ''}
                </option>
              ))}
            </select>
          </div>
          <button type="submit" class={isChosen ? 'quiet' : undefined}>
            {isChosen ? 'Change' : `Be paid in ${asset}`}
          </button>
        </div>
      </PostForm>
    </Island>
  );
}

/** Amounts to choose from: multiples of the least, or round ones where there is none. */
function stepsFrom(least: bigint, decimals: number): readonly bigint[] {
  const first = least > 0n ? least : 10n ** BigInt(Math.max(0, decimals - 2));
  return [least, ...STEPS.map((step) => first * step)];
}
