import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { secureRandom } from '../base/ids.ts';
import { quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { openScratch } from '../database/scratch.ts';
import { createDispatch } from '../dispatch/dispatch.ts';
import { createLedger } from '../ledger/ledger.ts';
import { createWorkers } from '../workers/workers.ts';
import { serveAdmin } from './admin.ts';
import { apiOf } from './api.test-kit.ts';
import { statusRoutes } from './status-routes.ts';
import { workersRoutes } from './workers-routes.ts';

const scratch = await openScratch();
const { database } = scratch;
const workers = await createWorkers({ database });
const ledger = createLedger({ database });
const dispatch = createDispatch({ random: secureRandom });
const admin = await serveAdmin(
  {
    api: apiOf([
      ...workersRoutes({
        workers,
        ledger,
        dispatch,
        joinString: (credential) => `j:${credential}`,
      }),
      ...statusRoutes({
        workers,
        ledger,
        dispatch,
        runningTasks: () => [],
        latency: () => undefined,
      }),
    ]),
    metrics: createMetrics(),
    ready: async () => undefined,
    log: quiet,
  },
  { host: '127.0.0.1', port: 0, tokenChosen: false },
);
after(async () => {
  await admin.close();
  await ledger.close();
  await workers.close();
  await scratch[Symbol.asyncDispose]();
});

/** What the tests look at of any reply. */
interface Value {
  readonly code?: string;
  readonly id: string;
  readonly credential: string;
  readonly join: string;
  readonly state: string;
  readonly status: string;
  readonly pixels: string;
  readonly sessions: number;
  readonly addedLatencyMs: null;
  readonly segments: object;
  readonly workers: readonly { readonly name: string }[];
}

async function ask<T = Value>(
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<{ status: number; value: T }> {
  const response = await fetch(`http://127.0.0.1:${admin.port}/api/v1${path}`, {
    method,
    headers: { authorization: 'Bearer token' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, value: (await response.json()) as T };
}

const codeOf = async (asked: Promise<{ status: number; value: Value }>) => {
  const { status, value } = await asked;
  return `${status} ${value.code}`;
};

test('a worker is enrolled, and its credential is in that answer alone', async () => {
  const { status, value } = await ask('POST', '/workers', { name: 'rig-1' });
  assert.equal(status, 201);
  assert.deepEqual(Object.keys(value), ['id', 'name', 'credential', 'join', 'site']);
  assert.match(value.credential, /^trib_[a-z2-7]{10}_/);
  assert.equal(value.join, `j:${value.credential}`);
  assert.equal(workers.authenticate(value.credential)?.id, value.id);

  for (const ref of [value.id, 'rig-1', 'RIG-1']) {
    const shown = await ask('GET', `/workers/${ref}`);
    assert.equal(shown.value.id, value.id);
    assert.equal(shown.value.status, 'Not connected');
    assert.equal(shown.value.pixels, '0');
    assert.doesNotMatch(JSON.stringify(shown.value), /trib_/);
  }
});

test('what cannot be enrolled says why', async () => {
  const add = (body: object) => codeOf(ask('POST', '/workers', body));
  await ask('POST', '/workers', { name: 'taken' });
  assert.equal(await add({ name: 'Taken' }), '409 worker_name_taken');
  assert.equal(await add({}), '400 worker_name_invalid');
  assert.equal(await add({ name: null }), '400 worker_name_invalid');
  assert.equal(await add({ name: 7 }), '400 setting_invalid');
  assert.equal(await add({ name: ['a'] }), '400 setting_invalid');
  assert.equal(await add({ name: 'a', payoutAddress: {} }), '400 setting_invalid');
  assert.equal(await add({ name: 'a', payoutAddress: '0x12' }), '400 payout_address_invalid');
  for (const name of ['', '../a', 'a/b', 'a\0b', 'x'.repeat(65), 'x'.repeat(4_096), ' ']) {
    assert.equal(await add({ name }), '400 worker_name_invalid', name.slice(0, 20));
  }
});

test('a rotation leaves the earlier credential valid, the next one ends it', async () => {
  const first = (await ask('POST', '/workers', { name: 'turning' })).value.credential;
  const second = (await ask('POST', '/workers/turning/rotate')).value.credential;
  assert.ok(workers.authenticate(first) && workers.authenticate(second));
  const third = (await ask('POST', '/workers/turning/rotate')).value.credential;
  assert.equal(workers.authenticate(first), undefined);
  assert.ok(workers.authenticate(second) && workers.authenticate(third));
});

test('pause, drain and resume show, and revocation is for good', async () => {
  const { credential } = (await ask('POST', '/workers', { name: 'tired' })).value;
  const state = async (word: string) => (await ask('POST', `/workers/tired/${word}`)).value.state;
  assert.equal(await state('pause'), 'paused');
  assert.equal((await ask('GET', '/workers/tired')).value.status, 'Not connected, paused');
  assert.equal(await state('drain'), 'draining');
  assert.equal(await state('resume'), 'active');
  assert.equal(await state('revoke'), 'revoked');
  assert.equal(await state('revoke'), 'revoked', 'to be sure');
  assert.equal(workers.authenticate(credential), undefined);
  for (const word of ['resume', 'pause', 'rotate', 'drain']) {
    assert.equal(await codeOf(ask('POST', `/workers/tired/${word}`)), '409 worker_revoked', word);
  }
});

test('a worker that is not there is not found, whatever is asked of it', async () => {
  assert.equal(await codeOf(ask('GET', '/workers/nobody')), '404 worker_unknown');
  assert.equal(await codeOf(ask('GET', '/workers/%00')), '404 worker_unknown');
  assert.equal(await codeOf(ask('GET', `/workers/${'x'.repeat(4_000)}`)), '404 worker_unknown');
  for (const word of ['rotate', 'revoke', 'pause', 'resume', 'drain']) {
    assert.equal(await codeOf(ask('POST', `/workers/nobody/${word}`)), '404 worker_unknown');
  }
});

test('the status counts what is there', async () => {
  const { status, value } = await ask('GET', '/status');
  assert.equal(status, 200);
  assert.equal(value.sessions, 0);
  assert.equal(value.addedLatencyMs, null);
  assert.deepEqual(value.segments, { ok: 0, failed: 0, retried: 0, hedged: 0, inFlight: 0 });
  const names = value.workers.map(({ name }) => name);
  assert.ok(names.includes('rig-1'));
  assert.equal((await ask<unknown[]>('GET', '/workers')).value.length, names.length);
  assert.deepEqual((await ask('GET', '/contributions/totals')).value, []);
});
