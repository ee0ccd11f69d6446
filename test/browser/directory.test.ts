import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDirectoryProcess } from '../directory-process.ts';
import { startHostilePool, tampered } from '../hostile-pools.ts';
import { startPoolProcess } from '../pool-process.ts';
import { startTestChain } from '../start-chain-pool.ts';
import { checkAxe, openTab, picture, startBrowser, widths } from './browser.ts';

const RIVER = `name = "Rivermouth Pool"
commission = "12%"
model = { kind = "proportional" }

[payouts]
every = "day"
thresholds = { ETH = "0.002" }

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

test('a stranger compares two pools in a directory, with and without script', async (t) => {
  const chain = await startTestChain(t);
  const river = await startPoolProcess(t, [
    ...chain.flags(),
    ...['--price=1000wei', '--operator-name=Ada Lovelace', '--contact=ada@rivermouth.example'],
    ...['--pool-region=eu-central', '--hardware-wanted=NVIDIA from 8 GB'],
  ]);
  const brook = await startPoolProcess(t, ['--operator-name=<i>Brook</i> & Sons']);
  for (const pool of [river, brook]) {
    if (pool === river) {
      await pool.admin('POST', '/api/v1/terms', { file: RIVER, startsAtEpoch: 'next' });
    }
    await pool.admin('POST', '/api/v1/epochs/close', {});
  }
  await chain.send('orchestrator', {
    contract: 'ServiceRegistry',
    fn: 'setServiceURI',
    args: [river.serviceUri],
  });
  const signed = await (await fetch(`${river.publicUrl}/.well-known/livepeer-pool.json`)).text();
  const forged = await startHostilePool(t, {
    kind: 'text',
    text: (origin) => tampered(signed, ({ pool }) => void Object.assign(pool, { url: origin })),
  });
  const places = [river, brook].flatMap(({ publicUrl, serviceUri }) => [publicUrl, serviceUri]);
  const directory = await startDirectoryProcess(
    t,
    [river.publicUrl, brook.publicUrl, forged.origin],
    [
      `--rpc=${chain.devnet.url}`,
      `--controller=${chain.devnet.addresses.Controller}`,
      `--allow-private=${[...places, forged.origin].map((url) => new URL(url).host).join(',')}`,
    ],
  );
  await directory.until(
    river.publicUrl,
    'verified',
    ({ standing, measured }) => standing === 'verified' && measured.epochsHeld === 1,
  );
  await directory.until(brook.publicUrl, 'signed', ({ measured }) => measured.epochsHeld === 1);
  await directory.until(forged.origin, 'refused', ({ standing }) => standing === 'refused');

  const browser = await startBrowser(t);
  const tab = await openTab(browser, directory.url);
  const { page } = tab;
  const look = async (name: string) => {
    assert.deepEqual(await checkAxe(page), [], name);
    const overflow = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    assert.equal(overflow, 0, `${name} is wider than the window`);
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
  assert.match((await page.textContent('main')) ?? '', /Not listed/);
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
  assert.match(text, /Verified, just now/);
  assert.match(text, /registered this service URI/);
  await look('pool');
  await picture(page, 'directory-pool');
  for (const [path, name] of [
    ['/about', 'about'],
    ['/compare', 'choose'],
    [`/pools/${new URL(forged.origin).host.replace(':', '-')}`, 'refused'],
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
