import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { roles } from '../../src/api/access.ts';
import { balance, isReplaced, rpc } from '../../src/chain/transactions.test-kit.ts';
import { starterFile } from '../../src/terms/starter.ts';
import { eventually } from '../eventually.ts';
import type { Cleanup } from '../start-pool.ts';
import { checkAxe, checkPage, openTab, startBrowser, type WatchedTab, widths } from './browser.ts';
import { keepPicture, consolePages as pages } from './operator-pages.ts';
import { HOSTILE, type OperatedPool, startOperatedPool } from './operator-pool.ts';
import { mayPost, offersOn, wanted } from './operator-roles.ts';

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

/** What the API says to posts from a page. */
function codesOf({ page }: WatchedTab, posts: readonly (readonly [path: string, body: object])[]) {
  return page.evaluate(async (all) => {
    const codes: string[] = [];
    for (const [path, body] of all) {
      const headers = { 'content-type': 'application/json' };
      const sent = { method: 'POST', headers, body: JSON.stringify(body) };
      const reply = await fetch(`/api/v1/${path}`, sent);
      codes.push(((await reply.json()) as { readonly code: string }).code);
    }
    return codes;
  }, posts);
}

const text = (tab: WatchedTab) => tab.page.innerText('main');

/** Colours do not change with the width, so that dark is looked at once. */
const looks = [
  // The desk first, while something flows: that is the picture for the README.
  ['light', widths.toReversed()],
  ['dark', [1440]],
] as const;

