import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { balance } from '../../src/chain/transactions.test-kit.ts';
import { starterFile } from '../../src/terms/starter.ts';
import { eventually } from '../eventually.ts';
import type { Cleanup } from '../start-pool.ts';
import { checkAxe, openTab, picture, startBrowser, type WatchedTab, widths } from './browser.ts';
import { HOSTILE, type OperatedPool, startOperatedPool } from './operator-pool.ts';

const cleanups: (() => void | Promise<void>)[] = [];
const whole: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});
let at: OperatedPool;
let browser: Browser;

before(async () => {
  at = await startOperatedPool(whole);
  browser = await startBrowser(whole);
});

/** A tab at the admin address, signed in with a link as it is sent to people. */
async function enter(operator: string, options: Parameters<typeof openTab>[2] = {}) {
  const tab = await openTab(browser, at.pool.adminUrl, options);
  await tab.page.goto(await at.link(operator));
  await tab.page.click('main button[type=submit]');
  await tab.page.waitForURL('**/operator');
  return tab;
}

const text = (tab: WatchedTab) => tab.page.innerText('main');

/** Every page of the console, with what has to stand on it. */
const pages: readonly (readonly [path: () => string, name: string, text: RegExp])[] = [
  [() => '/operator', 'now', /needs? you[\s\S]*Traffic now[\s\S]*Treasury[\s\S]*Chain/],
  [() => '/operator/workers', 'workers', /2 of 2 workers are connected/],
  [() => `/operator/workers/${at.kiln.id}`, 'worker', /The worker answered with an error/],
  [() => '/operator/traffic', 'traffic', /Gateways in the last minute/],
  [() => '/operator/payouts', 'payouts', /0\.018 ETH for 1 worker can go out now/],
  [() => '/operator/solvency', 'solvency', /The pool has what it owes/],
  [() => '/operator/prices', 'prices', /every gateway[\s\S]*1000/],
  [() => '/operator/disputes', 'disputes', /1 dispute waits for you/],
  [() => '/operator/incidents', 'incidents', /Tell everybody/],
  [() => '/operator/notices', 'notices', /Given up/],
  [() => '/operator/terms', 'terms', /The default terms settle the open epoch/],
  [() => '/operator/chain', 'chain', /Round \d+ is initialised[\s\S]*redeem:/],
  [() => '/operator/audit', 'audit', /made a login link for an operator/],
  [() => '/operator/people', 'people', /4 people run this pool/],
];

/** Colours do not change with the width, so that dark is looked at once. */
const looks = [
  ['light', widths],
  ['dark', [1440]],
] as const;

for (const [colorScheme, looked] of looks) {
  test(`every page of the console can be read and used, ${colorScheme}`, async () => {
    const tab = await enter('owner-mira', { colorScheme });
    for (const width of looked) {
      await tab.page.setViewportSize({ width, height: 900 });
      for (const [path, name, wanted] of pages) {
        await tab.page.goto(path());
        assert.match(await text(tab), wanted, path());
        const isTooWide = await tab.page.evaluate(
          'document.documentElement.scrollWidth > innerWidth',
        );
        assert.equal(isTooWide, false, `${path()} is wider than ${width}`);
        assert.deepEqual(await checkAxe(tab.page), [], `${path()} at ${width}`);
        await picture(tab.page, `operator-${name}-${width}-${colorScheme}`);
      }
    }
    assert.deepEqual(tab.errors, []);
    assert.deepEqual(tab.strangers, []);
    await tab.context.close();
  });
}

test('whoever is not signed in is led there and comes back, and the public address says where', async () => {
  const tab = await openTab(browser, at.pool.adminUrl);
  await tab.page.goto('/operator/workers?sort=slow');
  assert.match(tab.page.url(), /\/operator\/sign-in\?then=%2Foperator%2Fworkers%3Fsort%3Dslow$/);
  assert.match(await text(tab), /tributary operators link NAME/);
  assert.deepEqual(await checkAxe(tab.page), []);
  await tab.context.close();

  const outside = await openTab(browser, at.pool.publicUrl);
  const link = new URL(await at.link('owner-mira'));
  await outside.page.goto(`/sign-in${link.search}`);
  await outside.page.click('main button[type=submit]');
  await outside.page.waitForURL('**/operator');
  assert.match(await text(outside), /The console is on the admin address/);
  await outside.context.close();
});

