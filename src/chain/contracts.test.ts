import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { resolveContracts } from './contracts.ts';
import { startDevnet } from './devnet.ts';
import { openProviders } from './providers.ts';

const devnet = await startDevnet();
const providers = await openProviders({
  urls: [devnet.url],
  clock: systemClock,
  log: quiet,
  metrics: createMetrics(),
});
after(async () => {
  await providers.close();
  await devnet.stop();
});

test('the Controller alone says where every contract is', async () => {
  const { addresses } = devnet;
  const contracts = await resolveContracts(providers, addresses.Controller);
  assert.deepEqual(contracts, {
    controller: addresses.Controller,
    token: addresses.LivepeerToken,
    minter: addresses.Minter,
    bondingManager: addresses.BondingManager,
    ticketBroker: addresses.TicketBroker,
    roundsManager: addresses.RoundsManager,
    serviceRegistry: addresses.ServiceRegistry,
    aiServiceRegistry: addresses.AIServiceRegistry,
    bondingVotes: addresses.BondingVotes,
    governor: addresses.LivepeerGovernor,
    treasury: addresses.Treasury,
  });
});

test('an address without a contract, or with another one, is no Controller', async () => {
  const { addresses, accounts } = devnet;
  const [nobody] = accounts;
  assert.ok(nobody);
  for (const address of [nobody.address, addresses.LivepeerToken]) {
    await assert.rejects(resolveContracts(providers, address), { code: 'controller_missing' });
  }
});
