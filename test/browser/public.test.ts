import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { stampedRenditions, stampedSource } from '../fixtures/renditions.ts';
import { startOwnWorker } from '../own-worker.ts';
import type { PayingGateway } from '../paying-gateway.ts';
import { type PoolProcess, startPoolProcess } from '../pool-process.ts';
import { startFundedGateway, startTestChain } from '../start-chain-pool.ts';
import type { Cleanup, Enrolment } from '../start-pool.ts';
import { startTributary } from '../tributary-process.ts';
import { checkAxe, checkPage, openTab, picture, startBrowser, widths } from './browser.ts';

// A pool as it is run, on a chain of its own, with a worker, a gateway that pays, and two epochs.
const cleanups: (() => void | Promise<void>)[] = [];
const whole: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});
let pool: PoolProcess;
let browser: Browser;
let heron: Enrolment;

before(async () => {
  const chain = await startTestChain(whole, { roundLength: 400 });
  pool = await startPoolProcess(whole, [...chain.flags(), '--price=1000wei', '--reward=off']);
  await writeFile(join(pool.dataDir, 'terms.toml'), TERMS);
  await tributary(
    'terms',
    'publish',
    join(pool.dataDir, 'terms.toml'),
    '--starts-at-epoch',
    'next',
  );
  heron = await pool.enrol('heron');
  await stampedRenditions(['P240p30fps16x9']); // made once, while nobody waits
  const own = await startOwnWorker(whole, heron.join);
  await own.ready;
  const gateway = await startFundedGateway(whole, chain, pool);
  for (const number of [1, 2]) {
    for (let segment = 0; segment < number; segment += 1) await stream(gateway);
    await closeEpoch(number);
  }
  const second = await startOwnWorker(whole, (await pool.enrol('office-4070')).join);
  await second.ready;
  await Promise.all([1, 2, 3, 4].map(() => stream(gateway)));
  browser = await startBrowser(whole);
});

async function stream(gateway: PayingGateway): Promise<void> {
  const reply = await gateway.submit(await gateway.session(), await stampedSource(), {
    tickets: 2,
    segment: { durationMs: 20_000 },
  });
  assert.equal(reply.result?.result.kind, 'done', reply.text);
}

async function closeEpoch(number: number): Promise<void> {
  const said = await tributary('epoch', 'close', '--yes');
  assert.match(said, new RegExp(`^Epoch ${number} is closed and published\\.`));
}

async function tributary(...args: readonly string[]): Promise<string> {
  const running = startTributary(whole, [...args, '--data-dir', pool.dataDir]);
  assert.equal(await running.exited, 0, running.printed.err);
  return running.printed.out;
}

/** They settle epoch 2 and later ones; epoch 1 has begun with the default terms. */
const TERMS = `name = "Rivermouth Pool"
commission = "18%"
[model]
kind = "proportional"
[[multipliers]]
name = "fast"
speed-percentile = 80
factor = "1.1"
[penalties]
[[penalties.rules]]
for = "failed-checks"
free = 3
each = "0.5%"
at-most = "20%"
[payouts]
thresholds = { ETH = "0.002" }
[expectations]
uptime = "95%"
hardware = "A GPU with NVENC, or 8 CPU cores."
`;

