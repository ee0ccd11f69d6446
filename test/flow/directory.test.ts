import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WholePool } from '../../src/api/directory-views.ts';
import { startDirectoryProcess } from '../directory-process.ts';
import { startHostilePool, tampered } from '../hostile-pools.ts';
import { startPoolProcess } from '../pool-process.ts';
import { startTestChain } from '../start-chain-pool.ts';

const TERMS = `name = "Rivermouth"
commission = "12%"
model = { kind = "proportional" }
`;

const checkOf = (pool: WholePool, name: string) => pool.checks.find((one) => one.name === name);
const placeOf = (url: string) => new URL(url).host;

test('a directory lists pools by what they sign and what it finds, and takes nothing else', async (t) => {
  const chain = await startTestChain(t);
  const onChain = await startPoolProcess(t, [
    ...chain.flags(),
    '--price=1000wei',
    '--operator-name=<b>Ada</b> & Co',
  ]);
  const offChain = await startPoolProcess(t);
  await offChain.admin('POST', '/api/v1/terms', { file: TERMS, startsAtEpoch: 'next' });
  await offChain.admin('POST', '/api/v1/epochs/close', {});
  await chain.send('orchestrator', {
    contract: 'ServiceRegistry',
    fn: 'setServiceURI',
    args: [onChain.serviceUri],
  });

  const manifest = await (
    await fetch(`${onChain.publicUrl}/.well-known/livepeer-pool.json`)
  ).text();
  const hostile = {
    forged: await startHostilePool(t, {
      kind: 'text',
      text: (origin) =>
        tampered(manifest, (signed) => {
          signed.pool.url = `${origin}/`;
        }),
    }),
    copied: await startHostilePool(t, { kind: 'text', text: () => manifest }),
    markup: await startHostilePool(t, {
      kind: 'text',
      text: () => '<script>alert(1)</script>',
    }),
    private: await startHostilePool(t, { kind: 'redirect', to: `${offChain.adminUrl}/metrics` }),
    metadata: await startHostilePool(t, { kind: 'redirect', to: 'http://169.254.169.254/latest' }),
    flood: await startHostilePool(t, { kind: 'flood' }),
    drip: await startHostilePool(t, { kind: 'drip' }),
  };
  const origins = Object.values(hostile).map(({ origin }) => origin);
  const allowed = [onChain.publicUrl, onChain.serviceUri, offChain.publicUrl, offChain.serviceUri];
  const directory = await startDirectoryProcess(
    t,
    // The slow and the greedy first: they hold up nobody.
    [hostile.drip.origin, hostile.flood.origin, onChain.publicUrl, offChain.publicUrl, ...origins],
    [
      `--rpc=${chain.devnet.url}`,
      `--controller=${chain.devnet.addresses.Controller}`,
      `--allow-private=${[...allowed, ...origins].map(placeOf).join(',')}`,
    ],
  );

  const verified = await directory.until(
    onChain.publicUrl,
    'the pool on chain is verified',
    ({ standing }) => standing === 'verified',
  );
  assert.equal(verified.says?.operator.name, '<b>Ada</b> & Co');
  assert.equal(verified.says?.orchestrator, chain.of('orchestrator').toLowerCase());
  assert.equal(verified.onChain?.active, true);
  assert.equal(verified.onChain?.serviceUri, onChain.serviceUri);
  assert.equal(verified.onChain?.feeCutPpm, '500000');
  assert.equal(verified.measured.uptime30.service, 1);

  const signed = await directory.until(
    offChain.publicUrl,
    'the epoch of the other pool was recomputed',
    ({ measured }) => measured.epochsHeld === 1,
  );
  assert.equal(signed.standing, 'signed');
  assert.equal(signed.says?.name, 'Rivermouth');
  assert.equal(signed.says?.terms.version, 1);
  assert.match(checkOf(signed, 'proofs')?.text ?? '', /recomputed here/);

  const expected: Readonly<Record<keyof typeof hostile, RegExp>> = {
    forged: /^The signature is not that of 0x/,
    copied: /^The manifest is that of .* and was found at/,
    markup: /not canonical JSON/,
    private: /not a public one/,
    metadata: /not a public one/,
    flood: /longer than/,
    drip: /was not there after 15 s/,
  };
  for (const [name, text] of Object.entries(expected)) {
    const { origin } = hostile[name as keyof typeof hostile];
    const refused = await directory.until(
      origin,
      `${name} is refused`,
      ({ lookedAt }) => !!lookedAt,
    );
    assert.equal(refused.says, null, name);
    assert.match(checkOf(refused, 'manifest')?.text ?? '', text);
    assert.notEqual(refused.standing, 'verified');
  }
  // The socket's buffers of both sides, and not the 100 MB.
  assert.ok(hostile.flood.sent() < 50 * 1024 * 1024, `${hostile.flood.sent()} bytes were taken`);

  const page = await (await fetch(directory.url, { headers: { accept: 'text/html' } })).text();
  assert.match(page, /Rivermouth/);
  assert.doesNotMatch(page, /<b>Ada|<script>alert/);

  // What is known survives a kill, and a pool that goes away is said to be away.
  await directory.restart();
  const after = await directory.pool(offChain.publicUrl);
  assert.equal(after.measured.epochsHeld, 1);
  await offChain.kill();
  const away = await directory.until(
    offChain.publicUrl,
    'the pool is away',
    ({ standing }) => standing === 'unreachable',
  );
  assert.equal(away.says?.name, 'Rivermouth');
  assert.ok((away.measured.uptime30.service ?? 1) < 1);
});
