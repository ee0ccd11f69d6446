import type { ModelText } from './document.ts';
import type { Fault, Looked, Path } from './faults.ts';
import { baseUnits, splitRate } from './quantities.ts';

/** What does not add up within a payout model. */
export function modelFaults(looked: Looked, model: ModelText, path: Path): readonly Fault[] {
  switch (model.kind) {
    case 'per-segment':
    case 'proportional':
    case 'sliding-window':
      return [];
    case 'fixed-rate':
    case 'retainer':
      return rateFaults(looked, model.rate, [...path, 'rate']);
    case 'pool-token':
      return tokenFaults(looked, model, path);
  }
}

function rateFaults({ assets }: Looked, text: string, path: Path): readonly Fault[] {
  const rate = splitRate(text);
  if (!rate) return [];
  if (!Object.hasOwn(assets, rate.asset)) return [{ path, text: unknown(rate.asset, assets) }];
  if (/^[0.]*$/.test(rate.amount)) return [{ path, text: 'pays nothing: it must be above 0' }];
  return [];
}

function tokenFaults(
  looked: Looked,
  model: Extract<ModelText, { kind: 'pool-token' }>,
  path: Path,
): readonly Fault[] {
  const { assets } = looked;
  const kind = Object.hasOwn(assets, model.asset) ? assets[model.asset] : undefined;
  if (!kind) return [{ path: [...path, 'asset'], text: unknown(model.asset, assets) }];
  if (kind.kind !== 'erc20' && kind.kind !== 'points') {
    const text = `is ${model.asset}, which is no token of a pool: it must be of kind "erc20" or "points"`;
    return [{ path: [...path, 'asset'], text }];
  }
  const ways = [model.rate, model['per-epoch']].filter((way) => way !== undefined);
  if (ways.length !== 1) {
    const text = `must have either rate or per-epoch${ways.length === 0 ? '' : ', not both'}`;
    return [{ path, text }];
  }
  if (model.rate !== undefined) {
    if (model.by !== undefined) {
      return [{ path: [...path, 'by'], text: 'is only for per-epoch: a rate says what it counts' }];
    }
    if (splitRate(model.rate)?.asset !== model.asset) {
      return [
        { path: [...path, 'rate'], text: `must be in ${model.asset}, the asset of the model` },
      ];
    }
    return rateFaults(looked, model.rate, [...path, 'rate']);
  }
  if (baseUnits(model['per-epoch'] ?? '', kind) !== undefined) return [];
  const text = `has more decimals than the ${kind.decimals} of ${model.asset}`;
  return [{ path: [...path, 'per-epoch'], text }];
}

function unknown(asset: string, assets: Looked['assets']): string {
  return `names ${asset}, an unknown asset: terms know ${Object.keys(assets).join(', ')}; describe it under [assets.${asset}]`;
}

/** In which assets workers can be owed anything. */
export function earnedAssets({ file }: Looked): ReadonlySet<string> {
  const models = [
    file.model,
    ...file.groups.flatMap((group) => (group.model ? [group.model] : [])),
  ];
  const earned = new Set(models.flatMap(assetsOfModel));
  if (file.rewards) earned.add('LPT');
  return earned;
}

function assetsOfModel(model: ModelText): readonly string[] {
  switch (model.kind) {
    case 'per-segment':
    case 'proportional':
    case 'sliding-window':
      return ['ETH'];
    case 'retainer':
      return ['ETH', splitRate(model.rate)?.asset ?? 'ETH'];
    case 'fixed-rate':
      return [splitRate(model.rate)?.asset ?? 'ETH'];
    case 'pool-token':
      return [model.asset];
  }
}
