import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { assetId } from '../../src/base/asset.ts';
import { FakeClock, instant } from '../../src/base/clock.ts';
import {
  newConnectionId,
  newJobId,
  newSessionId,
  newTaskId,
  type WorkerId,
} from '../../src/base/ids.ts';
import { quiet } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { pixels } from '../../src/base/money.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { createLedger } from '../../src/ledger/ledger.ts';
import { forgetEvents, noteEvents } from '../../src/notices/events-store.ts';
import type { StandingAlarm } from '../../src/notices/look-standing.ts';
import { type NoticesParts, startNotices } from '../../src/notices/notices.ts';
import { pause, resume } from '../../src/payouts/pauses-store.ts';
import { canonicalJson } from '../../src/proofs/canonical.ts';
import { nodeHashing } from '../../src/proofs/node-hashing.ts';
import { createTermsService } from '../../src/terms/terms-service.ts';
import { createIncidents } from '../../src/workers/incidents.ts';
import { createWorkers } from '../../src/workers/workers.ts';

const MINUTE = 60_000;
const scratch = await openScratch();
const { database } = scratch;
const clock = new FakeClock(Date.UTC(2026, 10, 21, 18, 5));
const workers = await createWorkers({ database });
const issuer = { pool: new Uint8Array(20), chainId: 0n };
const ledger = createLedger({
  database,
  receipts: { issuer: () => issuer, rateOf: async () => undefined },
});
const terms = createTermsService({
  ...{ database, clock, hashing: nodeHashing },
  async sign(statement) {
    const signed = await ledger.keys.sign(issuer, statement);
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    return { key: hex(signed.key), signature: hex(signed.signature) };
  },
});

/** Imitates the bot API of Telegram: a chat that blocked the bot, and one that did not. */
const telegram: { chat_id: string; text: string }[] = [];
const limited = new Set<string>();
const imitation = createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += String(piece);
  assert.equal(request.url, '/bot123:abc/sendMessage');
  const message = JSON.parse(body) as { chat_id: string; text: string };
  telegram.push(message);
  if (limited.delete(message.text.split('\n')[0] ?? '')) {
    response.writeHead(429, { 'content-type': 'application/json' });
    response.end('{"ok":false,"error_code":429,"parameters":{"retry_after":7}}');
    return;
  }
  const blocked = message.chat_id === '4040404' && !message.text.includes('code');
  response.writeHead(blocked ? 403 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ ok: !blocked }));
});
await new Promise<void>((resolve) => {
  imitation.listen(0, '127.0.0.1', resolve);
});
const host = `127.0.0.1:${(imitation.address() as AddressInfo).port}`;

/** A node of the pool; what it sees on chain and in its own fleet may differ from what others see. */
const startNode = (sees: Pick<NoticesParts, 'quarantined' | 'alarms'>) =>
  startNotices({
    ...{ database, clock, log: quiet, metrics: createMetrics() },
    key: new Uint8Array(32).fill(9),
    rules: {
      smtp: undefined,
      telegram: { apiUrl: `http://${host}`, token: '123:abc' },
      privateHosts: [host],
      offlineAfterMs: 3 * MINUTE,
    },
    terms: (version) => terms.of(version),
    currentTerms: async () => terms.of((await terms.list()).current),
    link: (page) => `https://pool.example${page}`,
    ...sees,
  });
const quarantined: { worker: WorkerId; until: number }[] = [];
let alarms: StandingAlarm[] = [];
const notices = startNode({ quarantined: () => quarantined, alarms: () => alarms });
after(async () => {
  await notices.close();
  imitation.closeAllConnections();
  imitation.close();
  await ledger.close();
  await workers.close();
  await scratch[Symbol.asyncDispose]();
});

/** What was told since the last time, oldest first. */
let toldUntil = 0n;
async function toldNow() {
  await notices.settle();
  const all = await notices.all({}, { before: undefined, limit: 100 });
  const fresh = all.filter(({ id }) => id > toldUntil).toReversed();
  toldUntil = all[0]?.id ?? toldUntil;
  return fresh;
}
const kindsNow = async () => (await toldNow()).map(({ kind, title }) => `${kind}: ${title}`);

async function enrol(name: string): Promise<WorkerId> {
  const added = await workers.add({ name });
  assert.ok(added.ok);
  return added.worker.id;
}

test('payouts that are paused and go on are told, also though the pool is killed between', async () => {
  await pause(database, { asset: assetId('ETH'), reason: 'operator', at: clock.now() });
  await pause(database, { asset: assetId('ETH'), reason: 'operator', at: clock.now() });
  assert.deepEqual(await kindsNow(), ['payouts_paused: Payouts of ETH are paused']);
  clock.advance(MINUTE);
  await resume(database, { asset: assetId('ETH'), at: clock.now() });
  assert.deepEqual(await kindsNow(), ['payouts_resumed: Payouts of ETH go on']);
});

