import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, type TestContext, test } from 'node:test';
import { noProofs } from './proofs.ts';
import { createProofsLooker, type ProofsOutcome } from './proofs-look.ts';

const NOBODY = `0x${'0'.repeat(40)}`;
const INDEX = `{"chainId":"0","epochs":[],"format":"tributary-proofs-1","keys":[],"pool":"${NOBODY}"}`;

/** A look at what a server answers to every path. */
async function lookAt(
  t: TestContext,
  answer: (response: ServerResponse, path: string) => void,
  allowed = true,
): Promise<ProofsOutcome> {
  const server = createServer((request, response) => answer(response, request.url ?? ''));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return looker.look(
    {
      proofsUrl: `http://127.0.0.1:${port}/proofs/`,
      allowPrivate: allowed ? [`127.0.0.1:${port}`] : [],
      rpc: undefined,
      controller: undefined,
      before: noProofs,
      check: { now: 1, pool: { orchestrator: NOBODY, chainId: '0' } },
    },
    new AbortController().signal,
  );
}

const looker = createProofsLooker();
after(() => looker.close());

const faultOf = (outcome: ProofsOutcome) =>
  outcome.ok ? outcome.state.fault?.fault : `not read: ${outcome.fault}`;

test('a pool without proofs, and one without an epoch, has done nothing wrong', async (t) => {
  const none = await lookAt(t, (response) => response.writeHead(404).end());
  assert.equal(faultOf(none), undefined);
  const empty = await lookAt(t, (response) => response.end(INDEX));
  assert.ok(empty.ok && empty.state.held === 0 && empty.state.fault === null);
});

test('files that are none are what fails, and what cannot be read is no fraud', async (t) => {
  assert.equal(faultOf(await lookAt(t, (response) => response.end('<html>'))), 'file_malformed');
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  assert.equal(faultOf(await lookAt(t, (response) => response.end(deep))), 'file_malformed');
  const broken = await lookAt(t, (response) => response.writeHead(500).end());
  assert.equal(faultOf(broken), 'not read: status');
  const bytes = await lookAt(t, (response) => response.end(Buffer.from([0xff, 0xfe, 0x00])));
  assert.equal(faultOf(bytes), 'not read: not_text');
  const long = await lookAt(t, (response) => {
    response.writeHead(200, { 'content-length': 100 * 1024 * 1024 }).write(' ');
  });
  assert.equal(faultOf(long), 'not read: too_large');
  const cut = await lookAt(t, (response) => {
    response.writeHead(200, { 'content-length': 10 }).write('{');
    setImmediate(() => response.destroy());
  });
  assert.equal(faultOf(cut), 'not read: unreachable');
});

test('an index that names epochs which are not there fails at the first', async (t) => {
  const entry = `{"digest":"${'a'.repeat(64)}","epoch":"1"}`;
  const index = INDEX.replace('"epochs":[]', `"epochs":[${entry}]`);
  const outcome = await lookAt(t, (response, path) =>
    path.endsWith('index.json') ? response.end(index) : response.writeHead(404).end(),
  );
  assert.equal(faultOf(outcome), 'file_missing');
  assert.match(outcome.ok ? (outcome.state.fault?.text ?? '') : '', /epoch-1\/epoch\.json/);
});

test('proofs at a private place are not read', async (t) => {
  let asked = 0;
  const outcome = await lookAt(
    t,
    (response) => {
      asked += 1;
      response.end(INDEX);
    },
    false,
  );
  assert.equal(faultOf(outcome), 'not read: not_public');
  assert.equal(asked, 0);
});

test('a look ends when the directory stops', async (t) => {
  const stop = new AbortController();
  const server = createServer(() => stop.abort());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const outcome = await looker.look(
    {
      proofsUrl: `http://127.0.0.1:${port}/`,
      allowPrivate: [`127.0.0.1:${port}`],
      rpc: undefined,
      controller: undefined,
      before: noProofs,
      check: { now: 1, pool: { orchestrator: NOBODY, chainId: '0' } },
    },
    stop.signal,
  );
  assert.equal(outcome.ok, false);
});
