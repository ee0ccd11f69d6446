import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Abi, Address, Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { controllerAbi } from '../../src/chain/abi/controller.ts';
import { roundsManagerAbi } from '../../src/chain/abi/rounds-manager.ts';
import { ticketBrokerAbi } from '../../src/chain/abi/ticket-broker.ts';
import { type Devnet, devnetClients, startDevnet } from '../../src/chain/devnet.ts';
import { contractId } from '../../src/chain/devnet-deploy.ts';
import { eventually } from '../eventually.ts';
import { startTributary } from '../tributary-process.ts';

interface DevnetJson {
  readonly url: string;
  readonly chainId: number;
  readonly accounts: readonly { name: string; address: Address; privateKey: Hex }[];
  readonly addresses: Readonly<Record<string, Address>>;
  readonly abis: Readonly<Record<string, Abi>>;
}

test('a developer gets a chain with the protocol on it, and gets it back later', async (t) => {
  const folder = temporaryFolder(t);
  const json = join(folder, 'devnet.json');
  const args = ['--port', '0', '--round-length', '10', '--block-time', '0', '--json', json];
  const start = async () => {
    const process = startTributary(t, [
      'devnet',
      ...args,
      '--state-file',
      join(folder, 'state.json'),
    ]);
    await process.line(/^delegator2 +0x[0-9a-f]{64}$/);
    return { process, devnet: JSON.parse(readFileSync(json, 'utf8')) as DevnetJson };
  };

  const first = await start();
  const { addresses, accounts } = first.devnet;
  const { reader, wallet } = devnetClients(first.devnet.url);
  assert.equal(await reader.getChainId(), first.devnet.chainId);
  const known = await reader.readContract({
    address: addresses.Controller as Address,
    abi: controllerAbi,
    functionName: 'getContract',
    args: [contractId('TicketBroker')],
  });
  assert.equal(known, addresses.TicketBroker);
  assert.deepEqual(Object.keys(first.devnet.abis).sort(), Object.keys(addresses).sort());

  const gateway = accounts.find(({ name }) => name === 'gateway');
  assert.ok(gateway);
  const broker = { address: addresses.TicketBroker as Address, abi: ticketBrokerAbi } as const;
  const hash = await wallet(privateKeyToAccount(gateway.privateKey)).writeContract({
    ...broker,
    functionName: 'fundDepositAndReserve',
    args: [7n, 5n],
    value: 12n,
  });
  await reader.waitForTransactionReceipt({ hash });
  first.process.child.kill('SIGTERM');
  assert.equal(await first.process.exited, 0);

  const second = await start();
  assert.deepEqual(second.devnet.addresses, addresses);
  const [sender, reserve] = await devnetClients(second.devnet.url).reader.readContract({
    ...broker,
    functionName: 'getSenderInfo',
    args: [gateway.address],
  });
  assert.equal(sender.deposit, 7n);
  assert.equal(reserve.fundsRemaining, 5n);
  second.process.child.kill('SIGTERM');
  assert.equal(await second.process.exited, 0);
});

test('rounds begin by themselves where blocks come by themselves', async (t) => {
  const process = startTributary(t, [
    ...['devnet', '--port', '0', '--round-length', '3', '--block-time', '0.2'],
  ]);
  const [, url = ''] = await process.line(/listens at (\S+),/);
  const [, address] = await process.line(/^RoundsManager +(0x\S+)$/);
  const { reader } = devnetClients(url);
  const lastInitialized = () =>
    reader.readContract({
      address: address as Address,
      abi: roundsManagerAbi,
      functionName: 'lastInitializedRound',
    });
  const before = await lastInitialized();
  await eventually('a round has begun', async () => (await lastInitialized()) > before);
  process.child.kill('SIGINT');
  assert.equal(await process.exited, 0);
});

test('a chain ends with the program that started it, however that ends', async (t) => {
  const process = startTributary(t, ['devnet', '--port', '0']);
  const [, url = ''] = await process.line(/listens at (\S+),/);
  const { reader } = devnetClients(url);
  await reader.getChainId();
  process.child.kill('SIGKILL');
  await eventually('nobody listens', () =>
    fetch(url).then(
      () => false,
      () => true,
    ),
  );
});

test('a port that is taken is said, and no chain is left behind', async (t) => {
  const first: Devnet = await startDevnet();
  t.after(() => first.stop());
  await assert.rejects(startDevnet({ port: first.port }), { code: 'devnet_failed' });
  await first.stop();
});

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-devnet-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
