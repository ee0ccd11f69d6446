import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sql from 'sql-template-tag';
import { type Hex, parseEther } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { instant } from '../../src/base/clock.ts';
import { balance, newRecipient } from '../../src/chain/transactions.test-kit.ts';
import { periodEnd } from '../../src/payouts/schedule.ts';
import { ask, byLink } from '../api/api-kit.ts';
import { LPT } from '../chain/protocol.ts';
import { eventually } from '../eventually.ts';
import type { Cleanup } from '../start-pool.ts';
import { DAY_MS, MINUTE_MS, type RulePool, startRulePool } from './pay-rules-kit.ts';

// What the terms and the guide promise of payouts, seen as an operator sees it: by commands and the
// API of one pool that runs, whose days pass as the tests want.
const cleanups: (() => void | Promise<void>)[] = [];
const whole: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});
let rules: RulePool;
const MILLI = 10n ** 15n;
const ETH_TERMS = 'assets = ["ETH"]\nthresholds = {}\n';

before(async () => {
  rules = await startRulePool(whole);
});

/** Lets minutes pass until something is so: each look of the pool needs what the one before found. */
const inMinutes = (what: string, holds: () => Promise<boolean>) =>
  eventually(what, async () => {
    await rules.leap(MINUTE_MS + 1_000);
    return holds();
  });
const digestIn = (text: string) => /run ([0-9a-f]{64})/.exec(text)?.[1] ?? assert.fail(text);
const on = (address: Hex) => balance(rules.chain.devnet.url, address);

test('what the accounts had before the pool began is set apart, and the books agree', async () => {
  const said = await rules.run('payouts', 'reconcile');
  assert.match(said, /^Ledger, chain, receipts and payouts agree\.$/m);
  assert.match(
    said,
    /^Set apart\. treasury: [\d.]+ ETH of the operator's own, not in the books\.$/m,
  );
  // Money that lay there already is of the books once its transaction is booked.
  assert.match(await rules.refused('payouts', 'funded', 'xyz'), /this is no hash of a transaction/);
  await rules.fund('1');
  assert.match(await rules.run('payouts', 'reconcile'), /^Ledger, chain, receipts/m);
});

test('the running pool pays when the day has come and not before, by day, week and month', async () => {
  const { id, address } = await rules.enrol('heron');
  let paid = 0n;
  for (const every of ['day', 'week', 'month'] as const) {
    await rules.promise(`every = "${every}"\n${ETH_TERMS}`);
    await rules.owe(id, MILLI);
    const left = periodEnd(every, instant(rules.now())) - rules.now();
    await rules.leap(left - MINUTE_MS);
    const early = await rules.run('payouts', 'preview');
    assert.match(
      early,
      new RegExp(`heron {2}0.001 ETH: not due yet: the terms pay every ${every}`),
    );
    assert.equal(await on(address), paid);
    await rules.leap(2 * MINUTE_MS);
    paid += MILLI;
    await rules.arrived(address, paid);
  }
  await rules.promise(`every = "round"\n${ETH_TERMS}`);
  await rules.owe(id, MILLI);
  await rules.run('epoch', 'close', '--yes');
  await rules.leap(MINUTE_MS);
  await rules.arrived(address, paid + MILLI);
});

test('on demand one worker is paid where the terms allow it, and the turn of others stays', async () => {
  await rules.promise(`every = "week"\n${ETH_TERMS}`);
  const asking = await rules.enrol('ibis');
  const waiting = await rules.enrol('jay');
  for (const { id } of [asking, waiting]) await rules.owe(id, 2n * MILLI);
  const demand = () => rules.run('payouts', 'preview', '--worker', 'ibis');
  assert.match(await demand(), /ibis {2}0.002 ETH: the terms pay nothing on demand/);
  await rules.promise(`every = "week"\non-demand = true\nfee-share-max = "2%"\n${ETH_TERMS}`);
  await rules.owe(waiting.id, 2n * MILLI);
  const shown = await demand();
  assert.match(shown, /jay {2}0.004 ETH: did not ask/);
  await rules.run('payouts', 'run', digestIn(shown));
  await rules.arrived(asking.address, 2n * MILLI);
  // A payout whose fee would be a larger part of it than the terms allow waits, whatever its amount.
  await rules.owe(asking.id, 10n ** 10n);
  assert.match(await demand(), /ibis {2}0.00000001 ETH: the fee would be [\d,]+ gwei/);
  const left = periodEnd('week', instant(rules.now())) - rules.now();
  await rules.leap(left + MINUTE_MS);
  await rules.arrived(waiting.address, 4n * MILLI);
});

