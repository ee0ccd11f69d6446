import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHex } from '../src/base/bytes.ts';
import type { DevnetAccount } from '../src/chain/devnet.ts';
import { storeKey } from '../src/chain/keystore.ts';
import type { PoolBase } from '../src/programs/pool/pool.ts';
import { LPT, type Protocol, startProtocol } from './chain/protocol.ts';
import { eventually } from './eventually.ts';
import { type PayingGateway, startPayingGateway } from './paying-gateway.ts';
import { type Cleanup, startTestPool, type TestPool } from './start-pool.ts';

/** Scrypt that takes no time: nobody attacks the keys of a test. */
const QUICK = { n: 2, r: 8, p: 1 };
const ETHER = 10n ** 18n;

/** A local chain on which `orchestrator` is registered and active. */
export interface TestChain extends Protocol {
  key(name: DevnetAccount['name']): Uint8Array;
  /** The flags of a pool that works on it as `node`, or as the orchestrator itself. */
  flags(node?: DevnetAccount['name']): readonly string[];
}

/** Starts a chain for a test or a file of them. */
export async function startTestChain(
  t: Cleanup,
  options: Parameters<typeof startProtocol>[0] = {},
): Promise<TestChain> {
  const protocol = await startProtocol(options);
  t.after(() => protocol.devnet.stop());
  const keys = await mkdtemp(join(tmpdir(), 'tributary-keys-'));
  t.after(() => rm(keys, { recursive: true, force: true }));
  const passwordFile = join(keys, 'password');
  await writeFile(passwordFile, 'secret', { mode: 0o600 });

  await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
  await protocol.send('orchestrator', {
    contract: 'BondingManager',
    fn: 'transcoder',
    args: [100_000n, 500_000n],
  });
  await protocol.nextRound();

  const { url, addresses, accounts } = protocol.devnet;
  const key = (name: DevnetAccount['name']) => {
    const found = accounts.find((account) => account.name === name);
    return parseHex(found?.privateKey ?? '') as Uint8Array;
  };
  const files = new Map<string, string>();
  for (const name of ['orchestrator', 'node'] as const) {
    const dir = join(keys, name);
    const stored = await storeKey({ dir, key: key(name), password: 'secret', cost: QUICK });
    files.set(name, stored.file);
  }
  return Object.assign(protocol, {
    key,
    flags: (node: DevnetAccount['name'] = 'orchestrator') => [
      ...['--network=devnet', `--eth-url=${url}`, `--controller=${addresses.Controller}`],
      ...[`--keystore=${files.get(node)}`, `--password-file=${passwordFile}`],
      ...(node === 'orchestrator' ? [] : [`--orchestrator-address=${protocol.of('orchestrator')}`]),
    ],
  });
}

/** A pool on a chain; `flags` are added to those of the chain. */
export function startChainPool(
  t: Cleanup,
  chain: TestChain,
  flags: readonly string[] = [],
  base: Partial<PoolBase> = {},
): Promise<TestPool> {
  const price = flags.some((flag) => flag.startsWith('--price=')) ? [] : ['--price=1000wei'];
  return startTestPool(t, [...chain.flags(), ...price, ...flags], {
    env: process.env,
    ...base,
  });
}

/** A gateway of a devnet account with money in TicketBroker. */
export async function startFundedGateway(
  t: Cleanup,
  chain: TestChain,
  pool: TestPool,
  name: DevnetAccount['name'] = 'gateway',
): Promise<PayingGateway> {
  const { url, addresses } = chain.devnet;
  const gateway = startPayingGateway(t, {
    port: pool.port,
    key: chain.key(name),
    chain: { url, addresses },
  });
  await gateway.fund({ deposit: 50n * ETHER, reserve: 50n * ETHER });
  await eventually('the pool saw the money', async () => (await gateway.getOrchestrator()).ok);
  return gateway;
}
