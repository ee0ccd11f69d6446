import type { Tone } from '../parts/state.tsx';
import type { FleetWorker } from './api-views.ts';

/** By what the fleet can be sorted; the first is how it stands when nobody asks. */
export const orders = ['failing', 'slow', 'work', 'pixels', 'name'] as const;
export type Order = (typeof orders)[number];

type Sortable = Pick<FleetWorker, 'name' | 'health' | 'connections' | 'pixels' | 'lastHour'>;

/** Which share of its attempts of the last hour came to nothing; undefined: it had none. */
export function failureShare({ lastHour }: Pick<FleetWorker, 'lastHour'>): number | undefined {
  const { jobs, failed } = lastHour;
  return jobs + failed === 0 ? undefined : failed / (jobs + failed);
}

/** Sorts so that what a reader looks for stands above; what ties, by name. */
export function sortFleet<T extends Sortable>(workers: readonly T[], order: Order): readonly T[] {
  return workers.toSorted((a, b) => compare(a, b, order) || (a.name < b.name ? -1 : 1));
}

function compare(a: Sortable, b: Sortable, order: Order): number {
  switch (order) {
    case 'failing':
      return (
        Number(b.health !== 'healthy') - Number(a.health !== 'healthy') ||
        (failureShare(b) ?? -1) - (failureShare(a) ?? -1) ||
        b.lastHour.failed - a.lastHour.failed
      );
    case 'slow':
      return (b.lastHour.p95Ms ?? -1) - (a.lastHour.p95Ms ?? -1);
    case 'work':
      return b.lastHour.jobs - a.lastHour.jobs;
    case 'pixels':
      return Number(BigInt(b.pixels) - BigInt(a.pixels));
    case 'name':
      return 0;
  }
}

/** Below it a failure is one of those that happen to everybody. */
const ATTENTION_SHARE = 0.02;
const WRONG_SHARE = 0.1;

/** How much of a worry a share of failures is. */
export function shareTone(share: number | undefined): Tone {
  if (share === undefined || share < ATTENTION_SHARE) return 'plain';
  return share < WRONG_SHARE ? 'attention' : 'wrong';
}

/** `12.5 %`; small shares are not rounded to nothing. */
export function percent(share: number): string {
  if (share === 0) return '0 %';
  return `${(share * 100).toLocaleString('en-US', { maximumSignificantDigits: 3 })} %`;
}

/** How loud a state of a worker is. */
export function statusTone({
  status,
  health,
}: Pick<FleetWorker, 'status'> & { readonly health?: string }): Tone {
  if (status === 'Working') return 'good';
  if (status === 'Revoked') return 'wrong';
  if (health === 'quarantined' || health === 'half_open') return 'attention';
  if (status.startsWith('Quarantined') || status.startsWith('On trial')) return 'attention';
  return status === 'Not connected' ? 'attention' : 'muted';
}