/** Asks for a payout as a worker does that signed in. */
async function asksToBePaid(name: string) {
  const self = await byLink(rules.pool, `workers/${name}`);
  const path = '/api/v1/me/payouts';
  const { status, text } = await ask(rules.pool, self, { method: 'POST', path });
  const waits = await ask(rules.pool, self, { method: 'GET', path: `${path}/asked` });
  const page = await ask(rules.pool, self, { method: 'GET', path: '/worker/payouts' });
  return { status, text, waits: waits.text, page: page.text };
}

test('a worker asks for its payout itself, and is paid or told why not', async () => {
  await rules.promise(`every = "month"\n${ETH_TERMS}`);
  const { id, address } = await rules.enrol('rail');
  const refusal = async () => {
    const { status, text } = await asksToBePaid('rail');
    assert.equal(status, 409, text);
    return text;
  };
  await rules.owe(id, 2n * MILLI);
  const off = await asksToBePaid('rail');
  assert.equal(off.status, 409, off.text);
  assert.match(off.text, /payout_ask_refused.*pay by their schedule only, and nothing on demand/);
  assert.doesNotMatch(off.page, /Ask for your payout/);

  await rules.promise(
    'every = "month"\non-demand = true\nassets = ["ETH"]\nthresholds = { ETH = "0.005" }\n',
  );
  assert.match(await refusal(), /0.002 ETH is owed. That is below the threshold of 0.005 ETH/);
  let page = '';
  const isOffered = () => page.includes('<button type="submit">Ask for your payout');
  await inMinutes('the page says that it is too little', async () => {
    page = (await asksToBePaid('rail')).page;
    return page.includes('That is too little to go out');
  });
  assert.match(page, /It goes out from 0.005 ETH on/);
  assert.equal(isOffered(), false, 'what would be refused is not offered');
  await rules.owe(id, 4n * MILLI);
  await rules.run('payouts', 'pause');
  assert.match(await refusal(), /Payouts are paused: an operator paused them/);
  page = (await asksToBePaid('rail')).page;
  assert.equal(isOffered(), true);
  await rules.run('payouts', 'resume');
  assert.equal(await on(address), 0n);

  const taken = await asksToBePaid('rail');
  assert.equal(taken.status, 200, taken.text);
  assert.equal(JSON.parse(taken.text).state, 'planned');
  assert.deepEqual(JSON.parse(taken.waits), { waits: null });
  await rules.arrived(address, 6n * MILLI);
  await inMinutes('nothing is owed any more', async () =>
    /Nothing is owed to you now/.test((await asksToBePaid('rail')).text),
  );
  const { items } = await rules.pool.admin<{ items: unknown[] }>('GET', '/api/v1/operator/audit');
  assert.match(JSON.stringify(items), /\/api\/v1\/me\/payouts/);
});

test('with less than it owes the pool pays nobody, says so to all, and pays late once it can', async () => {
  await rules.promise(`every = "day"\n${ETH_TERMS}`);
  const { id, address } = await rules.enrol('kite');
  const onHand = parseEther('2');
  await rules.owe(id, onHand);
  const waits = /Payouts in ETH wait: the pool has less than it owes\./;
  assert.match(await rules.run('payouts', 'status'), waits);
  assert.match(
    await rules.run('payouts', 'preview', '--now'),
    /kite {2}2 ETH: payouts wait: the pool has less than it owes/,
  );
  await inMinutes('everybody is told', async () =>
    (await rules.notices()).includes('Payouts of ETH are paused'),
  );
  const open = await fetch(`${rules.pool.publicUrl}/api/v1/notices`);
  assert.match(await open.text(), /Payouts of ETH are paused/);
  assert.ok(await rules.metric(/^tributary_payouts_coverage_ratio\{asset="ETH"\} 0\.\d+$/m));
  const { items } = await rules.pool.admin<{ items: { text: string }[] }>(
    'GET',
    '/api/v1/operator/attention',
  );
  assert.ok(items.some(({ text }) => text === 'The pool owes more ETH than it has on hand.'));
  assert.match(
    await rules.refused('payouts', 'resume', 'ETH'),
    /go on by themselves once there is/,
  );
  // The day comes and goes.
  await rules.leap(DAY_MS);
  assert.equal(await on(address), 0n);
  await rules.fund('3');
  await inMinutes('it is said to be over', async () =>
    (await rules.notices()).includes('Payouts of ETH go on'),
  );
  await rules.arrived(address, onHand);
  assert.doesNotMatch(await rules.run('payouts', 'status'), waits);
});

