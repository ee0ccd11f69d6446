/** One line of a benchmark's report: what is claimed, by us, and against what it is held. */
export interface Line {
  /** With its unit in parentheses. */
  readonly claim: string;
  readonly ours: number;
  /** The floor, peer or limit, and which of them it is; undefined for a figure on its own. */
  readonly other?: { readonly name: 'floor' | 'peer' | 'limit'; readonly value: number };
}

const head = 'claim, ours, floor or peer, ratio';

/** Prints the lines under one head, so that a script can read them as CSV. */
export function report(lines: readonly Line[]): void {
  console.log(head);
  for (const { claim, ours, other } of lines) {
    const held = other ? `${other.name} ${figure(other.value)}` : '-';
    const ratio = other && other.value > 0 ? (ours / other.value).toFixed(2) : '-';
    console.log(`${claim}, ${figure(ours)}, ${held}, ${ratio}`);
  }
}

/** Three digits that mean something. */
function figure(value: number): string {
  if (value === 0 || Math.abs(value) >= 100) return value.toFixed(0);
  return value.toPrecision(3).replace(/\.?0+$/, '');
}

/** The value below which a share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
