import { type Clock, systemClock } from '../base/clock.ts';
import { type Log, quiet } from '../base/log.ts';
import { type Api, type ApiParts, createApi } from './app.ts';
import { createIdentify } from './identify.ts';
import { createBuckets } from './request-rate.ts';
import { type Route, serve } from './route.ts';
import { workersApi } from './workers-routes.ts';

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

/** The list of workers as the pool gives it, for commands that ask it for names. */
export function workersListed(
  list: () => readonly { readonly id: string; readonly name: string }[],
): Route {
  return serve(workersApi.list, async () =>
    list().map(({ id, name }) => ({
      ...{ id, name, state: 'revoked' as const, status: 'Revoked', createdAt: '', pixels: 0n },
      ...{ validSecrets: 0, connections: 0, sessions: 0, capacity: 0, segments: 0, failures: 0 },
    })),
  );
}