test('what is paid in another asset needs a rate that is there and young, and keeps it', async () => {
  const feed = newRecipient();
  const exchange = (to: string, source: string) =>
    `[[payouts.conversions]]\nfrom = "ETH"\nto = "${to}"\nsource = "${source}"\nage-minutes-max = 60\n`;
  await rules.promise(
    `every = "month"\nassets = ["ETH", "USDC", "EUR"]\nthresholds = {}\n${exchange('USDC', 'manual')}${exchange('EUR', `chainlink:${feed}`)}`,
  );
  const { id } = await rules.enrol('lark');
  await rules.owe(id, 100n * MILLI);
  await rules.run('payouts', 'choose', 'lark', '--asset', 'EUR', '--account', 'DE01');
  const preview = () => rules.run('payouts', 'preview', '--now');
  assert.match(await preview(), new RegExp(`lark {2}0.1 ETH: no rate: chainlink:${feed}: `));
  await rules.run('payouts', 'choose', 'lark', '--asset', 'USDC');
  assert.match(await preview(), /lark {2}0.1 ETH: no rate: no rate from ETH to USDC was written/);
  const units = ['--paid', '3000000000', '--owed', String(parseEther('1')), '--note', 'Kraken'];
  assert.match(
    await rules.refused('payouts', 'rate', '--from', 'ETH', '--to', 'EUR', ...units),
    /The terms have no exchange from ETH to EUR whose source is manual/,
  );
  const write = () => rules.run('payouts', 'rate', '--from', 'ETH', '--to', 'USDC', ...units);
  await write();
  await rules.leap(61 * MINUTE_MS);
  assert.match(
    await preview(),
    /the rate is too old: manual is 61 minutes old; the terms allow 60/,
  );
  await write();
  await rules.fundDollars(300n * 10n ** 6n);
  const shown = await preview();
  assert.match(
    shown,
    /lark {2}300 USDC {2}0x[0-9a-f]{40}\n {4}for 0.1 ETH at 3000000000\/1\d+\n {4}by manual: Kraken, 20/,
  );
  await rules.run('payouts', 'run', digestIn(shown));
  await rules.ended(300n * 10n ** 6n, 'USDC', 'final');
  assert.match(await rules.run('payouts', 'status'), / {2}lark {2}300 USDC {2}final {2}0x/);
  const { newest } = await rules.pool.admin<{
    newest: { worker: string; lines: { quote?: { source: string; at: number } }[] }[];
  }>('GET', '/api/v1/payouts/status');
  const quote = newest.find(({ worker }) => worker === id)?.lines[0]?.quote;
  assert.equal(quote?.source, 'manual: Kraken');
  assert.ok(Math.abs((quote?.at ?? 0) - rules.now()) < DAY_MS);
});