test('a payout that came back and an address that changes are told to the worker', async () => {
  const worker = await enrol('moving-house');
  const payout = { source: 'payout', asset: 'ETH', amount: '2000000000000000' } as const;
  const at = clock.now();
  await noteEvents(database, [
    { key: 'payout:1', worker, at, facts: { ...payout, state: 'returned', reason: 'sent_back' } },
    { key: 'payout:2', worker, at, facts: { ...payout, state: 'failed', reason: 'gas_short' } },
  ]);
  assert.deepEqual(
    await kindsNow(),
    ['payout_failed: A payout of 0.002 ETH came back'],
    'what stays in the pool and goes out with the next run is no news',
  );
  const asked = new Date(at).toISOString();
  await database.query(sql`
    insert into payout_address_change (number, worker, nonce, old_address, new_address, asked_by,
      asked_at, effective_at)
    overriding system value
    values (900, ${worker}, 1, decode(repeat('11', 20), 'hex'), decode(repeat('22', 20), 'hex'),
      'operator', ${asked}::timestamptz, ${asked}::timestamptz + interval '2 days')`);
  const [change] = await toldNow();
  assert.deepEqual([change?.kind, change?.worker], ['payout_address', worker]);
  assert.match(change?.text ?? '', /payouts go to 0x2222…2222 instead of 0x1111…1111/);
  assert.match(change?.todo ?? '', /If this was not you/);
  await database.query(sql`
    update payout_address_change set state = 'stopped', ended_at = ${asked}::timestamptz
    where number = 900`);
  assert.deepEqual(await kindsNow(), [
    'payout_address: The payout address of moving-house stays as it is',
  ]);
});

test('new terms say whether the commission changes', async () => {
  const file = (commission: string) =>
    `name = "Rivermouth"\ncommission = "${commission}"\n[model]\nkind = "proportional"\n`;
  await terms.publish(file('18%'), 'next');
  assert.deepEqual(await kindsNow(), ['terms_published: Version 1 of the terms is published']);
  await terms.publish(file('20%'), 'next');
  assert.deepEqual(await kindsNow(), ['fee_changed: The commission changes from 18 % to 20 %']);
});

test('work is announced, begins and ends; what was closed before it began does neither', async () => {
  const incidents = createIncidents({ database, clock });
  const now = clock.now();
  const span = { startsAt: now + 10 * MINUTE, endsAt: now + 20 * MINUTE };
  const planned = await incidents.plan({ title: 'New disks', text: 'One by one.', ...span });
  const dropped = await incidents.plan({ title: 'Never', ...span });
  assert.ok(planned.ok && dropped.ok);
  await incidents.close(dropped.incident.id);
  assert.deepEqual(await kindsNow(), [
    'downtime_planned: New disks',
    'downtime_planned: Never',
    'downtime_ended: Never',
  ]);
  clock.advance(11 * MINUTE);
  assert.deepEqual(await kindsNow(), ['downtime_started: New disks']);
  assert.deepEqual(await kindsNow(), [], 'once');
  clock.advance(10 * MINUTE);
  assert.deepEqual(await kindsNow(), ['downtime_ended: New disks']);
  await incidents.open({ title: 'Slow replies' });
  assert.deepEqual(await kindsNow(), ['downtime_started: Slow replies']);
});

test('a dispute is told to the operator, its answer and its end to the worker', async () => {
  const worker = await enrol('disputing');
  const dispute = 'abcdefghijklmnop';
  await database.query(sql`
    insert into dispute (id, worker, subject, facts, opened_at)
    values (${dispute}, ${worker}, 'epoch-1/x/1', '{}', now())`);
  let previous = '0'.repeat(64);
  let sequence = 0;
  const happens = async (event: object, content: object = {}) => {
    sequence++;
    const record = canonicalJson({
      ...{ format: 'tributary-dispute-1', sequence, previous, dispute, at: clock.now() },
      ...event,
    });
    previous = createHash('sha256').update(record).digest('hex');
    await database.query(sql`
      insert into dispute_event (sequence, dispute, record, hash, content)
      values (${sequence}, ${dispute}, ${record}, decode(${previous}, 'hex'),
        ${JSON.stringify(content)})`);
  };
  await happens({ event: 'opened', by: 'worker', deadline: clock.now() + 7 * 24 * 60 * MINUTE });
  await happens({ event: 'answered', by: 'operator' });
  await happens({ event: 'replied', by: 'worker' });
  await happens(
    { event: 'decided', by: 'operator', outcome: 'partly' },
    { award: { asset: 'ETH', amount: '1000000000000000' } },
  );
  const told = await toldNow();
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['dispute_opened', 'dispute_answered', 'dispute_opened', 'dispute_decided'],
  );
  const own = await notices.ofWorkers([worker], { before: undefined, limit: 2 });
  assert.deepEqual(
    own.map(({ kind }) => kind),
    ['dispute_decided', 'dispute_answered'],
    'what is for operators is not in the history of the worker',
  );
  assert.match(told[3]?.text ?? '', /upheld in part\. 0\.001 ETH are given back/);
});

