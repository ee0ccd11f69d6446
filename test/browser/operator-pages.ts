import type { Page } from 'playwright-core';
import { picture } from './browser.ts';
import type { OperatedPool } from './operator-pool.ts';

/** Every page of the console, with what has to stand on it. */
export const consolePages: readonly (readonly [
  path: (at: OperatedPool) => string,
  name: string,
  text: RegExp,
])[] = [
  [() => '/operator', 'now', /needs? you[\s\S]*Traffic now[\s\S]*Treasury[\s\S]*Chain/],
  [() => '/operator/workers', 'workers', /2 of 2 workers are connected/],
  [({ kiln }) => `/operator/workers/${kiln.id}`, 'worker', /The worker answered with an error/],
  [() => '/operator/traffic', 'traffic', /Gateways in the last minute/],
  [() => '/operator/payouts', 'payouts', /0\.018 ETH for 1 worker can go out now/],
  [() => '/operator/solvency', 'solvency', /The pool has what it owes/],
  [() => '/operator/prices', 'prices', /every gateway[\s\S]*1000/],
  [() => '/operator/disputes', 'disputes', /1 dispute waits for you/],
  [() => '/operator/incidents', 'incidents', /Tell everybody/],
  [() => '/operator/notices', 'notices', /Given up/],
  [() => '/operator/terms', 'terms', /The default terms settle the open epoch/],
  [() => '/operator/chain', 'chain', /Round \d+ is initialised[\s\S]*redeem winning tickets/],
  [() => '/operator/audit', 'audit', /made a login link for an operator/],
  [() => '/operator/people', 'people', /4 people run this pool/],
];

/** What is kept of it for the README and the guide. */
const pictures: Readonly<Record<string, string>> = {
  'now 1440 light': 'console-1440',
  'workers 390 light': 'console-390',
  'workers 1440 light': 'console-workers',
  'payouts 1440 light': 'console-payouts',
  'disputes 820 light': 'console-disputes',
  'chain 1440 dark': 'console-chain-dark',
};

/** Keeps a picture of a page at a width and in colours, where it is one of those. */
export async function keepPicture(page: Page, shown: string): Promise<void> {
  const name = pictures[shown];
  if (name !== undefined) await picture(page, name);
}