/** Every public page, with what has to stand on it. */
const pages: readonly (readonly [path: () => string, text: RegExp])[] = [
  [() => '/', /Pays GPU owners 82\s%.* in ETH, every week, from 0\.002 ETH on/],
  [() => '/terms', /Version 1 settles the open epoch/],
  [() => '/terms/1', /fast: work counts 1\.1 times[\s\S]*0\.5\s% of what you earned/],
  [() => '/terms/0', /What that comes to[\s\S]*0\.675 ETH/],
  [() => '/epochs', /Credited to workers per epoch/],
  [() => '/epochs/2', /1 worker earned [\d.]+ (?:ETH|gwei)/],
  [() => `/epochs/2/${heron.id}`, /Commission of the pool/],
  [() => '/payouts', /Nothing was paid yet/],
  [() => '/proofs', /tributary verify --pool http:\/\/127\.0\.0\.1:/],
  [
    () => '/join',
    /npm install --global[\s\S]*tributary worker join[\s\S]*npm ci[\s\S]*livepeer -transcoder -orchAddr 127\.0\.0\.1:\d+ -orchSecret/,
  ],
  [() => '/incidents', /Uptime and incidents/],
  [() => '/docs', /For whoever brings a GPU\s+Join with a GPU[\s\S]*Reference/],
  [() => '/docs/guides/join-with-a-gpu', /Join a pool with a GPU/],
  [() => '/docs/reference/settings', /--data-dir/],
  [() => '/docs/api', /Routes by noun[\s\S]*GET \/api\/v1\/payouts/],
  [() => '/docs/api/calculator', /calculator\/\{gpu\}[\s\S]*curl 'http:\/\/127[\s\S]*pool\.get\(/],
];

test('the first page comes in 150 KB, and nothing in it from anybody else', async () => {
  const tab = await openTab(browser, pool.publicUrl);
  await tab.page.goto('/');
  await tab.page.waitForSelector('[data-theme-switch]:not([hidden])');
  await tab.page.waitForSelector('.flow svg');
  assert.ok(tab.bytes() > 0 && tab.bytes() <= 150 * 1024, `${tab.bytes()} bytes`);
  assert.deepEqual(tab.strangers, []);
  assert.equal(await tab.page.locator('.facts dt').count(), 17, 'each point is answered');
  assert.match(await tab.page.innerText('.notice'), /private key, seed phrase or keystore/);
  const elements = await tab.page.locator('.flow svg *').count();
  assert.ok(elements > 0 && elements <= 200, `the drawing has ${elements} elements`);
  for (const width of widths) {
    await tab.page.setViewportSize({ width, height: 900 });
    await picture(tab.page, `public-${width}`);
  }
  await tab.context.close();
});

/** Colours do not change with the width, so that dark is looked at once. */
const looks = [
  ['light', widths],
  ['dark', [820]],
] as const;

for (const [colorScheme, looked] of looks) {
  test(`every public page can be read and used, ${colorScheme}`, async () => {
    const tab = await openTab(browser, pool.publicUrl, { colorScheme });
    for (const width of looked) {
      await tab.page.setViewportSize({ width, height: 900 });
      for (const [path, text] of pages) {
        await tab.page.goto(path());
        await tab.page.waitForFunction(
          'document.querySelectorAll("[data-needs-script][hidden]").length === 0',
        );
        assert.match(await tab.page.innerText('main'), text, path());
        await checkPage(tab.page, `${path()} at ${width}`);
      }
    }
    assert.deepEqual(tab.errors, []);
    assert.deepEqual(tab.strangers, []);
    await tab.context.close();
  });
}

test('without a script everything can be read, with times in UTC', async () => {
  const tab = await openTab(browser, pool.publicUrl, { javaScriptEnabled: false });
  for (const [path, text] of pages) {
    await tab.page.goto(path());
    assert.match(await tab.page.innerText('main'), text, path());
  }
  await tab.page.goto('/epochs/1');
  assert.match(await tab.page.innerText('main'), /\d\d:\d\d UTC/);
  assert.equal(
    await tab.page.getAttribute('#record ~ dl button', 'data-copy').then((root) => root?.length),
    64,
  );
  await tab.page.goto('/?gpu=RTX+4070');
  assert.match(await tab.page.innerText('main'), /Nothing can be said\. No worker with RTX 4070/);
  await tab.context.close();
});

test('one click checks an epoch in the browser, down to its root', async () => {
  const tab = await openTab(browser, pool.publicUrl);
  await tab.page.goto('/epochs/2');
  await tab.page.click('text=Check in this browser');
  const said = await tab.page.waitForSelector('text=Checked in your browser');
  assert.match(await said.innerText(), /: \d+ hashes, root of epoch 2\./);
  await tab.page.click('text=9 steps');
  assert.match(await tab.page.innerText('.seal'), /the account of the pool signed the keys/);
  assert.match(await tab.page.innerText('.seal'), /comes to the published root and totals/);
  assert.deepEqual(await checkAxe(tab.page), []);
  await picture(tab.page, 'epoch-checked');
  assert.deepEqual(tab.errors, [], 'the policy allows all that the check does');
  await tab.context.close();
});

test('a line that was changed after it was signed is found in the browser, and named', async () => {
  const tab = await openTab(browser, pool.publicUrl);
  await tab.context.route('**/proofs/epoch-2/leaves.json', async (route) => {
    const text = await (await route.fetch()).text();
    const body = text.replace(/"units":"(\d)/, (_, digit) => `"units":"${(Number(digit) % 9) + 1}`);
    await route.fulfill({ body, contentType: 'application/json' });
  });
  await tab.page.goto('/epochs/2');
  await tab.page.click('text=Check in this browser');
  const said = await tab.page.waitForSelector('text=Epoch 2 does not hold');
  assert.match(await said.innerText(), new RegExp(`the leaf of ${heron.id}`));
  assert.match(await tab.page.innerText('.seal'), /open a dispute: this is evidence/);
  await tab.context.close();
});

test('an amount shows every digit to whoever points at it or reaches it by keyboard', async () => {
  const tab = await openTab(browser, pool.publicUrl);
  await tab.page.goto('/epochs/2');
  const place = '#workers ~ .table a[data-exact]';
  await tab.page.focus(place);
  const shown = await tab.page.evaluate(
    `getComputedStyle(document.querySelector('${place}'), '::after').content`,
  );
  assert.match(String(shown), /^"0\.\d{10,18} ETH"$/);
  await tab.context.close();
});

test('a finger gets every digit of an amount that leads further, and is led further', async () => {
  for (const permissions of [['clipboard-read', 'clipboard-write'], []]) {
    const tab = await openTab(browser, pool.publicUrl, {
      ...{ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 }, permissions },
    });
    const { page } = tab;
    await page.goto('/epochs/2');
    const cell = page.locator('#workers ~ .table .nowrap:has(a[data-exact])').first();
    const exact = (await cell.locator('a').getAttribute('data-exact')) ?? '';
    assert.match(exact, /^0\.\d{10,18} ETH$/);
    assert.match((await cell.locator('a').textContent()) ?? '', new RegExp(`, exactly ${exact}$`));
    await checkPage(page, 'an epoch on a phone');
    const button = cell.locator('button');
    const box = await button.boundingBox();
    assert.ok(box && box.width >= 24 && box.height >= 24, 'large enough for a finger');
    await button.tap();
    const mark = permissions.length > 0 ? 'data-copied' : 'data-shown';
    await cell.locator(`button[${mark}]`).waitFor();
    const seen = await page.evaluate(
      `getComputedStyle(document.querySelector('button[${mark}]'), '::after').content`,
    );
    assert.ok(String(seen).includes(exact), String(seen));
    if (permissions.length > 0) {
      assert.equal(await page.evaluate('navigator.clipboard.readText()'), exact);
    }
    assert.match(page.url(), /\/epochs\/2$/, 'the button leads nowhere');
    await cell.locator('a').tap();
    await page.waitForURL((url) => url.pathname !== '/epochs/2' || url.hash !== '');
    await tab.context.close();
  }
});

test('a chart is read point by point with the keyboard, and its table is one click away', async () => {
  const tab = await openTab(browser, pool.publicUrl);
  await tab.page.goto('/epochs');
  const chart = tab.page.locator('[role=slider]');
  await chart.focus();
  await chart.press('ArrowLeft');
  const first = await tab.page.innerText('.chart-readout');
  assert.match(first, /: ETH [\d.]+ \w+$/);
  await chart.press('End');
  assert.notEqual(await tab.page.innerText('.chart-readout'), first);
  await tab.page.click('text=As a table');
  assert.equal(await tab.page.locator('.chart table tbody tr').count(), 2);
  await tab.context.close();
});

test('figures change where they stand, and a bar says when they stopped, which moves nothing', async () => {
  const tab = await openTab(browser, pool.publicUrl);
  const { page } = tab;
  const below = async () => (await page.locator('#before').boundingBox())?.y;
  const now = (await (await fetch(`${pool.publicUrl}/api/v1/pool`)).json()) as {
    readonly now: object;
  };
  const told = { ...now, now: { ...now.now, addedLatencyMs: { p50: 777, p99: 888 } } };
  let connections = 0;
  await page.route('**/api/v1/live', (route) => {
    connections += 1;
    return route.fulfill({
      contentType: 'text/event-stream',
      body: `retry: 100\nid: 1\ndata: ${JSON.stringify(told)}\n\n`,
    });
  });
  await page.goto('/');
  const before = await below();
  await page.waitForSelector('.figures-row :text("777 ms")');
  // The imitated stream ended with its first value, so that the connection counts as lost.
  const bar = page.locator('#stale');
  await bar.waitFor();
  assert.match(await bar.innerText(), /^Live values are of \d\d:\d\d: the pool does not answer/);
  assert.equal(await below(), before);
  assert.deepEqual(await checkAxe(page), []);
  const reopened = page.waitForResponse('**/api/v1/live');
  await page.unroute('**/api/v1/live');
  await reopened;
  await bar.waitFor({ state: 'hidden' });
  await page.waitForSelector('.figures-row :text("777 ms")', { state: 'detached' });
  assert.ok(connections > 0);
  await tab.context.close();
});

test('colours follow the system until a reader chooses, and the choice stays on the next page', async () => {
  const tab = await openTab(browser, pool.publicUrl, { colorScheme: 'light' });
  const { page } = tab;
  const [light, dark] = ['rgb(251, 250, 247)', 'rgb(13, 20, 22)'];
  const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
  await page.goto('/');
  assert.equal(await ground(), light);
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.equal(await ground(), dark, 'live, without a reload');
  await page.selectOption('[data-theme-switch] select', 'light');
  assert.equal(await ground(), light);
  await page.selectOption('[data-theme-switch] select', 'dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto('/epochs');
  // Of the document as it came, so that nothing flashes before the script runs.
  const html = await page.evaluate("fetch('/epochs').then((answer) => answer.text())");
  assert.match(String(html), /<html[^>]* data-theme="dark"/);
  assert.equal(await ground(), dark);
  await page.selectOption('[data-theme-switch] select', 'system');
  assert.equal(await ground(), light);
  await page.goto('/epochs');
  assert.equal(await page.getAttribute('html', 'data-theme'), null);
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.equal(await ground(), dark);
  await tab.context.close();
});

test('pages come with a strict policy, once, and files with hashed names for ever', async () => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(new URL(path, pool.publicUrl), { headers, redirect: 'manual' });
  const page = await get('/terms/0', { 'accept-encoding': 'br' });
  const policy = page.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.doesNotMatch(policy, /unsafe|https:|\*/);
  assert.equal(page.headers.get('content-encoding'), 'br');
  const html = await page.text();
  assert.doesNotMatch(html, /<style| style="| onclick=|<script(?! type="module" src="\/assets\/)/);
  const etag = page.headers.get('etag') ?? '';
  assert.equal((await get('/terms/0', { 'if-none-match': etag })).status, 304);

  const script = /src="(\/assets\/main-[\w-]+\.js)"/.exec(html)?.[1] ?? '';
  const asset = await get(script, { 'accept-encoding': 'gzip' });
  assert.equal(asset.headers.get('cache-control'), 'public, max-age=31536000, immutable');
  assert.equal(asset.headers.get('content-encoding'), 'gzip');

  const moved = await get('/docs/guides/join-with-a-gpu.md');
  assert.deepEqual(
    [moved.status, moved.headers.get('location')],
    [308, '/docs/guides/join-with-a-gpu'],
  );
});

test('an address that leads nowhere says so in the same look, and to programs in theirs', async () => {
  for (const path of [
    ...['/nothing', '/epochs/0', '/epochs/999', '/epochs/x', '/terms/99', '/incidents/7'],
    ...['/epochs/2/aaaaaaaaaa', '/docs/nothing', '/assets/nothing.js'],
    ...[`/docs/${'a/'.repeat(200)}a`, '/docs/%00', '/epochs/<script>'],
  ]) {
    const url = new URL(pool.publicUrl);
    const page = await fetch(`${url.origin}${path}`, { headers: { accept: 'text/html' } });
    assert.equal(page.status, 404, path);
    const html = await page.text();
    assert.match(html, /<h1>There is no such page<\/h1>/, path);
    assert.doesNotMatch(html, /<script>/);
    const json = await fetch(`${url.origin}${path}`);
    assert.match(json.headers.get('content-type') ?? '', /problem\+json/, path);
  }
});
