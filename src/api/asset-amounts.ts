import type { AssetId } from '../base/asset.ts';
import type { Terms } from '../terms/terms.ts';
import type { TermsService } from '../terms/terms-service.ts';

/** An amount with its asset and the decimals that the terms give it. */
export type AmountOf = (
  asset: string,
  amount: bigint | string,
) => { readonly asset: string; readonly amount: bigint | string; readonly decimals: number };

/** Says how many decimals an amount has by the terms that hold now; 0 for an asset they do not name. */
export async function amountsNow(
  terms: Pick<TermsService, 'list' | 'of'>,
): Promise<{ readonly amountOf: AmountOf; readonly terms: Terms }> {
  const now = await terms.of((await terms.list()).current);
  return {
    terms: now,
    amountOf: (asset, amount) => {
      return { asset, amount, decimals: now.assets[asset as AssetId]?.decimals ?? 0 };
    },
  };
}
