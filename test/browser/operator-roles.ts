import type { Page } from 'playwright-core';
import { includes, type Role } from '../../src/api/access.ts';
import { allRoutes } from '../api/routes.ts';

/** What has to be there for each role: addresses of forms, and desks that only a script can be. */
export const wanted: Readonly<
  Record<Role, { readonly posts: readonly string[]; readonly desks: readonly string[] }>
> = {
  viewer: { posts: ['/session/end'], desks: ['terms-check'] },
  support: {
    posts: [
      ...['/workers/ID/pause', '/workers/ID/quarantine', '/workers/ID/revoke'],
      ...['/incidents', '/maintenance', '/notices'],
    ],
    desks: ['operator-credential', 'terms-check'],
  },
  finance: { posts: ['/prices', '/payouts/pause'], desks: ['terms-check'] },
  owner: {
    posts: ['/workers/ID/pause', '/prices', '/payouts/pause', '/operators', '/notices/channels'],
    desks: ['once', 'operator-chain', 'operator-credential', 'terms-check'],
  },
};

/** Islands that show something, or are forms that are looked at by their address. */
const NOT_DESKS: ReadonlySet<string> = new Set(['chart', 'flow', 'form', 'operator-live']);

/** Everything on some pages by which something can be changed. */
export async function offersOn(page: Page, paths: readonly string[]) {
  const posts = new Set<string>();
  const desks = new Set<string>();
  for (const path of paths) {
    await page.goto(path);
    const found = (await page.evaluate(`({
      posts: [...document.querySelectorAll('main form[method=post], main [formaction]')].map(
        (one) => one.getAttribute('formaction') ?? one.getAttribute('action')),
      desks: [...document.querySelectorAll('main [data-island]')].map((one) => one.dataset.island),
    })`)) as { readonly posts: readonly string[]; readonly desks: readonly string[] };
    for (const one of found.posts) posts.add(shortened(one));
    for (const one of found.desks) if (!NOT_DESKS.has(one)) desks.add(one);
  }
  return { posts: [...posts], desks: [...desks].toSorted() };
}

function shortened(address: string): string {
  return address.replace('/api/v1', '').replace(/^\/workers\/[^/]+/, '/workers/ID');
}

/** Whether the API lets a role post to an address; false, too, where there is no such route. */
export function mayPost(role: Role, address: string): boolean {
  const route = allRoutes.find(
    ({ method, path }) =>
      method === 'POST' &&
      new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(`/api/v1${address}`),
  );
  if (!route) return false;
  const { access } = route;
  return access === 'public' || access === 'signed-in' || includes(role, access as Role);
}
