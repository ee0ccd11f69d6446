import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../base/clock.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import { showHostPort } from '../base/setting-types.ts';
import type { ServedApi } from './app.ts';
import { type ClientAddresses, createClientAddresses, type Peer } from './client-address.ts';
import {
  boundTimes,
  listening,
  passOn,
  running,
  sendProblem,
  TIMES_CHECKED,
} from './node-server.ts';
import { problems, SAFE } from './problem.ts';
import { createRequestRate } from './request-rate.ts';
import { createStrangers, type Strangers } from './strangers.ts';

/** Most requests are a name and an address; terms with thousands of members in groups are longest. */
const BODY_BYTES_MAX = 512 * 1024;

/** What the admin listener stands on. */
export interface AdminParts {
  /** Undefined: there is nothing but health and metrics. */
  readonly api: Omit<ServedApi, 'changes'> | undefined;
  readonly metrics: Metrics;
  /** Why the pool is not ready, or undefined when it is. */
  ready(): Promise<string | undefined>;
  /** Whose word counts of who asks; nobody's when left out. */
  readonly addresses?: ClientAddresses;
  readonly log: Log;
  readonly clock?: Clock;
}

/** A running admin listener. */
export interface Admin {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/healthz`, `/readyz`, `/metrics` to anyone who reaches the address, and every route of the API
 * to who may call it. Throws `admin_exposed` unless the host is loopback or the token was chosen by
 * the operator, and `address_in_use`.
 */
export async function serveAdmin(
  parts: AdminParts,
  address: { readonly host: string; readonly port: number; readonly tokenChosen: boolean },
): Promise<Admin> {
  if (!isLoopback(address.host) && !address.tokenChosen) {
    throw new TributaryError('admin_exposed', 'the admin address is not loopback and has no token');
  }
  const { addresses = createClientAddresses([]), clock = systemClock } = parts;
  const rate = createRequestRate(clock);
  const strangers = createStrangers(clock);
  const server = createServer(TIMES_CHECKED, (request, response) => {
    const peer = addresses.of(request);
    if (!rate.take(peer)) return sendProblem(response, problems.tooMany, parts.api?.refused);
    answer({ ...parts, strangers, peer }, request, response).catch((error: unknown) => {
      // A request that broke off is nobody's fault.
      if (request.destroyed && !request.complete) return response.destroy();
      parts.log.error('admin_request_failed', { error: messageOf(error) });
      if (response.headersSent) return response.destroy();
      return sendProblem(response, problems.ours);
    });
  });
  boundTimes(server, { headersMs: 5_000, requestMs: 10_000 });
  const wrong = `the admin address ${showHostPort(address)} cannot be used`;
  await listening(server, address, { used: wrong, invalid: wrong });
  return running(server);
}

async function answer(
  parts: AdminParts & { readonly strangers: Strangers; readonly peer: Peer },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { api, ready, metrics, strangers, peer } = parts;
  const [path = '/'] = (request.url ?? '/').split('?');
  if (path === '/healthz') return text(response, 200, 'ok\n');
  if (path === '/readyz') {
    const reason = await ready();
    return text(response, reason ? 503 : 200, `${reason ?? 'ready'}\n`);
  }
  if (path === '/metrics') {
    const type = 'text/plain; version=0.0.4; charset=utf-8';
    return text(response, 200, await metrics.text(), type);
  }
  if (!api) return sendProblem(response, problems.notFound);
  await passOn(api, request, response, {
    ...{ listener: 'admin', peer, strangers },
    bodyBytesMax: BODY_BYTES_MAX,
  });
}

function text(response: ServerResponse, status: number, body: string, type?: string): void {
  response.writeHead(status, {
    'content-type': type ?? 'text/plain; charset=utf-8',
    ...SAFE,
  });
  response.end(body);
}

/** Whether a listen host reaches only this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
