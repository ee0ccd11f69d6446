import type { ServerResponse } from 'node:http';
import type { Actor } from './access.ts';
import type { Peer } from './client-address.ts';
import type { Listener } from './route.ts';

/** What a listener knows of a request besides the request itself. */
export interface ApiBindings {
  readonly listener: Listener;
  /** Whom limits count it for. */
  readonly peer: Peer;
  readonly host: string;
  /** Who calls, where it is known already: pages ask in the name of their reader. */
  readonly actor?: Actor;
  /** What events are written to; undefined inside the process. */
  readonly outgoing?: ServerResponse;
  /** Says that `outgoing` is answered, or will be. */
  taken(): Response;
}

/** The bindings of a page that asks within the process, in the name of `actor`. */
export function insideBindings(actor: Actor): ApiBindings {
  return {
    listener: 'inside',
    peer: undefined,
    host: '',
    actor,
    taken: () => new Response(null, { status: 204 }),
  };
}
