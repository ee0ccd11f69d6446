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

/**
 * Everything on some pages by which something can be changed, what of them is wrong on its own, as
 * `look` finds it, and links that lead the reader nowhere.
 */
export async function offersOn(
  page: Page,
  paths: readonly string[],
  look: (page: Page) => Promise<readonly string[]>,
) {
  const posts = new Set<string>();
  const desks = new Set<string>();
  const links = new Set<string>();
  const faults: string[] = [];
  for (const path of paths) {
    const reply = await page.goto(path);
    if (reply?.status() !== 200) faults.push(`${path}: status ${reply?.status()}`);
    faults.push(...(await look(page)).map((fault) => `${path}: ${fault}`));
    const leads = (await page.evaluate(`[...document.querySelectorAll('nav a, main a')]
      .map((one) => one.getAttribute('href').split('#')[0])`)) as readonly string[];
    for (const one of leads) if (/^\/(?:operator|api)\b/.test(one)) links.add(one);
    const found = (await page.evaluate(`({
      posts: [...document.querySelectorAll('main form[method=post], main [formaction]')].map(
        (one) => one.getAttribute('formaction') ?? one.getAttribute('action')),
      desks: [...document.querySelectorAll('main [data-island]')].map((one) => one.dataset.island),
    })`)) as { readonly posts: readonly string[]; readonly desks: readonly string[] };
    for (const one of found.posts) posts.add(shortened(one));
    for (const one of found.desks) if (!NOT_DESKS.has(one)) desks.add(one);
  }
  const dead = (await page.evaluate(
    `Promise.all(${JSON.stringify([...links])}.map(async (link) => {
      const reply = await fetch(link);
      await reply.arrayBuffer();
      return reply.status === 200 ? [] : [link + ' leads to status ' + reply.status];
    })).then((all) => all.flat())`,
  )) as readonly string[];
  return { posts: [...posts], desks: [...desks].toSorted(), faults: [...faults, ...dead] };
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