test('a bank file goes out once, and a confirmation with one bad line is refused whole', async () => {
  await rules.promise(
    'every = "month"\nassets = ["ETH", "EUR"]\nthresholds = {}\n[[payouts.conversions]]\nfrom = "ETH"\nto = "EUR"\nsource = "manual"\nage-minutes-max = 60\n',
  );
  const names = ['mew', 'nene'];
  for (const [index, name] of names.entries()) {
    await rules.owe((await rules.enrol(name)).id, 10n * MILLI);
    await rules.run('payouts', 'choose', name, '--asset', 'EUR', '--account', `DE0${index}`);
  }
  const cents = ['--paid', '300000', '--owed', String(parseEther('1'))];
  await rules.run('payouts', 'rate', '--from', 'ETH', '--to', 'EUR', ...cents, '--note', 'ECB');
  await rules.run('payouts', 'run', digestIn(await rules.run('payouts', 'preview', '--now')));
  const file = join(rules.dir, 'bank.csv');
  await eventually('both are in the file', async () => {
    const said = await rules.run('payouts', 'export', '--file', file);
    return said.startsWith('2 payouts in ');
  });
  assert.match(await rules.run('payouts', 'export', '--file', file), /Nothing goes by file now/);
  const lines = (await readFile(file, 'utf8')).trim().split(/\r?\n/);
  assert.match(lines.join('\n'), /,mew,DE00,30.00,EUR,/);
  const ids = lines.slice(1).map((line) => line.split(',')[0]);
  const answer = join(rules.dir, 'answer.csv');
  const head = 'payout_id,status,reference\n';
  await writeFile(answer, `${head}${ids[0]},paid,r0\n${ids[1]},maybe,r1\n`);
  assert.match(await rules.refused('payouts', 'import', answer), /Line 3: /);
  assert.doesNotMatch(await rules.run('payouts', 'status'), /30 EUR {2}final/);
  await writeFile(answer, `${head}${ids[0]},paid,r0\n${ids[1]},refused,r1\n`);
  assert.match(await rules.run('payouts', 'import', answer), /1 paid, 1 refused, 0 returned/);
  const status = await rules.run('payouts', 'status');
  assert.match(status, /30 EUR {2}final {2}r0/);
  assert.match(status, /30 EUR {2}failed: refused_by_bank/);
});

test('an address moves with both signatures at once, by the operator after 48 hours', async () => {
  await rules.promise(`every = "month"\n${ETH_TERMS}`);
  const first = privateKeyToAccount(`0x${'51'.repeat(32)}`);
  const second = privateKeyToAccount(`0x${'52'.repeat(32)}`);
  const { id } = await rules.enrol('owl');
  const move = ['payouts', 'address', 'owl'] as const;
  // One that was never there is set at once; afterwards both sign, or everybody has two days to see it.
  await rules.database.query(sql`
    update worker set payout_address = ${Buffer.from(first.address.slice(2), 'hex')} where id = ${id}`);
  const text = (await rules.run(...move, '--to', second.address, '--message')).trimEnd();
  const until = /^Valid until: (.*)$/m.exec(text)?.[1] ?? '';
  const [old, next] = await Promise.all(
    [first, second].map((one) => one.signMessage({ message: text })),
  );
  const signed = (a = '', b = '') => [
    ...['--to', second.address, '--valid-until', until],
    ...['--old-signature', a, '--new-signature', b],
  ];
  assert.match(await rules.refused(...move, ...signed(next, next)), /did not sign this/);
  assert.match(await rules.run(...move, ...signed(old, next)), /is paid there from now on/);
  assert.match(
    await rules.refused(...move, ...signed(old, next)),
    /has this address already|another change/,
  );

  const third = newRecipient();
  assert.match(
    await rules.run(...move, '--to', third),
    /is paid there from .* on. `--stop` stops it/,
  );
  assert.match(
    await rules.run('payouts', 'status'),
    new RegExp(`^owl is to be paid at ${third} from`, 'm'),
  );
  await eventually('its owner is told', async () =>
    (await rules.notices()).includes('The payout address of owl is to change'),
  );
  await rules.leap(47 * 60 * MINUTE_MS);
  const payNow = async () =>
    rules.run('payouts', 'run', digestIn(await rules.run('payouts', 'preview', '--now')));
  await rules.owe(id, MILLI);
  await payNow();
  await rules.arrived(second.address, MILLI);
  await rules.leap(2 * 60 * MINUTE_MS);
  await rules.owe(id, MILLI);
  await eventually('it is the new one', async () =>
    (await rules.run('payouts', 'preview', '--now')).includes(third),
  );
  await payNow();
  await rules.arrived(third, MILLI);
  for (const bad of [`0x${'0'.repeat(40)}`, rules.payer.address]) {
    await rules.refused(...move, '--to', bad);
  }
});

