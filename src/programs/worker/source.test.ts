import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { selfSigned } from '../../../test/self-signed.ts';
import { systemClock } from '../../base/clock.ts';
import { connectHttp } from '../../http/client.ts';
import { createSources } from './source.ts';

const identity = selfSigned();
const patience = () => ({ timeoutMs: 10_000, signal: new AbortController().signal });

async function serve(
  t: TestContext,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
) {
  const server = createServer(identity, handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = connectHttp({ origin, clock: systemClock });
  const sources = createSources(systemClock);
  t.after(() => {
    client.close();
    sources.close();
    server.closeAllConnections();
    server.close();
  });
  return { origin, client, sources };
}

test('a far orchestrator cannot make a worker read from the network around it', async (t) => {
  let asked = 0;
  const near = await serve(t, (_request, response) => {
    asked++;
    response.end('inside');
  });
  const { client, sources } = await serve(t, (_request, response) => response.end('own'));
  const fetch = (origin: string, isNear: boolean) =>
    sources.fetch(`${origin}/a?b=c`, { client, isNear }, patience());

  assert.equal((await fetch(near.origin, false)).ok, false);
  assert.equal(asked, 0);
  assert.equal((await fetch(near.origin, true)).ok, true);
  assert.equal((await fetch(client.origin, false)).ok, true);
});

test('a download that breaks off is tried once more', async (t) => {
  let asked = 0;
  const { client, sources } = await serve(t, (_request, response) => {
    asked++;
    response.writeHead(200, { 'content-length': '6' });
    if (asked === 1) response.write('who', () => response.destroy());
    else response.end('whole!');
  });
  const home = { client, isNear: true };
  const outcome = await sources.fetch(`${client.origin}/x`, home, patience());
  assert.equal(outcome.ok && Buffer.from(outcome.bytes).toString(), 'whole!');
});

test('a source without announced length is read whole', async (t) => {
  const body = Buffer.alloc(1_700_001, 'abc');
  const { client, sources } = await serve(t, (_request, response) => {
    for (let at = 0; at < body.length; at += 300_000)
      response.write(body.subarray(at, at + 300_000));
    response.end();
  });
  const home = { client, isNear: true };
  const outcome = await sources.fetch(`${client.origin}/x`, home, patience());
  assert.ok(outcome.ok && Buffer.compare(outcome.bytes, body) === 0);
});

test('an error names neither host nor path', async (t) => {
  const { client, sources } = await serve(t, (_request, response) => response.destroy());
  const home = { client, isNear: true };
  const outcome = await sources.fetch(`${client.origin}/secret`, home, patience());
  assert.deepEqual(outcome, { ok: false, text: 'source download failed' });
});
