import { type Clock, systemClock } from '../base/clock.ts';
import { type Log, quiet } from '../base/log.ts';
import { type Api, type ApiParts, createApi } from './app.ts';
import { createIdentify } from './identify.ts';
import { createBuckets } from './request-rate.ts';
import type { Route } from './route.ts';

/** An API of some routes for tests: the admin token is `token`, and nothing else is known. */
export function apiOf(
  routes: readonly Route[],
  {
    token = 'token',
    log = quiet,
    clock = systemClock,
    ...parts
  }: {
    readonly token?: string;
    readonly log?: Log;
    readonly clock?: Clock;
  } & Partial<ApiParts> = {},
): Api {
  return createApi({
    routes,
    identify: createIdentify({ token }),
    key: new Uint8Array(32).fill(1),
    operatorsEverywhere: false,
    rate: createBuckets(clock),
    clock,
    log,
    ...parts,
  });
}
