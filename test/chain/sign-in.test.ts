import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { getAddress, type Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { createSiweMessage } from 'viem/siwe';
import { apiOf } from '../../src/api/api.test-kit.ts';
import { insideBindings } from '../../src/api/bindings.ts';
import { createIdentify } from '../../src/api/identify.ts';
import { meChoiceRoutes } from '../../src/api/me-choice-routes.ts';
import { sessionRoutes } from '../../src/api/session-routes.ts';
import { createSessions } from '../../src/api/sessions.ts';
import { systemClock as clock } from '../../src/base/clock.ts';
import { startDevnet } from '../../src/chain/devnet.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { createWorkers } from '../../src/workers/workers.ts';
import { deploy, startPaying } from './payouts-kit.ts';

const scratch = await openScratch();
const { database } = scratch;
const devnet = await startDevnet();
after(async () => {
  await devnet.stop();
  await scratch[Symbol.asyncDispose]();
});

test('a contract wallet signs in by its contract, and moves its pay with both signatures', async (t) => {
  const { chain, payouts } = await startPaying(t, { database, devnet });
  const workers = await createWorkers({ database });
  t.after(() => workers.close());
  const owner = privateKeyToAccount(generatePrivateKey());
  const wallet = getAddress(await deploy(devnet, 'ContractWallet', owner.address));
  await workers.add({ name: 'safe', payoutAddress: wallet });
  const key = new Uint8Array(32).fill(1);
  const sessions = createSessions({
    ...{ database, clock, key, chainId: devnet.chainId },
    origins: () => new Set(['https://pool.example']),
    contractSays: chain.isContractSignature,
  });
  const routes = [...sessionRoutes({ sessions, key, clock }), ...meChoiceRoutes({ payouts })];
  const identify = createIdentify({ token: 'token', session: sessions.actorOf });
  const api = apiOf(routes, { identify, key });
  const { actor: _, ...outside } = insideBindings({ kind: 'nobody' });

  let cookie = '';
  async function post(path: string, body: object) {
    const headers = { 'content-type': 'application/json', cookie };
    const request = { method: 'POST', headers, body: JSON.stringify(body) };
    const reply = await api.answer(new Request(`http://pool${path}`, request), {
      ...outside,
      listener: 'public',
    });
    cookie = reply.headers.get('set-cookie')?.split(';')[0] ?? cookie;
    return { status: reply.status, value: (await reply.json()) as Record<string, string> };
  }
  async function enter(address: Hex, signer: typeof owner) {
    const { value } = await post('/api/v1/session/challenge', {});
    const message = createSiweMessage({
      ...{ domain: 'pool.example', uri: 'https://pool.example/sign-in', version: '1' },
      ...{ address, chainId: Number(value.chainId), nonce: value.nonce ?? '' },
    });
    const signature = await signer.signMessage({ message });
    return post('/api/v1/session/wallet', { message, signature });
  }

  const thief = privateKeyToAccount(generatePrivateKey());
  assert.equal((await enter(wallet, thief)).value.code, 'signature_wrong');
  assert.equal((await enter(wallet, owner)).status, 200);

  const next = privateKeyToAccount(generatePrivateKey());
  const to = next.address;
  const { value: wish } = await post('/api/v1/me/address/text', { to });
  const { text: message = '', expiresAt } = wish;
  const sign = async (one: typeof owner) => one.signMessage({ message });
  const move = (oldSignature: Hex, newSignature: Hex) =>
    post('/api/v1/me/address', { to, expiresAt, oldSignature, newSignature });
  const own = await sign(owner);
  for (const [older, newer] of [
    [await sign(thief), await sign(next)],
    [own, await sign(thief)],
    [own, own],
  ] as const) {
    assert.equal((await move(older, newer)).value.code, 'payout_address_refused');
  }
  assert.equal((await post('/api/v1/me/address', { to })).value.code, 'payout_address_refused');
  const moved = await move(own, await sign(next));
  assert.equal(moved.status, 200, JSON.stringify(moved.value));
  assert.equal((await workers.show('safe'))?.payoutAddress, to);
  // The wallet of before has no worker any more; that of now has.
  const gone = await post('/api/v1/me/address/text', { to: wallet });
  assert.equal(gone.value.code, 'worker_unknown');
  assert.equal((await enter(to, next)).status, 200);
  assert.equal((await post('/api/v1/me/address/text', { to: wallet })).status, 200);
});
