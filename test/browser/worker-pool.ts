import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hex, parseHex } from '../../src/base/bytes.ts';
import { mineBlocks } from '../../src/chain/devnet.ts';
import { storeKey } from '../../src/chain/keystore.ts';
import { newAccount } from '../../src/chain/transactions.test-kit.ts';
import { textDigest } from '../../src/payouts/address.ts';
import { addressOf, checksumAddress, signDigest } from '../../src/protocol/signature.ts';
import { eventually } from '../eventually.ts';
import { stampedRenditions, stampedSource } from '../fixtures/renditions.ts';
import { type OwnWorker, startOwnWorker } from '../own-worker.ts';
import type { PayingGateway } from '../paying-gateway.ts';
import { type PoolProcess, startPoolProcess } from '../pool-process.ts';
import { startFundedGateway, startTestChain } from '../start-chain-pool.ts';
import type { Cleanup, Enrolment } from '../start-pool.ts';
import { startTributary } from '../tributary-process.ts';

/** Every ticket wins, so that what was earned is money at once. */
const FACE = 20_000_000_000_000_000n;
/** Parameters of tickets end after so many blocks; then tickets are redeemed. */
const PARAMS_BLOCKS = 41;

/** A wallet with a key, as a person has it in a browser. */
export interface TestWallet {
  readonly address: string;
  sign(text: string): string;
}

export function newWallet(): TestWallet {
  const secret = new Uint8Array(randomBytes(32));
  return {
    address: checksumAddress(addressOf(secret)),
    sign: (text) => `0x${hex(signDigest(secret, textDigest(text)))}`,
  };
}

/** A pool on a chain, with two machines of one owner, a gateway that pays, and a payout that is final. */
export interface WorkerPool {
  readonly pool: PoolProcess;
  readonly owner: TestWallet;
  readonly heron: Enrolment;
  /** Enrolled, and never started. */
  readonly kiln: Enrolment;
  readonly own: OwnWorker;
  /** A segment that the gateway pays for. */
  stream(): Promise<void>;
  closeEpoch(): Promise<void>;
  tributary(...args: readonly string[]): Promise<string>;
}

/** Starts one: epoch 1 is closed and paid, epoch 2 closed, epoch 3 open with work in it. */
export async function startWorkerPool(
  t: Cleanup,
  flags: readonly string[] = [],
): Promise<WorkerPool> {
  const chain = await startTestChain(t, { roundLength: 400 });
  const { url, chainId } = chain.devnet;
  const payer = await newAccount(url, chainId);
  const dir = await mkdtemp(join(tmpdir(), 'tributary-portal-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const key = parseHex(payer.key) as Uint8Array;
  const stored = await storeKey({ dir, key, password: 'secret', cost: { n: 2, r: 8, p: 1 } });
  const pool = await startPoolProcess(t, [
    ...chain.flags(),
    ...['--price=1000wei', '--auto-adjust-price=false', '--reward=false'],
    ...[`--max-face-value=${FACE}`, `--ticket-ev=${FACE - 1n}`],
    ...[`--payout-keystore=${stored.file}`, '--payout-gas-money=1'],
    ...flags,
  ]);
  const owner = newWallet();
  const enrol = (name: string) =>
    pool.admin<Enrolment>('POST', '/api/v1/workers', { name, payoutAddress: owner.address });
  const [heron, kiln] = [await enrol('heron'), await enrol('kiln-2')];
  await stampedRenditions(['P240p30fps16x9']); // made once, while nobody waits
  const own = await startOwnWorker(t, heron.join);
  await own.ready;
  const gateway = await startFundedGateway(t, chain, pool);

  async function tributary(...args: readonly string[]): Promise<string> {
    const process = startTributary(t, [...args, '--data-dir', pool.dataDir]);
    assert.equal(await process.exited, 0, process.printed.err);
    return process.printed.out;
  }
  const closeEpoch = async () => void (await tributary('epoch', 'close', '--yes'));
  const status = () =>
    pool.admin<{
      readonly newest: readonly { readonly state: string }[];
      readonly assets: readonly { readonly asset: string; readonly solvent: boolean }[];
      readonly tickets: { readonly redeemed: string };
    }>('GET', '/api/v1/payouts/status');

  await streamTo(gateway);
  await mineBlocks(chain.reader, PARAMS_BLOCKS);
  await eventually('the ticket is redeemed', async () => {
    return BigInt((await status()).tickets.redeemed) >= FACE;
  });
  await closeEpoch();
  await eventually('the books have what the ticket brought', async () => {
    return (await status()).assets.every(({ solvent }) => solvent);
  });
  await tributary('payouts', 'deploy-disperse');
  const plan = await tributary('payouts', 'preview', '--now', '--json');
  await tributary('payouts', 'run', (JSON.parse(plan) as { digest: string }).digest);
  await eventually('it is final', async () => (await status()).newest[0]?.state === 'final');
  for (let segment = 0; segment < 3; segment += 1) await streamTo(gateway);
  await closeEpoch();
  await streamTo(gateway);
  return { pool, owner, heron, kiln, own, stream: () => streamTo(gateway), closeEpoch, tributary };
}

async function streamTo(gateway: PayingGateway): Promise<void> {
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done', reply.text);
}
