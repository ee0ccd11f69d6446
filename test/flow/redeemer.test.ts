import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseHex } from '../../src/base/bytes.ts';
import { storeKey } from '../../src/chain/keystore.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { winnerTotals } from '../../src/payments/winners-store.ts';
import { LPT, startProtocol } from '../chain/protocol.ts';
import { FACE, redemptions } from '../chain/redeem-kit.ts';
import { eventually } from '../eventually.ts';
import { startTributary } from '../tributary-process.ts';

const dir = await mkdtemp(join(tmpdir(), 'tributary-redeemer-'));
const scratch = await openScratch();
const { database } = scratch;
const protocol = await startProtocol({ roundLength: 200 });
const kit = redemptions(protocol);
after(async () => {
  await protocol.devnet.stop();
  await scratch[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});
const passwordFile = join(dir, 'password');
await writeFile(passwordFile, 'a password', { mode: 0o600 });
const redeemer = protocol.devnet.accounts.find(({ name }) => name === 'redeemer');
await storeKey({
  dir: join(dir, 'keys'),
  key: parseHex(redeemer?.privateKey ?? '') ?? new Uint8Array(),
  password: 'a password',
  cost: { n: 1024, r: 8, p: 1 },
});
const args = [
  'redeemer',
  ...['--data-dir', join(dir, 'redeemer'), '--network', 'devnet', '--eth-url', protocol.devnet.url],
  ...['--controller', protocol.devnet.addresses.Controller],
  ...['--orchestrator-address', protocol.of('orchestrator')],
  ...['--keystore', join(dir, 'keys'), '--password-file', passwordFile],
  ...['--admin-addr', '127.0.0.1:0'],
];

test('a redeemer beside a pool redeems what the pool wins, and pays the gas', async (t) => {
  await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
  await protocol.nextRound();
  const call = { contract: 'TicketBroker', fn: 'fundDeposit' } as const;
  await protocol.send('gateway', { ...call, value: 10n ** 18n });
  const winners = await Promise.all(Array.from({ length: 3 }, () => kit.winner()));
  await kit.store(database, ...winners);
  const balance = await balanceOf('redeemer');

  const quiet = ['--log-level', 'warn', '--pool-data-dir', scratch.dataDir];
  const running = startTributary(t, [...args, ...quiet]);
  const [, account, admin] = await running.line(/^READY account=(0x\w{40}) admin=(http:\S+)$/);
  assert.equal(account, protocol.of('redeemer'));
  await eventually('all is redeemed', async () => (await winnerTotals(database)).redeemed === 3n);

  assert.equal(await kit.fees(), 3n * FACE);
  assert.equal((await winnerTotals(database)).redeemedWei, 3n * FACE);
  assert.ok((await balanceOf('redeemer')) < balance);
  assert.equal((await fetch(`${admin}/readyz`)).status, 200);
  const metrics = async () => (await fetch(`${admin}/metrics`)).text();
  await eventually('the metrics say so', async () =>
    /tributary_duties_redeemed_eth 0\.03\n/.test(await metrics()),
  );
  running.child.kill('SIGTERM');
  assert.equal(await running.exited, 0);
  const said = running.printed.out + running.printed.err;
  assert.doesNotMatch(said, /"level":"info"/, 'its signer keeps to --log-level too');
});

test('without a pool there, a redeemer says what it needs', async (t) => {
  const alone = startTributary(t, [...args, '--pool-data-dir', join(dir, 'nowhere')]);
  assert.equal(await alone.exited, 1);
  assert.match(alone.printed.err, /No embedded PostgreSQL runs in --pool-data-dir/);
  assert.match(alone.printed.err, /\(database_unreachable\)/);
  const neither = startTributary(t, args);
  assert.equal(await neither.exited, 2);
  assert.match(neither.printed.err, /--database-url, or --pool-data-dir/);
});

function balanceOf(name: 'redeemer'): Promise<bigint> {
  return protocol.reader.getBalance({ address: protocol.of(name) });
}
