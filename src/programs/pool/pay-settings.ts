import { type AssetId, isAssetId } from '../../base/asset.ts';
import type { AnySetting } from '../../base/command.ts';
import { listOf, onOff, read, type SettingType } from '../../base/setting-types.ts';

/** An amount of an asset in its base units. */
interface AssetAmount {
  readonly asset: AssetId;
  readonly units: bigint;
}

const assetAmount: SettingType<AssetAmount> = {
  schema: read((given) => {
    const [, asset = '', units = ''] = /^([A-Z0-9]+)=(\d{1,39})$/.exec(String(given)) ?? [];
    return isAssetId(asset) ? { asset, units: BigInt(units) } : undefined;
  }),
  placeholder: 'ASSET=UNITS',
  allowed: 'ASSET=UNITS: an asset as the terms name it and an amount in its base units',
  show: ({ asset, units }) => `${asset}=${units}`,
};

/** What `tributary pool` takes for payouts, on chain or by file. */
export const paySettings = {
  automaticPayouts: {
    type: onOff(),
    doc: 'Pay by the schedule of the terms without being asked to.',
    default: false,
    why: 'Somebody should have read a few plans before they run by themselves.',
  },
  approvePayoutsAbove: {
    type: listOf(assetAmount),
    doc: 'Two people must approve a plan that pays more of an asset than this, such as ETH=1000000000000000000 for 1 ETH.',
    default: [],
    defaultText: 'no plan needs an approval',
    why: 'A pool of one person has nobody else to ask.',
  },
} as const satisfies Readonly<Record<string, AnySetting>>;

/** The limits of `--approve-payouts-above` by asset; of several for one asset the lowest. */
export function approvalLimits(above: readonly AssetAmount[]): Readonly<Record<AssetId, bigint>> {
  const limits: Record<AssetId, bigint> = {};
  for (const { asset, units } of above) {
    const known = limits[asset];
    limits[asset] = known === undefined || units < known ? units : known;
  }
  return limits;
}
