import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hex } from 'viem';
import { parseHex } from '../../src/base/bytes.ts';
import { mineBlocks } from '../../src/chain/devnet.ts';
import { storeKey } from '../../src/chain/keystore.ts';
import { newAccount, newRecipient } from '../../src/chain/transactions.test-kit.ts';
import { eventually } from '../eventually.ts';
import { stampedRenditions, stampedSource } from '../fixtures/renditions.ts';
import { startOwnWorker } from '../own-worker.ts';
import type { PayingGateway } from '../paying-gateway.ts';
import { type PoolProcess, startPoolProcess } from '../pool-process.ts';
import { startFundedGateway, startTestChain } from '../start-chain-pool.ts';
import type { Cleanup, Enrolment } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';
import { startTributary } from '../tributary-process.ts';

/** Every ticket wins, so that what was earned is money at once. */
const FACE = 20_000_000_000_000_000n;
/** Parameters of tickets end after so many blocks; then tickets are redeemed. */
const PARAMS_BLOCKS = 41;
/** What a hostile worker says of its device. */
export const HOSTILE = '<img src=x onerror=alert(1)>';

/** A pool with something for an operator to see and do. */
export interface OperatedPool {
  readonly pool: PoolProcess;
  /** Of the chain. */
  readonly url: string;
  /** Works well; is owed ETH of one epoch, and disputes a line of it. */
  readonly heron: Enrolment & { readonly address: Hex };
  /** Answers with errors. */
  readonly kiln: Enrolment;
  /** What heron says in its dispute. */
  readonly said: string;
  /** Takes letters, and keeps the id of each. */
  readonly hook: { readonly url: string; readonly got: readonly string[] };
  /** A link that signs an operator in, once. */
  link(operator: string): Promise<string>;
}

/** A pool on a chain of its own: traffic, money, a bad worker, a dispute, and operators of each role. */
export async function startOperatedPool(t: Cleanup): Promise<OperatedPool> {
  const chain = await startTestChain(t, { roundLength: 400 });
  const { url, chainId, addresses } = chain.devnet;
  await chain.send('orchestrator', {
    contract: 'LivepeerGovernor',
    fn: 'propose',
    args: [[addresses.Treasury], [0n], ['0x'], `# Pay for tests\n\nEvery day. ${HOSTILE}`],
  });
  await chain.nextRound(2);
  const payer = await newAccount(url, chainId);
  const keys = await mkdtemp(join(tmpdir(), 'tributary-operator-'));
  t.after(() => rm(keys, { recursive: true, force: true }));
  const stored = await storeKey({
    dir: keys,
    key: parseHex(payer.key) as Uint8Array,
    password: 'secret',
    cost: { n: 2, r: 8, p: 1 },
  });
  const hook = await startHook(t);
  const pool = await startPoolProcess(t, [
    ...chain.flags(),
    `--notice-private-hosts=${new URL(hook.url).host}`,
    ...['--price=1000wei', '--auto-adjust-price=false', '--reward=false'],
    ...[`--max-face-value=${FACE}`, `--ticket-ev=${FACE - 1n}`],
    ...[`--payout-keystore=${stored.file}`, '--payout-gas-money=1', '--min-gas-money=0.01'],
  ]);
  const address = newRecipient();
  const enrolled = await pool.admin<Enrolment>('POST', '/api/v1/workers', {
    name: 'heron',
    payoutAddress: address,
  });
  await stampedRenditions(['P240p30fps16x9']); // made once, while nobody waits
  const own = await startOwnWorker(t, enrolled.join, { device: HOSTILE });
  await own.ready;
  const gateway = await startFundedGateway(t, chain, pool);

  await streamTo(gateway, 1, 'be done');
  await mineBlocks(chain.reader, PARAMS_BLOCKS);
  await eventually('the ticket is redeemed', async () => {
    const path = '/api/v1/payouts/status';
    const { tickets } = await pool.admin<{ tickets: { redeemed: string } }>('GET', path);
    return BigInt(tickets.redeemed) === FACE;
  });
  const closing = startTributary(t, ['epoch', 'close', '--yes', '--data-dir', pool.dataDir]);
  assert.equal(await closing.exited, 0, closing.printed.err);

  const kiln = await pool.enrol('kiln');
  await joinStock(t, pool, {
    enrolment: kiln,
    answer: async () => ({ kind: 'error', text: 'out of memory' }),
  });
  await eventually('the bad worker had its chance', async () => {
    await streamTo(gateway, 1, 'be tried');
    const view = await pool.admin<{ failures: number }>('GET', `/api/v1/workers/${kiln.id}`);
    return view.failures >= 3;
  });

  const said = 'The segment was twice as long: 40 > 20. Look again & say why.';
  await dispute(pool, enrolled, said);
  for (const role of ['owner', 'viewer', 'support', 'finance']) {
    await pool.admin('POST', '/api/v1/operators', { name: `${role}-mira`, role });
  }
  return {
    ...{ pool, url, kiln, said, hook },
    heron: { ...enrolled, address },
    async link(operator) {
      const path = `/api/v1/operators/${operator}/link`;
      return (await pool.admin<{ url: string }>('POST', path)).url;
    },
  };
}

/** A receiver of webhooks that takes whatever comes. */
async function startHook(t: Cleanup): Promise<OperatedPool['hook']> {
  const got: string[] = [];
  const server = createServer((request, response) => {
    got.push(String(request.headers['tributary-delivery']));
    response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, got };
}

async function streamTo(
  gateway: PayingGateway,
  segments: number,
  must: 'be done' | 'be tried',
): Promise<void> {
  const session = await gateway.session();
  for (let segment = 0; segment < segments; segment += 1) {
    const reply = await gateway.submit(session, await stampedSource(), {
      segment: { durationMs: 20_000 },
    });
    if (must === 'be done') assert.equal(reply.result?.result.kind, 'done', reply.text);
  }
}

async function dispute(pool: PoolProcess, worker: Enrolment, text: string): Promise<void> {
  const reply = await fetch(new URL('/api/v1/me/disputes', pool.publicUrl), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${worker.credential}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ about: `epoch-1/${worker.id}/1`, text }),
  });
  assert.equal(reply.status, 201, await reply.text());
}
