const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const PIXEL_STEPS = [
  [10n ** 15n, 'Ppx'],
  [10n ** 12n, 'Tpx'],
  [10n ** 9n, 'Gpx'],
  [10n ** 6n, 'Mpx'],
  [10n ** 3n, 'kpx'],
] as const;
const BYTE_STEPS = [
  [2 ** 40, 'TiB'],
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
] as const;

/** Pixels with three digits: `1.24 Gpx`. */
export function showPixels(count: bigint): string {
  for (const [size, unit] of PIXEL_STEPS) {
    if (count >= size) return `${threeDigits(Number((count * 1000n) / size) / 1000)} ${unit}`;
  }
  return `${count} px`;
}

/** Bytes with a binary unit and three digits: `1.62 MiB`. */
export function showBytes(bytes: number): string {
  for (const [size, unit] of BYTE_STEPS) {
    if (bytes >= size) return `${threeDigits(bytes / size)} ${unit}`;
  }
  return `${Math.round(bytes)} B`;
}

/** A count with groups of thousands: `81,420`. */
export function showCount(count: number | bigint): string {
  return grouped.format(count);
}

/** How many there are of something that takes an s: `1 segment`, `81,420 segments`. */
export function showCounted(count: number | bigint, one: string): string {
  return `${showCount(count)} ${one}${BigInt(count) === 1n ? '' : 's'}`;
}

/** A latency: `0.4 ms`, `41 ms`, `1.24 s`. */
export function showMs(ms: number): string {
  if (!Number.isFinite(ms)) return 'none';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** A span that people plan by: `2 h 14 min`, `3 min 5 s`, `12 s`. */
export function showSpan(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min${seconds % 60 ? ` ${seconds % 60} s` : ''}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`;
  const days = Math.floor(hours / 24);
  return `${days} d${hours % 24 ? ` ${hours % 24} h` : ''}`;
}

/** A factor: `2.1×`. */
export function showFactor(factor: number): string {
  return Number.isFinite(factor) ? `${factor.toFixed(1)}×` : 'none';
}

/** A time of day in the reader's zone, `14:05`; with the day when it is not today. */
export function showTime(at: Date, now: Date): string {
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (at.toDateString() === now.toDateString()) return time;
  const day = at.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short' });
  return `${day.replace(',', '')}, ${time}`;
}

/** The value below which the share `q` (0 to 1) of the values lies; NaN of no values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.ceil(q * sorted.length) - 1;
  return sorted[Math.min(sorted.length - 1, Math.max(0, rank))] ?? Number.NaN;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function threeDigits(value: number): string {
  if (value >= 100) return String(Math.floor(value));
  const places = value >= 10 ? 1 : 2;
  return (Math.floor(value * 10 ** places) / 10 ** places).toFixed(places);
}
