import type { Frame } from '../parts/layout.tsx';
import type { PublicPool } from './pool.ts';

/** The frame of a public page. */
export function publicFrame(
  { pool }: Pick<PublicPool, 'pool'>,
  page: { readonly title: string; readonly description: string; readonly current?: string },
): Frame {
  return {
    ...page,
    poolName: pool.name,
    density: 'airy',
    links: [
      { href: `/terms/${pool.terms.current}`, label: termsLabel(pool.terms.current) },
      { href: '/epochs', label: 'Epochs' },
      { href: '/proofs', label: 'Proofs' },
      { href: '/payouts', label: 'Payouts' },
      { href: '/incidents', label: 'Incidents' },
      { href: '/join', label: 'Join' },
      { href: '/worker', label: 'Your machines' },
    ],
  };
}

function termsLabel(version: number): string {
  return version === 0 ? 'Terms' : `Terms v${version}`;
}
