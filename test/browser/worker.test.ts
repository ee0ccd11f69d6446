import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { PageReply, PageRequest, PageServer } from '../../src/api/page-types.ts';
import type { Cleanup } from '../start-pool.ts';
import {
  checkAxe,
  checkPage,
  openTab,
  picture,
  startBrowser,
  type WatchedTab,
  widths,
} from './browser.ts';
import { type BrowserWallet, injectWallet } from './wallet.ts';
import { newWallet, startWorkerPool, type WorkerPool } from './worker-pool.ts';

// A pool as it is run, on a chain of its own; somebody who owns two machines of it, with a wallet.
const cleanups: (() => void | Promise<void>)[] = [];
const whole: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});
let made: WorkerPool;
let browser: Browser;
let tab: WatchedTab;
let page: Page;
let wallet: BrowserWallet;
/** What an imitation of ntfy was sent. */
const letters = new EventEmitter<{ letter: [string] }>();
let ntfy: string;

before(async () => {
  const server = createServer((request, response) => {
    void text(request).then((letter) => letters.emit('letter', letter));
    response.end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  whole.after(() => void server.close());
  ntfy = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  made = await startWorkerPool(whole, [
    `--notice-private-hosts=${ntfy}`,
    // The key of the first test vector of RFC 8032.
    '--discord-public-key=d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  ]);
  browser = await startBrowser(whole);
  tab = await openTab(browser, made.pool.publicUrl);
  wallet = await injectWallet(tab.context, made.owner);
  page = tab.page;
});

const main = () => page.innerText('main');
const lead = () => page.innerText('p.lead');
const heronsState = () => page.locator(`[data-live="${made.heron.id}:state"]`);

test('a wallet signs in, after its owner has read what it signs', async () => {
  await page.goto('/worker/earnings');
  assert.match(page.url(), /\/worker\/sign-in\?then=%2Fworker%2Fearnings$/);
  assert.match(await main(), /No honest pool asks for a private key, a seed phrase or a keystore/);
  assert.deepEqual(await checkAxe(page), []);

  wallet.refuse();
  await page.click('text=Continue with Test wallet');
  await page.waitForSelector('text=You said no in the wallet');
  await page.click('text=Continue with Test wallet');
  const text = await page.innerText('pre');
  const { host } = new URL(made.pool.publicUrl);
  assert.match(text, new RegExp(`^${host} wants you to sign in with your Ethereum account:\n0x`));
  assert.match(text, /\nURI: http:.*\nVersion: 1\nChain ID: \d+\nNonce: \w+\n/);
  assert.deepEqual(wallet.signed, [], 'nothing is signed before it was read');
  assert.deepEqual(await checkAxe(page), []);
  await picture(page, 'worker-sign-in');

  await page.click('text=Sign it in Test wallet');
  await page.waitForURL('**/worker/earnings');
  assert.deepEqual(wallet.signed, [text]);
});

test('a stranger is told that no machine is paid at its wallet', async () => {
  const other = await openTab(browser, made.pool.publicUrl);
  await injectWallet(other.context, newWallet());
  await other.page.goto('/worker');
  await other.page.click('text=Continue with Test wallet');
  await other.page.click('text=Sign it in Test wallet');
  await other.page.waitForSelector('text=No worker is paid at this wallet');
  assert.equal(new URL(other.page.url()).pathname, '/worker/sign-in');
  await other.context.close();
});

test('the first screen says whether it works, what was earned, and when it is paid', async () => {
  await page.goto('/worker');
  assert.match(
    await lead(),
    /^1 of 2 machines are connected\. \d of 4 sessions\. kiln-2: not connected/,
  );
  const text = await main();
  assert.match(text, /Earned in epoch 3 so far\s+[\d.]+ (?:gwei|ETH)/);
  assert.match(
    text,
    /Next payout\s[\s\S]*0\.0\d+ ETH is owed; each machine is paid by its own threshold/,
  );
  assert.match(text, /Paid so far\s+0\.0\d+ ETH/);
  const everybodys = await (await fetch(`${made.pool.publicUrl}/payouts`)).text();
  assert.match(everybodys, /1 payout to 1 worker: /);
});

test('what changes is seen at once, in its place', async () => {
  const { pool } = made;
  await pool.admin('POST', '/api/v1/workers/heron/pause');
  await heronsState().filter({ hasText: 'Paused' }).waitFor();
  assert.match(await lead(), /heron: paused/);
  await pool.admin('POST', '/api/v1/workers/heron/resume');
  await heronsState()
    .filter({ hasText: /Working|Idle/ })
    .waitFor();
});

test('what a segment earns is on the page in a moment, without asking again', async () => {
  const earned = page.locator('[data-live="earned"]');
  const before = await earned.innerText();
  await page.evaluate('document.body.dataset.same = "yes"');
  await made.stream();
  await earned.filter({ hasNotText: before }).waitFor();
  const row = page.locator(`[data-live="${made.heron.id}:earned"]`);
  assert.equal(await row.innerText(), await earned.innerText());
  assert.match((await row.locator('a').getAttribute('data-exact')) ?? '', /^[\d.]+ (?:gwei|ETH)$/);
  assert.equal(await page.getAttribute('body', 'data-same'), 'yes', 'nothing was loaded again');
});

test('who is signed out meanwhile is told so, and is led back after signing in', async () => {
  const other = await openTab(browser, made.pool.publicUrl);
  const { url } = await made.pool.admin<{ url: string }>('POST', '/api/v1/workers/heron/link');
  await other.page.goto(url);
  await other.page.click('main button');
  await other.page.waitForURL('**/worker');
  await other.page.waitForSelector('.chart, .empty');
  assert.ok(other.bytes() <= 150 * 1024, `${other.bytes()} bytes, with what signed in`);
  const look = (hidden: boolean) =>
    other.page.evaluate(
      `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'))`,
    );
  await look(true);
  await other.context.clearCookies();
  await look(false);
  await other.page.waitForSelector('#stale:has-text("you are signed out; load the page again")');
  await other.page.reload();
  assert.match(other.page.url(), /\/worker\/sign-in\?then=%2Fworker$/);
  await other.context.close();
});

test('a machine is paused and resumed by its owner, but not out of a pause of the operator', async () => {
  await page.click('text=heron');
  await page.click('text=Pause heron');
  await page.click('text=Resume heron');
  await page.waitForSelector('text=Pause heron');
  await made.pool.admin('POST', '/api/v1/workers/heron/pause');
  // To pause what is paused already makes the pause nobody's own.
  const again = `fetch('/api/v1/me/pause', { method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ worker: '${made.heron.id}' }) }).then((answer) => answer.status)`;
  assert.equal(await page.evaluate(again), 200);
  await page.reload();
  await page.click('text=Resume heron');
  await page.waitForSelector('text=The operator of the pool paused this worker, not you');
  await made.pool.admin('POST', '/api/v1/workers/heron/resume');
});

test('a new credential is shown once, and is one', async () => {
  await page.goto(`/worker/machines/${made.heron.id}`);
  await page.click('text=Make a new credential');
  await page.waitForSelector('text=it is shown this once');
  const shown = await page.locator('#credential ~ * pre').allInnerTexts();
  assert.match(shown[0] ?? '', /^tributary worker join \S+$/);
  const credential = shown[1]?.trim() ?? '';
  const answer = await fetch(`${made.pool.publicUrl}/api/v1/me`, {
    headers: { authorization: `Bearer ${credential}` },
  });
  assert.equal(answer.status, 200);
  assert.deepEqual(await checkAxe(page), []);
  await page.reload();
  assert.ok(!(await page.content()).includes(credential));
});

test('an amount opens down to a receipt, each step with an address', async () => {
  await page.goto(`/worker/earnings`);
  const { heron } = made;
  await page.locator(`#epochs ~ * a.amount`).first().click();
  await page.waitForURL(`**/worker/statements/2?worker=${heron.id}`);
  assert.match(await lead(), /heron earned 0\.0\d+ ETH\s.+\sfor [\d.]+ Mpx in 3 segments/s);
  assert.match(await main(), /Commission of the pool\s[\s\S]*Credited by the statement of epoch 2/);

  await page.locator('details.unfold summary').first().click();
  await picture(page, 'worker-statement');
  await page.click('text=3 receipts, from number 2 on');
  await page.waitForURL('**/worker/receipts?**from=2');
  await page.getByRole('link', { name: 'Receipt 3' }).click();
  await page.waitForURL('**/worker/receipts/3?**');
  assert.match(await lead(), /The pool accepted [\d.]+ Mpx on .*, for [\d.]+ gwei/);
  const api = await page.evaluate(
    `fetch('/api/v1/me/receipts?worker=${heron.id}&from=3&limit=1').then((answer) => answer.json())`,
  );
  const { hash } = (api as { items: { hash: string }[] }).items[0] ?? { hash: 'none' };
  assert.equal(await page.locator(`[data-copy="${hash}"]`).count(), 1);
});

test('one click checks all of the pay in the browser, from the receipts on', async () => {
  await page.click('text=Check in this browser');
  const said = await page.waitForSelector('text=/Checked in your browser/');
  assert.match(await said.innerText(), /: 4 receipts, \d+ hashes, 2 epochs\. All that you are/);
  assert.deepEqual(await checkAxe(page), []);
  assert.deepEqual(tab.errors.filter(isOurs), [], 'the policy allows all that the check does');
});

test('a receipt that the pool left out is missed in the browser', async () => {
  await tab.context.route('**/proofs/receipts?**', async (route) => {
    const bytes = await (await route.fetch()).body();
    await route.fulfill({ body: bytes.subarray(426), contentType: 'application/octet-stream' });
  });
  await page.goto('/worker/earnings');
  await page.click('text=Check in this browser');
  await page.waitForSelector('text=/Something does not hold: the receipts end with 0/');
  assert.match(await main(), /open a dispute: this is evidence/);
  await tab.context.unroute('**/proofs/receipts?**');
});

test('it says why no work comes, by the same counts as the API', async () => {
  await page.goto(`/worker/why?worker=${made.kiln.id}&hours=24`);
  assert.match(await main(), /Why no work for kiln-2\?/);
  const why = await page.evaluate(
    `fetch('/api/v1/me/why?hours=24&worker=${made.kiln.id}').then((answer) => answer.json())`,
  );
  const { jobs, parts } = why as { jobs: number; parts: { text: string }[] };
  const text = await main();
  assert.match(text, new RegExp(`Jobs that came to the pool\\s+${jobs}\\b`));
  for (const part of parts) assert.ok(text.includes(part.text), part.text);
  assert.match(text, /^In the last /m);
});

test('a line is disputed, followed, and withdrawn; what is refused keeps what was written', async () => {
  await page.goto(`/worker/statements/2?worker=${made.heron.id}`);
  await page.locator('details.unfold summary').nth(1).click();
  await page.getByRole('link', { name: 'Dispute this line' }).click();
  const about = await page.inputValue('#about');
  assert.equal(about, `epoch-2/${made.heron.id}/2`);
  assert.match(await main(), /answers within 7 days, and decides within 14 days/);
  await page.fill('#text', 'The commission is <b>too high</b>.');
  await page.fill('#claimed', '0.001');
  await page.click('text=Open the dispute');
  await page.waitForSelector('text=The text holds tags of HTML; write plain text.');
  assert.equal(await page.inputValue('#text'), 'The commission is <b>too high</b>.');
  assert.deepEqual(await checkAxe(page), []);
  await page.fill('#text', 'The commission is too high: 5 < 10.');
  await page.click('text=Open the dispute');
  await page.waitForURL('**/worker/disputes');
  assert.match(
    await main(),
    /1 of your disputes is open[\s\S]*Waits for the pool[\s\S]*0\.001 ETH/,
  );

  await page.click('text=Commission of the pool in epoch 2');
  const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
  await made.pool.admin('POST', `/api/v1/disputes/${id}/answer`, { text: 'We look at it.' });
  await page.reload();
  assert.match(
    await main(),
    /Answered, not decided yet[\s\S]*The operator answered[\s\S]*We look at it/,
  );
  assert.match(await main(), /The commission is too high: 5 < 10\./);
  await page.fill('#text', 'Thank you.');
  await page.fill('#evidence', `epoch-2/${made.heron.id}/1`);
  await page.click('text="Send"');
  await page.waitForSelector('text=You wrote');
  await page.click('summary:has-text("Withdraw it")');
  await page.fill('#why-text', 'I see it now.');
  await page.click('text=Withdraw for good');
  await page.waitForSelector('text=Withdrawn by you');
  assert.match(await main(), /Thank you\.\s+Evidence: epoch-2/);
});

test('a threshold is chosen, and counts', async () => {
  await page.goto(`/worker/payouts?worker=${made.heron.id}`);
  assert.match(await main(), /Paid, final\s+0x\w+…\w+[\s\S]*0\.018/);
  await page.selectOption('select[name=threshold]', { label: '0.1 ETH' });
  await page.locator('#choice ~ * button').click();
  await page.waitForSelector('text=it goes out from 0.1 ETH on');
});

test('where to be told is chosen; what cannot be told there is said beside it', async () => {
  await page.goto('/worker/notices');
  assert.match(await main(), /You are told nothing yet/);
  await page.selectOption('#type', 'webhook');
  await page.fill('#target', 'http://127.0.0.1:1/');
  await page.click('summary:has-text("Of what")');
  await page.uncheck('text=Payouts are paused');
  await page.click('text=Be told there');
  await page.waitForSelector('[data-form-note]:not(:empty)');
  assert.deepEqual(await checkAxe(page), []);
  await page.selectOption('#type', 'ntfy');
  await page.fill('#target', `http://${ntfy}/a-name-that-nobody-guesses`);
  await page.click('text=Be told there');
  await page.waitForSelector('text=In use.');
  assert.match(await main(), /ntfy: .*[\s\S]*Of what: \d+ of \d+/);
  const letter = once(letters, 'letter') as Promise<[string]>;
  await page.click('text="Send a test"');
  assert.match((await letter)[0], /test/i);
  await page.click('text="Stop it"');
  await page.click('text="Start it again"');
  await page.click('button:has-text("Remove")');
  await page.waitForSelector('text=You are told nothing yet');
  await page.click('text="Make a code"');
  await page.waitForSelector('text=Type this in Discord within ten minutes');
  assert.match(await page.innerText('#discord ~ * pre'), /^[a-z2-7]{12}$/);
  assert.deepEqual(await checkAxe(page), []);
});

/** Every page of the portal, with what has to stand on it. */
const pages: readonly (readonly [path: () => string, name: string, text: RegExp])[] = [
  [() => '/worker', 'overview', /Last 24 hours/],
  [() => `/worker/machines/${made.heron.id}`, 'machine', /Computers that connected[\s\S]*cpu/],
  [() => `/worker/machines/${made.kiln.id}`, 'machine-new', /None connected yet/],
  [() => '/worker/why', 'why', /Where the other jobs went/],
  [() => '/worker/earnings', 'earnings', /Epoch 3, which is open/],
  [() => `/worker/statements/2?worker=${made.heron.id}`, 'statement', /Line by line/],
  [() => `/worker/lines?worker=${made.heron.id}`, 'lines', /Set aside for a payout/],
  [() => `/worker/receipts?worker=${made.heron.id}`, 'receipts', /signs one for every segment/],
  [() => `/worker/receipts/1?worker=${made.heron.id}`, 'receipt', /this is the first/],
  [() => `/worker/payouts?worker=${made.heron.id}`, 'payouts', /What went out/],
  [() => `/worker/payouts?worker=${made.kiln.id}`, 'payouts-none', /Nothing was paid yet/],
  [() => '/worker/disputes', 'disputes', /Withdrawn by you/],
  [() => '/worker/disputes/new', 'dispute-new', /What is wrong, and how you know/],
  [() => '/worker/notices', 'notices', /What there was to tell[\s\S]*was sent to heron/],
  [() => '/worker/settings', 'settings', /Where you are signed in/],
];

/** Colours do not change with the width, so that dark is looked at once. */
const looks = [
  ['light', widths],
  ['dark', [820]],
] as const;

for (const [colorScheme, looked] of looks) {
  test(`every page can be read and used by everybody, ${colorScheme}`, async () => {
    await page.emulateMedia({ colorScheme });
    for (const [path, name, text] of pages) {
      await page.goto(path());
      assert.match(await main(), text, name);
      for (const width of looked) {
        await page.setViewportSize({ width, height: 900 });
        await checkPage(page, `${name} at ${width}, ${colorScheme}`);
        if (name === 'overview') await picture(page, `worker-${width}-${colorScheme}`);
      }
    }
    await page.emulateMedia({ colorScheme: 'light' });
    assert.deepEqual(tab.errors.filter(isOurs), []);
    assert.deepEqual(tab.strangers, []);
  });
}

test('a table as CSV has every row, however many the API gives at a time, and without a script', async () => {
  const plain = await openTab(browser, made.pool.publicUrl, { javaScriptEnabled: false });
  await plain.context.addCookies(await page.context().cookies());
  for (const tab of [page, plain.page]) {
    await tab.goto(`${made.pool.publicUrl}/worker/settings`);
    const link = tab.locator('a[href*="/me/receipts"]').first();
    const { href } = new URL((await link.getAttribute('href')) ?? '', made.pool.publicUrl);
    const url = href.replace(/limit=\d+/, 'limit=2');
    await tab.route('**/me/receipts?*', (route) => route.continue({ url }), { times: 1 });
    const [download] = await Promise.all([tab.waitForEvent('download'), link.click()]);
    assert.equal(download.suggestedFilename(), 'receipts.csv');
    const text = await readFile(await download.path(), 'utf8');
    const numbers = [...text.matchAll(/^\d+/gm)].map(([number]) => Number(number));
    assert.ok(numbers.length > 4, 'three pages and more');
    assert.deepEqual(
      numbers,
      [...numbers.keys()].map((at) => at + 1),
    );
  }
  await plain.context.close();
});

test('nobody sees the machine of somebody else', async () => {
  const stranger = await made.pool.enrol('stranger');
  for (const path of [
    '/worker/machines/{}',
    '/worker/payouts?worker={}',
    '/worker/why?worker={}',
  ]) {
    const reply = await page.goto(path.replace('{}', stranger.id));
    assert.equal(reply?.status(), 404, path);
    assert.match(await main(), /There is no such page/);
  }
});

test('without a script a link signs in, forms work, and what is refused is a page', async () => {
  const { pool } = made;
  const plain = await openTab(browser, pool.publicUrl, { javaScriptEnabled: false });
  const { url } = await pool.admin<{ url: string }>('POST', '/api/v1/workers/heron/link');
  await plain.page.goto(url);
  await plain.page.click('main button');
  await plain.page.waitForURL('**/worker');
  assert.match(
    await plain.page.innerText('p.lead'),
    /of 4 sessions\. Nothing needs your attention/,
  );
  await plain.page.goto(`/worker/machines/${made.heron.id}`);
  await plain.page.click('text=Pause heron');
  await plain.page.click('text=Resume heron');
  await plain.page.goto('/worker/disputes/new');
  await plain.page.fill('#about', 'nothing');
  await plain.page.fill('#text', 'What is this?');
  await plain.page.click('main button');
  assert.match(
    await plain.page.innerText('main'),
    /Status 400[\s\S]*Go back|Status 400[\s\S]*nothing was written/,
  );

  const second = await openTab(browser, pool.publicUrl, { javaScriptEnabled: false });
  await second.page.goto(url);
  await second.page.click('main button');
  assert.match(
    await second.page.innerText('main'),
    /This link was used, or is older than ten minutes/,
  );
  await plain.page.goto('/worker/settings');
  await plain.page.click('text=Sign out here');
  await plain.page.waitForURL('**/worker/sign-in');
  await Promise.all([plain.context.close(), second.context.close()]);
});

test('the payout address is changed by the signatures of both, and by no other', async () => {
  const next = newWallet();
  await page.goto(`/worker/payouts?worker=${made.heron.id}`);
  assert.match(await main(), /Both addresses sign it with your wallet[\s\S]*after 48 hours/);
  const before = wallet.signed.length;
  await page.fill('#new-address', next.address);
  await page.click('text=Read what is signed');
  const text = (await page.innerText('#address ~ * pre')).trim();
  assert.match(text, /^Change my payout address\n/);
  assert.ok(text.includes(`To: ${next.address}`), text);
  assert.deepEqual(await checkAxe(page), []);
  await picture(page, 'worker-address');

  wallet.choose(next);
  await page.click('text=Sign with the address of today');
  await page.waitForSelector(`text=The wallet shows ${next.address}`);
  wallet.choose(made.owner);
  await page.click('text=Sign with the address of today');
  await page.waitForSelector('text=Signed by');
  wallet.choose(next);
  await page.click('text=Sign with the new one, and change');
  await page.waitForSelector('text=From now on you are paid at');
  assert.deepEqual(wallet.signed.slice(before), [text, text]);
  const { address } = await made.pool.admin<{ address: string }>(
    'GET',
    `/api/v1/payouts/workers/${made.heron.id}`,
  );
  assert.equal(address, next.address.toLowerCase());
  await page.goto('/worker');
  assert.equal(await page.locator('text=heron').count(), 0, 'it belongs to the new wallet');
});

test('HTML is no name of a worker, and would be shown as text', async () => {
  const hostile = '<img src=x onerror=alert(1)>"\'';
  await assert.rejects(made.pool.enrol(hostile), /name/);
  const { server } = (await import(
    new URL('../../dist-web/server/server.js', import.meta.url).href
  )) as { readonly server: PageServer };
  const real = async (path: string) => {
    const text = await page.evaluate(`fetch('${path}').then((answer) => answer.text())`);
    return { status: 200, text: String(text).replaceAll('kiln-2', hostile.replaceAll('"', '\\"')) };
  };
  const request: Omit<PageRequest, 'path' | 'query'> = {
    ask: real,
    assets: { script: '/a.js', styles: [], icon: '/i.svg' },
    theme: undefined,
    origin: 'https://pool.example',
    now: Date.now(),
  };
  for (const path of ['/worker', `/worker/machines/${made.kiln.id}`, '/worker/payouts']) {
    const query = new URLSearchParams();
    const { html } = (await server.page({ ...request, path, query })) as PageReply;
    assert.ok(html.includes('&lt;img src=x'), path);
    assert.ok(!html.includes('<img'), path);
  }
});

/** What the browser itself says of answers that were meant to be refusals. */
function isOurs(error: string): boolean {
  return !/the server responded with a status of (?:4\d\d|303)/.test(error);
}
