import type { IslandName } from '../parts/island.tsx';

/** Takes over an element of the page; what the server rendered stands in it until then. */
export type Wake = (element: HTMLElement, props: unknown) => void;

/** Each is fetched only by pages that have one. */
const islands: Readonly<Record<IslandName, () => Promise<{ readonly wake: Wake }>>> = {
  chart: () => import('./chart-island.tsx'),
  'check-epoch': () => import('./check-epoch-island.tsx'),
  'check-own': () => import('./check-own-island.tsx'),
  flow: () => import('./flow-island.tsx'),
  form: () => import('./form-island.ts'),
  'pool-live': () => import('./pool-live-island.tsx'),
  once: () => import('./once-island.tsx'),
  'operator-chain': () => import('./operator-chain-island.tsx'),
  'operator-credential': () => import('./operator-credential-island.tsx'),
  'operator-live': () => import('./operator-live-island.tsx'),
  rotate: () => import('./rotate-island.tsx'),
  'terms-check': () => import('./terms-check-island.tsx'),
  'wallet-address': () => import('./wallet-address-island.tsx'),
  'wallet-sign-in': () => import('./wallet-sign-in-island.tsx'),
  'worker-live': () => import('./worker-live-island.tsx'),
};

/** Brings the islands below `root` to life; done when each can be used. */
export async function wakeIslands(root: ParentNode): Promise<void> {
  const elements = [...root.querySelectorAll<HTMLElement>('[data-island]')];
  await Promise.all(
    elements.map(async (element) => {
      const load = islands[element.dataset.island as IslandName];
      const props: unknown = JSON.parse(element.dataset.props ?? '{}');
      const island = await load?.();
      island?.wake(element, props);
    }),
  );
}