test('a bad worker is found in two clicks, and paused with a third', async () => {
  const tab = await enter('support-mira');
  await tab.page.click('nav >> text=Workers');
  await tab.page.click('.table tbody tr:first-child a');
  await tab.page.waitForURL(`**/operator/workers/${at.kiln.id}`);
  assert.match(await text(tab), /kiln[\s\S]*100 %[\s\S]*\d×: The worker answered with an error/);
  await tab.page.click('text=Pause');
  await tab.page.waitForSelector('text=Paused: resume it to give it work');
  const paused = await at.pool.admin<{ state: string }>('GET', `/api/v1/workers/${at.kiln.id}`);
  assert.equal(paused.state, 'paused');
  await tab.page.click('button >> text=Resume');
  await tab.page.waitForSelector('button >> text=Quarantine');
  await tab.page.fill('#minutes', '5');
  await tab.page.click('button >> text=Quarantine');
  await tab.page.waitForSelector('.lead >> text=/Quarantined until \\d\\d:\\d\\d/');
  await tab.page.click('text=Release from quarantine');
  await tab.page.waitForSelector('text=On trial after a quarantine');
  await tab.page.goto('/operator');
  await tab.page.waitForSelector('.needs >> text=Worker kiln: on trial');
  assert.equal(await tab.page.locator('text=Revoke kiln for good').count(), 0, 'not on this page');
  await tab.context.close();
});

test('a payout is made a plan, and goes out when its consequence was typed', async () => {
  const tab = await enter('finance-mira');
  await tab.page.goto('/operator/payouts');
  await tab.page.click('text=Make this a plan');
  await tab.page.waitForSelector('h1 >> text=A plan to send 0.018 ETH to 1 worker');
  await picture(tab.page, 'operator-plan-1440-light');
  assert.deepEqual(await checkAxe(tab.page), []);
  await tab.page.fill('#run-confirm', 'send 18 ETH');
  await tab.page.click('button.danger');
  await tab.page.waitForSelector('[role=alert] >> text=Type "send 0.018 ETH".');
  assert.equal(await balance(at.url, at.heron.address), 0n, 'nothing was sent');
  await tab.page.fill('#run-confirm', 'send 0.018 ETH');
  await tab.page.click('button.danger');
  await tab.page.waitForURL('**/operator/payouts#newest');
  await eventually('it is there', async () => (await balance(at.url, at.heron.address)) > 0n);
  await eventually('it is final', async () => {
    await tab.page.goto('/operator/payouts');
    return /heron[\s\S]*paid/.test(await tab.page.innerText('#newest ~ .table'));
  });
  await tab.context.close();
});

test('a dispute is answered, and decided with the amount typed', async () => {
  const tab = await enter('owner-mira');
  await tab.page.goto('/operator');
  await tab.page.click('.needs >> text=A dispute of heron');
  await tab.page.waitForSelector(`text=${at.said}`);
  await tab.page.fill('#answer-text', 'You are right: it was 40 seconds.');
  await tab.page.click('button >> text=Answer');
  await tab.page.waitForSelector('text=Decide it');
  await tab.page.click('summary >> text=The worker is right');
  await tab.page.fill('#part-text', 'Half of it was not counted.');
  await tab.page.fill('#award', '0.001');
  await tab.page.fill('#part', 'award 0.01 ETH');
  await tab.page.click('details[open] button.danger');
  await tab.page.waitForSelector('[role=alert] >> text=Type "award 0.001 ETH".');
  await tab.page.fill('#part', 'award 0.001 ETH');
  assert.deepEqual(await checkAxe(tab.page), []);
  await tab.page.click('details[open] button.danger');
  await tab.page.waitForSelector('text=Decided: the worker was right');
  await tab.context.close();
});

test('the audit log names who did all of it', async () => {
  const tab = await enter('viewer-mira');
  await tab.page.goto('/operator/audit');
  const log = await text(tab);
  for (const [who, did, to] of [
    ['support-mira', 'paused', 'kiln'],
    ['support-mira', 'quarantined', 'kiln'],
    ['support-mira', 'released from quarantine', 'kiln'],
    ['finance-mira', 'sent a payout plan', ''],
    ['owner-mira', 'answered a dispute', ''],
    ['owner-mira', 'decided a dispute', ''],
  ] as const) {
    assert.match(log, new RegExp(`${who}\\s+${did}\\s+${to}`));
  }
  assert.match(log, /refused: consequence needed/);
  await tab.context.close();
});