test('above an amount two people approve, and above its own limit the signer sends nothing', async () => {
  await rules.promise(`every = "day"\non-demand = true\n${ETH_TERMS}`);
  const { id, address } = await rules.enrol('plover');
  await rules.fund('20');
  await rules.owe(id, parseEther('6'));
  await rules.leap(DAY_MS);
  let digest = '';
  await eventually('the plan of the day waits', async () => {
    const plans = await rules.pool.admin<{ digest: string }[]>('GET', '/api/v1/payouts/plans');
    digest = plans[0]?.digest ?? '';
    return digest !== '';
  });
  assert.match(await rules.refused('payouts', 'run', digest), /needs 2 more approvals/);
  for (const name of ['ada', 'bob']) {
    assert.equal(await on(address), 0n);
    const file = join(rules.dir, name);
    await rules.run('payouts', 'add-approver', name, '--file', file);
    await rules.run('payouts', 'approve', digest, '--as', file);
  }
  await rules.leap(MINUTE_MS);
  await rules.arrived(address, parseEther('6'));

  await rules.owe(id, parseEther('9'));
  // Asking oneself gets round nobody: it waits for the same two people, and is the same plan twice.
  let asked = await asksToBePaid('plover');
  await inMinutes('the payout before has ended', async () => {
    if (asked.status !== 200) asked = await asksToBePaid('plover');
    return asked.status === 200;
  });
  assert.deepEqual(
    { ...JSON.parse(asked.text), at: '', sends: [] },
    {
      ...{ state: 'waits', at: '', sends: [], approvalsNeeded: 2 },
    },
  );
  assert.equal(JSON.parse(asked.waits).waits.approvalsNeeded, 2);
  assert.match(asked.page, /2 people must approve it first/);
  assert.equal((await asksToBePaid('plover')).text, asked.text);
  const plans = await rules.pool.admin<{ digest: string }[]>('GET', '/api/v1/payouts/plans');
  const shown = plans[0]?.digest ?? '';
  for (const name of ['ada', 'bob']) {
    await rules.run('payouts', 'approve', shown, '--as', join(rules.dir, name));
  }
  // Where payouts run by themselves, saying yes is enough.
  await rules.leap(MINUTE_MS);
  await rules.ended(parseEther('9'), 'ETH', 'failed');
  const status = await rules.run('payouts', 'status');
  assert.match(status, / {2}9 ETH {2}failed: refused_by_signer/);
  assert.match(status, /ETH: [\d.]+ on hand; 9 owed/);
});

test('what moved behind the back of the pool is found by itself, named, and booked', async () => {
  await inMinutes('the books agree', async () =>
    rules.metric(/^tributary_payouts_differences\{what="chain"\} 0$/m),
  );
  const hash = await rules.send(rules.payer, newRecipient(), 7n * MILLI);
  await inMinutes('it is measured', async () =>
    rules.metric(/^tributary_payouts_differences\{what="chain"\} 1$/m),
  );
  const told = async () => (await rules.notices()).includes('The books do not agree');
  await inMinutes('the operator is told', told);
  assert.match(await rules.run('notices', 'list'), /alarm +operators +The books do not agree/);
  const { code, out } = await rules.said('payouts', 'reconcile');
  assert.equal(code, 1);
  assert.match(out, /^chain: treasury holds [\d.]+ ETH by the ledger, [\d.]+ ETH on chain/m);
  assert.match(out, new RegExp(`transaction ${hash} in block \\d+ moved 0.007 ETH from 0x`));
  const less = /The chain has ([\d.]+) ETH less than was booked/.exec(out)?.[1] ?? '';
  const book = (amount: string) => [
    ...['ledger', 'correct', '--asset', 'ETH', '--less', amount],
    ...['--reason', 'sent by hand'],
  ];
  assert.match(
    await rules.refused(...book('0.007')),
    /the chain has [\d.]+ ETH less than the books/,
  );
  await rules.run(...book(less));
  await rules.run('payouts', 'reconcile');
  assert.match(await rules.run('ledger', 'lines', '--account', 'treasury'), /correction:trea/);
  await inMinutes('it is over', async () =>
    (await rules.notices()).some((title) => title.startsWith('Over: The books do not agree')),
  );
});

