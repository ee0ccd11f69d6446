import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDirectoryProcess } from '../directory-process.ts';
import { startHostilePool, startSpoiler, tampered } from '../hostile-pools.ts';
import { startLptPayingPool } from '../lpt-paying-pool.ts';
import { startPoolProcess } from '../pool-process.ts';
import { startTestChain } from '../start-chain-pool.ts';
import { checkPage, openTab, picture, startBrowser, widths } from './browser.ts';

const RIVER = `name = "Rivermouth Pool"
commission = "12%"
model = { kind = "proportional" }

[income]
recognised = "redeemed"

[rewards]
share = "25%"

[payouts]
every = "day"
on-demand = true
assets = ["ETH", "LPT"]
thresholds = { ETH = "0.002", LPT = "0.1" }

[[penalties.rules]]
for = "failed-attempts"
free = 5
each = "1%"
at-most = "10%"

[expectations]
uptime = "95%"
hardware = "NVIDIA from 8 GB"
`;

/** Where pictures for a person's eye go, at every width, light and dark; nowhere unless it is set. */
const LOOKS = process.env.TRIBUTARY_LOOKS;

const WEIR = `name = "Weir Pool"
commission = "1%"
model = { kind = "proportional" }
`;

test('a stranger compares pools that pay on a chain or off it, with and without script', async (t) => {
  const chain = await startTestChain(t, { roundLength: 150 });
  // Somebody changes a figure of the first epoch after it was signed.
  const spoiled = await startSpoiler(t, {
    path: '/proofs/epoch-1/epoch.json',
    spoil: (text) => text.replace(/"closesAt":\d/, '"closesAt":9'),
  });
  const [{ pool: river, paid }, brook, weir] = await Promise.all([
    startLptPayingPool(t, chain, {
      terms: RIVER,
      flags: [
        ...['--operator-name=Ada Lovelace', '--contact=ada@rivermouth.example'],
        ...['--pool-region=eu-central', '--hardware-wanted=NVIDIA from 8 GB'],
      ],
    }),
    startPoolProcess(t, ['--operator-name=<i>Brook</i> & Sons']),
    startPoolProcess(t, [`--public-url=${spoiled.origin}`]),
  ]);
  await weir.admin('POST', '/api/v1/terms', { file: WEIR, startsAtEpoch: 'next' });
  for (const pool of [brook, weir]) await pool.admin('POST', '/api/v1/epochs/close', {});
  spoiled.pool = weir.publicUrl;
  const signed = await (await fetch(`${river.publicUrl}/.well-known/livepeer-pool.json`)).text();
  const forged = await startHostilePool(t, {
    kind: 'text',
    text: (origin) => tampered(signed, ({ pool }) => void Object.assign(pool, { url: origin })),
  });
  const inward = await startHostilePool(t, { kind: 'redirect', to: `${brook.adminUrl}/metrics` });
  const hostile = [forged.origin, inward.origin];
  const pools = [river.publicUrl, brook.publicUrl, spoiled.origin];
  const places = [...pools, river.serviceUri, brook.serviceUri, weir.serviceUri];
  const directory = await startDirectoryProcess(
    t,
    [...pools, ...hostile],
    [
      `--rpc=${chain.devnet.url}`,
      `--controller=${chain.devnet.addresses.Controller}`,
      `--allow-private=${[...places, ...hostile].map((url) => new URL(url).host).join(',')}`,
    ],
  );
  const seen = await directory.until(
    river.publicUrl,
    'verified, with its payouts',
    ({ standing, measured }) => standing === 'verified' && measured.payoutsOnChain === 2,
  );
  const { measured } = seen;
  assert.deepEqual([measured.epochsHeld, measured.payouts, measured.payoutsLate], [2, 2, 0]);
  assert.equal(measured.uptime30.service, 1);
  assert.deepEqual(
    measured.paid.map(({ asset, amount }) => [asset, BigInt(amount)]).sort(),
    Object.entries(paid),
    'to the last unit what the chain has',
  );
  assert.deepEqual(measured.credited.map(({ asset }) => asset).sort(), ['ETH', 'LPT']);
  await directory.until(brook.publicUrl, 'signed', ({ measured }) => measured.epochsHeld === 1);
  const failing = await directory.until(
    spoiled.origin,
    'the spoiled proof was found',
    ({ standing }) => standing === 'failing',
  );
  assert.equal(failing.measured.epochsHeld, 0);
  for (const origin of hostile) {
    await directory.until(origin, 'refused', ({ standing }) => standing === 'refused');
  }

  const browser = await startBrowser(t);
  const tab = await openTab(browser, directory.url);
  const { page } = tab;
  const look = async (name: string) => {
    for (const width of [...widths, 1280]) {
      await page.setViewportSize({ width, height: width === 1280 ? 720 : 900 });
      await checkPage(page, `${name} at ${width}`);
    }
    if (LOOKS === undefined) return;
    await mkdir(LOOKS, { recursive: true });
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      for (const width of widths) {
        await page.setViewportSize({ width, height: 900 });
        const path = join(LOOKS, `${name}-${width}-${scheme}.png`);
        await page.screenshot({ path, fullPage: true });
      }
    }
    await page.emulateMedia({ colorScheme: null });
    await page.setViewportSize({ width: 1280, height: 800 });
  };

  await page.goto('/');
  const list = (await page.textContent('main')) ?? '';
  assert.match(list, /Not listed/);
  assert.match(list, /The signature is not that of 0x/);
  assert.match(list, /redirects to, is not a public one/);
  assert.match(list, /Weir Pool.*Something fails.*Epoch 1: /s);
  await look('list');
  await picture(page, 'directory');
  await page.getByRole('checkbox', { name: 'Compare Rivermouth Pool' }).check();
  await page.getByRole('checkbox', { name: 'Compare Tributary pool' }).check();
  await page.getByRole('button', { name: 'Compare the chosen ones' }).click();
  await page.waitForURL(/\/compare\?pool=.*&pool=/);
  const side = page.getByRole('table');
  await side.getByRole('columnheader', { name: 'Rivermouth Pool' }).waitFor();
  const split = side.getByRole('row', { name: /^Left to workers/ });
  assert.match((await split.textContent()) ?? '', /differs.*88.%.*90.%/s);
  await look('compare');
  await picture(page, 'directory-compare');

  await side.getByRole('link', { name: 'Rivermouth Pool' }).click();
  await page.getByRole('heading', { level: 1, name: 'Rivermouth Pool' }).waitFor();
  const text = (await page.textContent('main')) ?? '';
  assert.match(text, /Verified\..* Last look: just now\./s);
  assert.match(text, /registered this service URI/);
  assert.match(text, /Both published payouts were found on the chain with their amounts; none/);
  assert.match(text, /Both published epochs, recomputed here, come to what the pool signed/);
  await look('pool');
  await picture(page, 'directory-pool');
  for (const [path, name] of [
    ['/about', 'about'],
    ['/compare', 'choose'],
    [`/pools/${new URL(forged.origin).host.replace(':', '-')}`, 'refused'],
    [`/pools/${new URL(spoiled.origin).host.replace(':', '-')}`, 'failing'],
    [`/pools/${new URL(inward.origin).host.replace(':', '-')}`, 'redirected'],
    [`/pools/${new URL(brook.publicUrl).host.replace(':', '-')}`, 'off-chain'],
  ] as const) {
    await page.goto(path);
    await look(name);
  }
  assert.match((await page.textContent('main')) ?? '', /<i>Brook<\/i> & Sons/);
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of ['/', `/compare?${new URL(page.url()).search}`, '/about']) {
    await page.goto(path);
    await look(`phone${path.replaceAll(/\W/g, '-')}`);
  }
  assert.deepEqual(tab.errors, []);
  assert.deepEqual(tab.strangers, []);

  const plain = await openTab(browser, directory.url, { javaScriptEnabled: false });
  await plain.page.goto('/');
  await plain.page.getByRole('checkbox', { name: 'Compare Rivermouth Pool' }).check();
  await plain.page.getByRole('checkbox', { name: 'Compare Tributary pool' }).check();
  await plain.page.getByRole('button', { name: 'Compare the chosen ones' }).click();
  await plain.page.waitForURL(/\/compare\?pool=/);
  assert.match((await plain.page.textContent('table')) ?? '', /Paid so far/);
  const missing = await plain.page.goto('/pools/nobody.example');
  assert.equal(missing?.status(), 404);
});