test('a viewer is offered nothing that it may not do, and refused when it tries', async () => {
  const tab = await enter('viewer-mira');
  for (const [path] of pages.filter(([, name]) => name !== 'people')) {
    await tab.page.goto(path());
    const actions = await tab.page.evaluate(
      '[...document.querySelectorAll("main form[method=post]")].map((form) => form.getAttribute("action"))',
    );
    assert.deepEqual(actions, ['/api/v1/session/end'], path());
  }
  const missing = await tab.page.goto('/operator/people');
  assert.equal(missing?.status(), 404);
  assert.equal(await tab.page.locator('nav >> text=People').count(), 0);
  const codes = await tab.page.evaluate(async (id) => {
    const post = async (path: string, body: object) => {
      const reply = await fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return ((await reply.json()) as { readonly code: string }).code;
    };
    return [
      await post(`/api/v1/workers/${id}/pause`, {}),
      await post('/api/v1/payouts/run', { digest: '0'.repeat(64), confirm: 'send 1 ETH' }),
      await post('/api/v1/terms', { file: '', confirm: 'publish version 1' }),
    ];
  }, at.kiln.id);
  assert.deepEqual(codes, ['not_allowed', 'not_allowed', 'not_allowed']);
  await tab.context.close();
});

test('an owner cannot do by a slip what cannot be undone', async () => {
  const tab = await enter('owner-mira');
  const codes = await tab.page.evaluate(async (id) => {
    const post = async (path: string, body: object) => {
      const reply = await fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return ((await reply.json()) as { readonly code: string }).code;
    };
    return [
      await post(`/api/v1/workers/${id}/revoke`, {}),
      await post('/api/v1/operators/viewer-mira/remove', { confirm: 'remove' }),
      await post('/api/v1/chain/submit', { do: 'reward' }),
      await post('/api/v1/terms', { file: 'format = 1', startsAtEpoch: 'next' }),
    ];
  }, at.heron.id);
  assert.deepEqual(codes, Array(4).fill('consequence_needed'));
  await tab.context.close();
});

test('terms are checked with every fault shown, and published with their example read', async () => {
  const tab = await enter('owner-mira');
  await tab.page.goto('/operator/terms');
  await tab.page.fill('#terms-file', 'name = 3\nfoo = "x"');
  await tab.page.click('text=Check it');
  await tab.page.waitForSelector('text=/This cannot be published: \\d+ faults/');
  assert.match(await text(tab), /line 1, name/);
  assert.match(await text(tab), /line 2, foo/);
  assert.equal(await tab.page.locator('#terms-confirm').count(), 0);
  assert.deepEqual(await checkAxe(tab.page), []);

  await tab.page.fill('#terms-file', starterFile);
  await tab.page.click('text=Check it');
  await tab.page.waitForSelector('text=This can be published.');
  assert.match(await text(tab), /On 1 ETH of income with two workers, the pool keeps [\d.]+ ETH/);
  assert.deepEqual(await checkAxe(tab.page), []);
  await picture(tab.page, 'operator-terms-checked-1440-light');
  await tab.page.fill('#terms-confirm', 'publish version 1');
  await tab.page.click('button >> text=Publish');
  await tab.page.waitForSelector('.table >> text=Version 1');
  await tab.context.close();
});

test('HTML is text wherever it is let in, and no name or device of a worker', async () => {
  await at.pool.admin('POST', '/api/v1/incidents', { title: HOSTILE, text: HOSTILE });
  const tab = await enter('viewer-mira');
  await tab.page.goto('/operator/incidents');
  assert.equal((await text(tab)).split(HOSTILE).length, 3, 'title and text');
  await tab.page.goto(`/operator/workers/${at.heron.id}`);
  assert.equal((await text(tab)).includes(HOSTILE), false, 'a device of this name is left out');
  assert.equal(await tab.page.locator('main img').count(), 0);
  assert.deepEqual(tab.errors, []);
  await assert.rejects(at.pool.enrol('<b>bold</b>'), /worker_name_invalid/);
  await tab.context.close();
});