for (const [colorScheme, looked] of looks) {
  test(`every page of the console can be read and used, ${colorScheme}`, async () => {
    const tab = await enter('owner-mira', { colorScheme });
    for (const width of looked) {
      await tab.page.setViewportSize({ width, height: 900 });
      for (const [path, name, wanted] of pages) {
        await tab.page.goto(path(at));
        assert.match(await text(tab), wanted, path(at));
        await checkPage(tab.page, `${path(at)} at ${width}`);
        await keepPicture(tab.page, `${name} ${width} ${colorScheme}`);
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

test('one machine of a worker is taken off work, and its worker is not', async () => {
  const tab = await enter('support-mira');
  const path = `/api/v1/workers/${at.heron.id}/machines`;
  const machine = async () =>
    (
      await at.pool.admin<{ sessions: number | null; quarantinedUntil: string | null }[]>(
        'GET',
        path,
      )
    )[0];
  await tab.page.goto(`/operator/workers/${at.heron.id}`);
  await tab.page.selectOption('[aria-label="How long"]', '1 hour');
  await tab.page.click('text=Quarantine it');
  await tab.page.waitForSelector('.table >> text=/In quarantine until \\d\\d:\\d\\d/');
  assert.deepEqual(await checkAxe(tab.page), []);
  assert.notEqual((await machine())?.quarantinedUntil, null);
  assert.doesNotMatch(await tab.page.innerText('.lead'), /uarantine/);
  await tab.page.click('text=Release it');
  await tab.page.waitForSelector('text=Quarantine it');
  assert.equal((await machine())?.quarantinedUntil, null);
  await tab.context.close();
});

test('a worker is enrolled, and its credential shown once with what to run', async () => {
  const tab = await enter('support-mira', { permissions: ['clipboard-read', 'clipboard-write'] });
  const as = async (credential: string) => {
    const headers = { authorization: `Bearer ${credential}` };
    const reply = await fetch(new URL('/api/v1/me/workers', at.pool.publicUrl), { headers });
    return ((await reply.json()) as { readonly name: string }[])[0]?.name ?? reply.status;
  };
  const shown = (label: string) => tab.page.innerText(`[aria-label="${label}"]`);
  await tab.page.goto('/operator/workers');
  await tab.page.fill('#enrol-name', 'not a name');
  await tab.page.click('text=Enrol it');
  await tab.page.waitForSelector('[role=alert] >> text=this name cannot be used');
  await tab.page.fill('#enrol-name', 'otter');
  await tab.page.fill('#enrol-address', at.heron.address);
  await tab.page.click('text=Enrol it');
  await tab.page.waitForSelector('text=Copy it now: it is shown this once.');
  assert.deepEqual(await checkAxe(tab.page), []);
  const join = await shown('Join string');
  const credential = await shown('Credential');
  assert.equal(await as(credential), 'otter');
  assert.equal(await shown('Command of our worker'), `tributary worker join '${join}'`);
  const place = new URL(at.pool.serviceUri).host;
  assert.equal(
    await shown('Command of a stock transcoder'),
    `livepeer -transcoder -orchAddr ${place} -orchSecret ${credential} -nvidia 0`,
  );
  await tab.page.click('[aria-label="Join string"] ~ button >> text=Copy');
  await tab.page.waitForSelector('#said >> text=Copied');
  assert.equal(await tab.page.evaluate('navigator.clipboard.readText()'), join);
  await tab.page.click('text=The whole as a letter to its owner');
  const letter = await shown('Invitation');
  for (const part of [join, credential, '/terms', 'no private key'])
    assert.ok(letter.includes(part));
  assert.equal(await tab.page.locator('text=Make a login link').count(), 0, 'for owners alone');
  await tab.page.click('text=I have copied it');
  await tab.page.waitForSelector('h1 >> text=otter');
  assert.equal((await text(tab)).includes(credential), false, 'nowhere else');
  await tab.context.close();

  const owner = await enter('owner-mira');
  await owner.page.goto('/operator/workers/otter');
  await owner.page.click('text=Give it a new credential');
  await owner.page.click('text=Make a new credential for otter');
  await owner.page.waitForSelector('text=The credential before stays valid');
  const second = await owner.page.innerText('[aria-label="Credential"]');
  assert.deepEqual([await as(second), await as(credential)], ['otter', 'otter']);
  await owner.page.click('text=Make a login link for the owner of otter');
  const link = await owner.page.innerText('[aria-label="Login link"]');
  assert.deepEqual(await checkAxe(owner.page), []);
  const portal = await openTab(browser, at.pool.publicUrl);
  await portal.page.goto(link);
  await portal.page.click('main button[type=submit]');
  await portal.page.waitForURL('**/worker');
  await portal.context.close();

  await owner.page.click('text=Revoke otter for good');
  await owner.page.fill('#revoke', 'revoke otter');
  await owner.page.click('button.danger');
  await owner.page.waitForSelector('.lead >> text=Revoked');
  assert.deepEqual([await as(second), await as(credential)], [401, 401]);
  await owner.context.close();
});

test('reward is called and cuts are changed after what it does was read, and its phrase typed', async () => {
  const tab = await enter('owner-mira');
  await tab.page.goto('/operator/chain');
  assert.match(
    await text(tab),
    /place 1 of 1[\s\S]*Keeps of rewards\s+10 %[\s\S]*Gives of fees\s+50 %/,
  );
  const reward = tab.page.locator('details:has-text("Call the reward") >> form');
  await reward.locator('text=Show what it does').click();
  await reward.locator('#reward-confirm').fill('call reward');
  await reward.locator('button.danger').click();
  await tab.page.click('text=See how the orchestrator stands now');
  await tab.page.waitForSelector('h1 >> text=reward called');

  await tab.page.click('summary >> text=Change the cuts');
  const form = tab.page.locator('details[open] >> form:has(#set-cuts-rewardCut)');
  await form.locator('#set-cuts-rewardCut').fill('many');
  await form.locator('text=Show what it does').click();
  await form.locator('[role=alert] >> text=must be a percentage').waitFor();
  await form.locator('#set-cuts-rewardCut').fill('12.5');
  await form.locator('#set-cuts-feeShare').fill('40');
  await form.locator('text=Show what it does').click();
  await form.locator('text=Until now: 10 % and 50 %.').waitFor();
  assert.deepEqual(await checkAxe(tab.page), []);
  await form.locator('#set-cuts-confirm').fill('keep 12 % and give 40 %');
  await form.locator('button.danger').click();
  await form.locator('[role=alert] >> text=Type "keep 12.5 % and give 40 %".').waitFor();
  await form.locator('#set-cuts-confirm').fill('keep 12.5 % and give 40 %');
  await form.locator('button.danger').click();
  await tab.page.click('text=See how the orchestrator stands now');
  await tab.page.waitForSelector('text=12.5 %');
  assert.match(await text(tab), /set the cuts[\s\S]*(final|in a block)/);
  await tab.context.close();
});

test('an open proposal is read with its votes, and voted on after its phrase was typed', async () => {
  const reads = await enter('viewer-mira');
  await reads.page.goto('/operator/chain');
  const section = '[aria-labelledby=proposals]';
  assert.match(
    await reads.page.innerText(section),
    /Pay for tests\s+Open: you have not voted\.[\s\S]*for 0 LPT, against 0 LPT[\s\S]*Yours counts for\s+1,000 LPT/,
  );
  assert.equal(await reads.page.locator(`${section} >> form`).count(), 0, 'a viewer only reads');
  await reads.page.click(`${section} >> summary >> text=Read its text`);
  assert.ok((await reads.page.innerText('.quoted')).includes(HOSTILE), 'HTML of it is text');
  await reads.context.close();

  const tab = await enter('owner-mira');
  await tab.page.goto('/operator/chain');
  await tab.page.click('summary >> text=Vote on “Pay for tests”');
  const form = tab.page.locator(`${section} >> form`);
  await form.locator('select').selectOption('against');
  await form.locator('input').fill('Tests are free');
  await form.locator('text=Show what it does').click();
  await form.locator('text=A vote cannot be changed.').waitFor();
  const phrase = ((await form.locator('label >> text=Type: ').innerText()) ?? '').slice(6);
  assert.match(phrase, /^vote against on \d{6}$/);
  assert.deepEqual(await checkAxe(tab.page), []);
  await form.locator('[id$=confirm]').fill(phrase.replace('against', 'for'));
  await form.locator('button.danger').click();
  await form.locator('[role=alert] >> text=Type "vote against on').waitFor();
  await form.locator('[id$=confirm]').fill(phrase);
  await form.locator('button.danger').click();
  await tab.page.click('text=See how the orchestrator stands now');
  await tab.page.waitForSelector('text=You voted against.');
  assert.match(await tab.page.innerText(section), /against 1,000 LPT/);
  assert.equal(await form.count(), 0, 'it cannot be changed');
  await tab.context.close();
});

test('a transaction that no block takes is called off, and nothing was changed', async () => {
  const tab = await enter('owner-mira');
  await rpc(at.url, 'evm_setAutomine', false);
  await tab.page.goto('/operator/chain');
  await tab.page.click('summary >> text=Change the service URI');
  await tab.page.fill('#set-service-uri-serviceUri', 'https://elsewhere.example:8935');
  const form = tab.page.locator('form:has(#set-service-uri-serviceUri)');
  await form.locator('text=Show what it does').click();
  await form.locator('#set-service-uri-confirm').fill('set https://elsewhere.example:8935');
  await form.locator('button.danger').click();
  await tab.page.waitForSelector('text=is on its way');
  // The newest is another one as soon as a ticket is redeemed.
  const first = async () =>
    (
      await at.pool.admin<{ items: { id: string; state: string; attempts: number }[] }>(
        'GET',
        '/api/v1/chain/journal',
      )
    ).items.find(({ id }) => id.endsWith(':setServiceURI'));
  await eventually('it is sent', async () => (await first())?.state === 'broadcast');
  await tab.page.goto('/operator/chain');
  assert.match(await tab.page.innerText('#journal ~ .table'), /set the service URI[\s\S]*sent/);
  assert.deepEqual(await checkAxe(tab.page), []);
  await tab.page.click('text=Call it off');
  await tab.page.waitForSelector('text=being called off');
  await eventually('it is replaced', () => isReplaced(at.url));
  await rpc(at.url, 'evm_setAutomine', true);
  await rpc(at.url, 'anvil_mine', '0x40');
  await eventually('it ended', async () => (await first())?.state === 'failed');
  await tab.page.goto('/operator/chain');
  assert.match(await text(tab), /came to nothing: called off before a block had it/);
  assert.doesNotMatch(await text(tab), /elsewhere\.example/);
  await tab.context.close();
});

test('a price is set for one pipeline, and taken back', async () => {
  const tab = await enter('finance-mira');
  await tab.page.goto('/operator/prices');
  await tab.page.fill('#price', '77wei');
  await tab.page.selectOption('#pipeline', 'text-to-image');
  await tab.page.fill('#model', 'some/model');
  await tab.page.click('text=Set it');
  await tab.page.waitForSelector('.table >> text=text-to-image, some/model');
  const { prices } = await at.pool.admin<{ prices: { model?: string; weiPerUnit: string }[] }>(
    'GET',
    '/api/v1/prices',
  );
  assert.equal(prices.find(({ model }) => model === 'some/model')?.weiPerUnit, '77');
  await tab.page.click('text=Take it back');
  await tab.page.locator('.table >> text=some/model').waitFor({ state: 'detached' });
  await tab.context.close();
});

test('a webhook of the pool is added, what it got is seen, and sent again', async () => {
  const { url, got } = at.hook;
  const tab = await enter('owner-mira');
  await tab.page.goto('/operator/notices');
  await tab.page.click('summary >> text=Add a channel');
  await tab.page.selectOption('#type', 'webhook');
  await tab.page.fill('#target', url);
  await tab.page.click('text=Be told there');
  await tab.page.waitForSelector('text=Copy this secret now');
  // The page comes again after each; another navigation would cut that one short.
  for (const button of ['I have copied it', 'Send a test']) {
    await Promise.all([tab.page.waitForEvent('load'), tab.page.click(`text=${button}`)]);
  }
  await eventually('it came', () => got.length >= 1);
  await eventually('it is noted', async () => {
    await tab.page.goto('/operator/notices');
    if ((await tab.page.locator('#delivered ~ details').count()) === 0) return false;
    await tab.page.click('#delivered ~ details summary');
    return /delivered/.test(await tab.page.innerText('#delivered ~ details'));
  });
  assert.deepEqual(await checkAxe(tab.page), []);
  await tab.page.click('#delivered ~ details >> text=Send it again');
  // An alarm of the pool may come between; only what is sent again comes under an id that came.
  await eventually('it came again, under the same id', () => new Set(got).size < got.length);
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

for (const role of roles) {
  test(`the role ${role} is offered all that it is for, and nothing that it may not do or cannot open`, async () => {
    const tab = await enter(`${role}-mira`);
    const seen = pages.filter(([, name]) => name !== 'people' || role === 'owner');
    const paths = seen.map(([path]) => path(at));
    // An owner's pages are looked at above, at every width.
    const look = role === 'owner' ? async () => [] : checkAxe;
    const { posts, desks, faults } = await offersOn(tab.page, paths, look);
    assert.deepEqual([...faults, ...tab.errors, ...tab.strangers], []);
    const refused = posts.filter((one) => !mayPost(role, one));
    assert.deepEqual(refused, []);
    for (const one of wanted[role].posts) assert.ok(posts.includes(one), one);
    assert.deepEqual(desks, wanted[role].desks);
    await tab.context.close();
  });
}

test('a viewer that tries what it was not offered is refused', async () => {
  const tab = await enter('viewer-mira');
  const missing = await tab.page.goto('/operator/people');
  assert.equal(missing?.status(), 404);
  assert.match(await text(tab), /There is no such thing here/);
  assert.deepEqual(await checkAxe(tab.page), []);
  await tab.page.goto('/operator/workers/nobody');
  await tab.page.click('nav >> text=Workers');
  await tab.page.waitForSelector('h1 >> text=workers are connected');
  assert.equal(await tab.page.locator('nav >> text=People').count(), 0);
  const codes = await codesOf(tab, [
    [`workers/${at.kiln.id}/pause`, {}],
    ['payouts/run', { digest: '0'.repeat(64), confirm: 'send 1 ETH' }],
    ['terms', { file: '', confirm: 'publish version 1' }],
  ]);
  assert.deepEqual(codes, ['not_allowed', 'not_allowed', 'not_allowed']);
  await tab.context.close();
});

test('an owner cannot do by a slip what cannot be undone', async () => {
  const tab = await enter('owner-mira');
  const codes = await codesOf(tab, [
    [`workers/${at.heron.id}/revoke`, {}],
    ['operators/viewer-mira/remove', { confirm: 'remove' }],
    ['chain/submit', { do: 'reward' }],
    ['terms', { file: 'format = 1', startsAtEpoch: 'next' }],
  ]);
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