test('LPT turns into stake and back and the books agree; what somebody else took is told', async () => {
  const { chain, payer, outsider } = rules;
  const agree = (what: string, own: string) =>
    inMinutes(what, async () => {
      const { code, out } = await rules.said('payouts', 'reconcile');
      return code === 0 && out.includes(`treasury: ${own} LPT of the operator's own`);
    });
  await agree('it begins', '49000');
  // Of the books, and not to be mistaken for what the operator bonds.
  const funds = await rules.sendLpt(outsider, payer.address, 5n * LPT);
  assert.match(await rules.run('payouts', 'funded', funds), / LPT booked/);
  await agree('LPT is booked', '49000');
  await rules.run('chain', 'bond', '250', '--yes');
  await agree('it is bonded', '48750');
  await rules.run('chain', 'unbond', '100', '--yes');
  await agree('it is unbonded', '48750');
  await chain.nextRound(7);
  const lock = JSON.parse(await rules.run('chain', 'status', '--json')).unbondingLocks[0].id;
  await rules.run('chain', 'withdraw-stake', lock, '--yes');
  await agree('it is withdrawn', '48850');
  const lines = ['lines', '--account', 'treasury', '--asset', 'LPT', '--json'];
  const booked: { cause: string }[] = JSON.parse(await rules.run('ledger', ...lines));
  assert.deepEqual(
    booked.map(({ cause }) => cause),
    [`moved-in:${funds}:LPT`],
  );

  const theft = await rules.sendLpt(payer, newRecipient(), 2n * LPT);
  // The tokens, and the ether that taking them cost.
  await inMinutes('it is measured', async () =>
    rules.metric(/^tributary_payouts_differences\{what="chain"\} 2$/m),
  );
  const { code, out } = await rules.said('payouts', 'reconcile');
  assert.equal(code, 1);
  assert.match(out, /^chain: treasury holds 5 LPT by the ledger, 3 LPT on chain beside 48850 LPT/m);
  assert.match(out, new RegExp(`transaction ${theft} in block \\d+ moved 2 LPT from 0x`));
  for (const [, less = '', asset = ''] of out.matchAll(/The chain has ([\d.]+) (\w+) less/g)) {
    const correct = ['correct', '--asset', asset, '--less', less, '--reason', 'stolen'];
    await rules.run('ledger', ...correct);
  }
  await agree('it is booked', '48850');
});

test('a line that is gone from the books is found, with the account that it was of', async () => {
  await rules.database.transact(async (tx) => {
    // Nothing of the program can do this: only who owns the database, with its triggers off.
    await tx.query(sql`set local session_replication_role = replica`);
    await tx.query(sql`
      delete from entry where account = 'gas' and posting = (
        select min(posting) from entry where account = 'gas')`);
  });
  const { code, out } = await rules.said('payouts', 'reconcile');
  assert.equal(code, 1);
  assert.match(out, /^ledger: gas is said to hold \d+ ETH, its entries add up to \d+$/m);
  assert.notEqual((await rules.said('ledger', 'balance')).code, 0);
  await rules.leap(61 * MINUTE_MS);
  await inMinutes('it is measured', async () =>
    rules.metric(/^tributary_payouts_differences\{what="ledger"\} [12]$/m),
  );
});

test('a dispute that nobody answers in time is overdue by itself, and the operator is told', async () => {
  const { id, join: joining } = await rules.enrol('quail');
  const credential = join(rules.dir, 'quail.credential');
  await writeFile(credential, joining);
  const { items } = await rules.pool.admin<{ items: { number: string }[] }>(
    'GET',
    '/api/v1/epochs',
  );
  const number = items[0]?.number;
  const about = `epoch-${number}/${id}/receipt/01890000-0000-7000-8000-000000000000`;
  const as = ['--pool', rules.pool.publicUrl, '--credential', credential];
  const { code, err } = await rules.said('disputes', 'open', about, '--text', 'None came.', ...as);
  assert.equal(code, 0, err);
  await rules.leap(2 * DAY_MS + MINUTE_MS);
  await inMinutes('the operator is told', async () =>
    (await rules.notices()).includes('A dispute is overdue'),
  );
  assert.match(await rules.run('disputes', 'list'), /overdue|late/i);
  assert.doesNotMatch(await rules.run('disputes', 'list'), new RegExp(id));
});