test('failed checks of an hour are one notice, and the next hour has its own', async () => {
  const worker = await enrol('failing');
  const fail = (reason: string) =>
    ledger.append({
      ...{ job: newJobId(clock.now()), attempt: 1, task: newTaskId(), worker },
      ...{ connection: newConnectionId(), session: newSessionId() },
      ...{ sourceDurationMs: 2_000, sourceBytes: 1, timings: {} },
      at: instant(clock.now()),
      ...{ verdict: 'rejected', reason, profiles: [], pixels: pixels(0n) },
    });
  await kindsNow();
  await fail('frame_count');
  assert.deepEqual(await kindsNow(), ['check_failed: 1 result failed a check']);
  for (let i = 0; i < 12; i++) await fail('not_h264');
  assert.deepEqual(await kindsNow(), []);
  clock.advance(30 * MINUTE);
  await fail('frame_count');
  assert.deepEqual(await kindsNow(), []);
  clock.advance(31 * MINUTE);
  const [told] = await toldNow();
  assert.equal(told?.title, '13 results failed a check');
});

test('a quarantine is told once, and an alarm only when it stands', async () => {
  const worker = await enrol('slow-one');
  quarantined.push({ worker, until: clock.now() + MINUTE });
  assert.deepEqual(await kindsNow(), ['quarantine: slow-one is in quarantine']);
  quarantined[0] = { worker, until: clock.now() + MINUTE + 300 };
  assert.deepEqual(await kindsNow(), [], 'the same one, by another clock');
  quarantined.length = 0;

  const alarm = { kind: 'gas_money_short', since: clock.now(), text: 'node has 0.001 ETH. Hm.' };
  alarms = [{ ...alarm, advice: 'Send ETH to the account, which pays for transactions.' }];
  assert.deepEqual(await kindsNow(), [], 'it may go by itself');
  clock.advance(3 * MINUTE);
  const [told] = await toldNow();
  assert.deepEqual([told?.kind, told?.title], ['alarm', 'node has 0.001 ETH']);
  assert.equal(told?.todo, 'Send ETH to the account, which pays for transactions.');
  alarms = [];
  assert.deepEqual(await kindsNow(), [], 'a start of the program sees nothing for a moment, too');
  clock.advance(3 * MINUTE);
  assert.deepEqual(await kindsNow(), ['alarm: Over: node has 0.001 ETH']);
});

test('what several nodes see, and see again after a start, is told once and ends once', async () => {
  const worker = await enrol('seen-twice');
  const began = clock.now();
  const alarm = (since: number): StandingAlarm => {
    return { kind: 'chain_unseen', since, text: 'No provider answers.', advice: 'Look at them.' };
  };
  alarms = [alarm(began)];
  quarantined.push({ worker, until: began + 10 * MINUTE });
  let stands = true;
  const see = (since: number) => ({
    quarantined: () => [{ worker, until: began + 11 * MINUTE + (since % 7) * 1_000 }],
    alarms: () => (stands ? [alarm(since)] : []),
  });
  /** Both nodes look each minute; what was told meanwhile. */
  const minutes = async (count: number, node: typeof notices) => {
    for (let i = 0; i < count; i++) {
      clock.advance(MINUTE);
      await node.settle();
      await notices.settle();
    }
    return kindsNow();
  };
  const other = startNode(see(began + 5_000));
  assert.deepEqual(await minutes(3, other), [
    'quarantine: seen-twice is in quarantine',
    'alarm: No provider answers',
  ]);
  assert.deepEqual(await minutes(1, other), []);
  const shown = async (node: typeof notices) =>
    (await node.alarms()).map(({ kind, since, text, advice }) => ({ kind, since, text, advice }));
  const both = [{ ...alarm(began) }];
  assert.deepEqual([await shown(notices), await shown(other)], [both, both]);
  // The node starts anew: what it sees begins, as far as it knows.
  await other.close();
  const next = startNode(see(clock.now()));
  assert.deepEqual(await minutes(3, next), []);
  alarms = [];
  assert.deepEqual(await minutes(5, next), [], 'one of them sees it still');
  await forgetEvents(database, clock.now() + MINUTE);
  // One node's console shows what another one sees, with what to do, since it was told.
  assert.deepEqual([await shown(notices), await shown(next)], [both, both]);
  stands = false;
  assert.deepEqual(await shown(next), [], 'the only one that saw it does not any more');
  assert.deepEqual(await minutes(4, next), ['alarm: Over: No provider answers']);
  assert.deepEqual(await shown(notices), []);
  await next.close();
  quarantined.length = 0;
});

