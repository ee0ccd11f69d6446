import { showAsset } from '../../src/base/amounts.ts';
import { showBytes, showCount, showMs } from '../../src/base/figures.ts';

/** What the values of a chart are; amounts are in whole units of their asset. */
export type ChartUnit =
  | 'ms'
  | 'count'
  | 'percent'
  | 'bytes'
  | 'pixels_per_second'
  | { readonly asset: string };

/** A value of a chart in words: `41 ms`, `0.0042 ETH`. */
export function showValue(value: number, unit: ChartUnit): string {
  if (typeof unit === 'object') {
    const { asset } = unit;
    if (asset !== 'ETH' && asset !== 'LPT') return `${significantDigits(value)} ${asset}`;
    return showAsset(BigInt(Math.round(value * 1e18)), asset, 18);
  }
  switch (unit) {
    case 'ms':
      return showMs(value);
    case 'count':
      return showCount(value);
    case 'percent':
      return `${significantDigits(value)} %`;
    case 'bytes':
      return showBytes(value);
    case 'pixels_per_second':
      return showRate(value);
  }
}

const STEPS = [
  [1e12, 'Tpx/s'],
  [1e9, 'Gpx/s'],
  [1e6, 'Mpx/s'],
  [1e3, 'kpx/s'],
] as const;

/** `1.24 Mpx/s`. */
export function showRate(pixelsPerSecond: number): string {
  const step = STEPS.find(([size]) => pixelsPerSecond >= size);
  return step
    ? `${significantDigits(pixelsPerSecond / step[0])} ${step[1]}`
    : `${Math.round(pixelsPerSecond)} px/s`;
}

/** Four digits, never an exponent. */
export function significantDigits(value: number): string {
  if (value === 0) return '0';
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}
