import type { WorkerId } from '../base/ids.ts';
import { type EventFacts, kindOf } from './event.ts';
import { isOperators, type Notice, type NoticeOwner } from './notice.ts';

/** The page of the pool that shows more of what happened, as a path; undefined: there is none. */
export function pageOf(facts: EventFacts, worker: WorkerId | undefined): string | undefined {
  const machine = worker === undefined ? '/worker' : `/worker/machines/${worker}`;
  const payouts = `/worker/payouts${worker === undefined ? '' : `?worker=${worker}`}`;
  switch (facts.source) {
    case 'payout':
      // What did not arrive is mended where the address stands.
      return `${payouts}${facts.state === 'final' ? '#paid' : '#address'}`;
    case 'address':
      return `${payouts}#address`;
    case 'pause':
    case 'resume':
      return '/payouts';
    case 'dispute':
      return kindOf(facts) === 'dispute_opened'
        ? `/operator/disputes/${facts.dispute}`
        : `/worker/disputes/${facts.dispute}`;
    case 'terms':
      return `/terms/${facts.version}`;
    case 'incident':
      return `/incidents/${facts.incident}`;
    case 'offline':
    case 'back':
      return machine;
    case 'checks':
    case 'quarantine':
      return `${machine}#failures`;
    case 'place':
      return `${machine}#credential`;
    case 'alarm':
      return '/operator';
    case 'message':
    case 'test':
      return undefined;
  }
}

/**
 * The page of a notice for who is told: operators cannot open the portal of a worker, and are led to
 * where they can do something.
 */
export function pageFor(
  owner: NoticeOwner,
  { page, worker }: Pick<Notice, 'page' | 'worker'>,
): string | undefined {
  if (!isOperators(owner)) return page;
  if (page === '/payouts') return '/operator/payouts#pauses';
  if (!page?.startsWith('/worker')) return page;
  const place = page.endsWith('#failures') ? 'failures' : 'told';
  return worker === undefined ? '/operator' : `/operator/workers/${worker}#${place}`;
}