test('3,000 workers that a network splits off are told that it is not their machine, each once', async () => {
  // Ids of this test alone, as a fleet has them.
  await database.query(sql`
    insert into worker (id, name)
    select 'split' || translate(lpad(n::text, 5, '0'), '0189', 'abcd'), 'split-' || n
    from generate_series(1, 4000) as n`);
  const online = (until: number, from: string) =>
    database.query(sql`
      insert into worker_online (connection, part, worker, since, until)
      select id, 1, id, to_timestamp(${(clock.now() - 30 * MINUTE) / 1000}),
        to_timestamp(${until / 1000})
      from worker where id like 'split%' and id >= ${from}
      on conflict (connection, part) do update set until = excluded.until`);
  const pool = (until: number) =>
    database.query(sql`
      insert into pool_online (node, part, since, until)
      values ('split', 1, to_timestamp(${(clock.now() - 30 * MINUTE) / 1000}),
        to_timestamp(${until / 1000}))
      on conflict (node, part) do update set until = excluded.until`);
  const splitAt = clock.now();
  await online(splitAt, 'split');
  await pool(splitAt);
  const { rows } = await database.query<{ id: string }>(sql`
    select id from worker where id like 'split%' order by id offset 3000 limit 1`);
  const stays = rows[0]?.id ?? '';
  clock.advance(30_000);
  await online(clock.now(), stays);
  await pool(clock.now());
  assert.deepEqual(await kindsNow(), [], 'a reconnect of 30 s is no absence');
  await online(clock.now() + 4 * MINUTE, stays);
  await pool(clock.now() + 4 * MINUTE);
  clock.advance(4 * MINUTE);
  await notices.settle();
  const { rows: told } = await database.query<{ kind: string; count: bigint; text: string }>(sql`
    select kind, count(*) as count, min(text) as text from notice
    where worker like 'split%' or kind = 'alarm' and title like '%went away at once%'
    group by kind order by kind`);
  assert.deepEqual(
    told.map(({ kind, count }) => [kind, Number(count)]),
    [
      ['alarm', 1],
      ['worker_offline', 3_000],
    ],
  );
  const [left] = await notices.alarms();
  assert.match(left?.text ?? '', /^3000 workers went away at once, and 1000 are there/);
  assert.match(told[1]?.text ?? '', /2999 other workers went away within the same minute/);
});

test('a chat of Telegram counts when its code is typed in, and stops when it blocks the bot', async () => {
  const owner = { kind: 'worker', id: await enrol('chatting') } as const;
  const add = (target: string) => notices.channels.add(owner, { type: 'telegram', target });
  const { channel } = await add('5050505');
  clock.advance(1_000);
  const blocked = (await add('4040404')).channel;
  await notices.channels.idle();
  await notices.send({ title: 'Before', text: 'Nobody hears this here yet.' });
  await notices.settle();
  const codes = telegram.map(({ text }) => /code there: (\d{6})/.exec(text)?.[1] ?? '');
  assert.equal(telegram.length, 2, 'the codes alone');
  const wrong = codes[0] === '000000' ? '000001' : '000000';
  await assert.rejects(notices.channels.confirm(owner, channel.id, wrong), {
    code: 'notice_channel_refused',
  });
  const codeOf = (chat: string) =>
    codes[telegram.findIndex(({ chat_id: id }) => id === chat)] ?? '';
  await notices.channels.confirm(owner, channel.id, codeOf('5050505'));
  await notices.channels.confirm(owner, blocked.id, codeOf('4040404'));
  await notices.send({ title: 'After', text: 'A *star* and <b>.' });
  await notices.settle();
  assert.match(
    telegram.find(({ chat_id: id, text }) => id === '5050505' && text.startsWith('After'))?.text ??
      '',
    /A \*star\* and <b>\./,
  );
  limited.add('Too much');
  await notices.send({ title: 'Too much', text: 'The bot says how long to wait.' });
  await notices.settle();
  const came = () => telegram.filter(({ text }) => text.startsWith('Too much')).length;
  assert.equal(came(), 1, 'refused with 429');
  clock.advance(6_500);
  await notices.settle();
  assert.equal(came(), 1, 'not before it may');
  clock.advance(600);
  await notices.settle();
  assert.equal(came(), 2);
  const states = (await notices.channels.list(owner)).map(({ stopped }) => stopped?.because);
  assert.deepEqual(states, [undefined, 'status_403']);
});
