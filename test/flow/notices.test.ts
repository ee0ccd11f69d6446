import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import type { WorkerId } from '../../src/base/ids.ts';
import { run } from '../../src/cli.ts';
import { openScratch } from '../../src/database/scratch.ts';
import type { EventFacts } from '../../src/notices/event.ts';
import { noteEvents } from '../../src/notices/events-store.ts';
import { type Asker, ask, byLink, giveHistory, stranger } from '../api/api-kit.ts';
import { eventually } from '../eventually.ts';
import { startOwnWorker } from '../own-worker.ts';
import { type Cleanup, type Enrolment, startTestPool } from '../start-pool.ts';

const cleanups: (() => void | Promise<void>)[] = [];
const t: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});

/** A receiver of webhooks: what it was told, worker by worker. */
interface Told {
  readonly kind: string;
  readonly worker: string | null;
  readonly title: string;
}
const told: Told[] = [];
/** All that was said at an address of the receiver. */
const said = new Map<string, string>();
const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += String(piece);
  const letter = JSON.parse(body) as { notices: Told[]; text: string };
  told.push(...letter.notices);
  const { url = '' } = request;
  said.set(url, `${said.get(url) ?? ''}${letter.text}\n`);
  response.writeHead(204).end();
});
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
cleanups.push(() => {
  receiver.closeAllConnections();
  receiver.close();
});
const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
/** Imitates Discord: signs what it asks with the key of an application. */
const application = generateKeyPairSync('ed25519');
const publicKey = application.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
const scratch = await openScratch();
cleanups.push(async () => scratch[Symbol.asyncDispose]());
const pool = await startTestPool(t, [
  `--database-url=${scratch.database.url}`,
  `--notice-private-hosts=${host}`,
  '--notice-offline-after=4s',
  `--discord-public-key=${publicKey.toString('hex')}`,
]);

const kindsOf = (enrolment: Enrolment) =>
  told.filter(({ worker }) => worker === enrolment.id).map(({ kind }) => kind);

/** Signs a worker in, and has it told of everything. */
async function subscribe(enrolment: Enrolment, target: string) {
  const worker = await byLink(pool, `workers/${enrolment.name}`);
  const path = '/api/v1/me/notices/channels';
  const added = await ask(
    pool,
    worker,
    { method: 'POST', path },
    { body: { type: 'webhook', target } },
  );
  assert.equal(added.status, 201, added.text);
  return worker;
}

test('a worker that reconnects at once makes no notice, one that stays away does, and its return', async () => {
  const [blink, gone] = [await pool.enrol('blink'), await pool.enrol('gone')];
  await subscribe(blink, `http://${host}/blink`);
  await subscribe(gone, `http://${host}/gone`);
  const first = await startOwnWorker(t, blink.join);
  await first.ready;
  const leaving = await startOwnWorker(t, gone.join);
  await leaving.ready;

  await first.stop();
  const again = await startOwnWorker(t, blink.join);
  await again.ready;
  await leaving.stop();
  await eventually('the one that stays away is told of', async () =>
    kindsOf(gone).includes('worker_offline'),
  );
  const back = await startOwnWorker(t, gone.join);
  await back.ready;
  await eventually('its return is told', async () => kindsOf(gone).includes('worker_back'));
  assert.deepEqual(kindsOf(gone), ['worker_offline', 'worker_back']);
  assert.deepEqual(kindsOf(blink), [], 'it was away for a moment before the other one was');
});

test('a payout is told to its worker alone, and stands in its history', async () => {
  const [paid, other] = [await pool.enrol('paid'), await pool.enrol('other')];
  const worker = await subscribe(paid, `http://${host}/paid`);
  const stranger = await subscribe(other, `http://${host}/other`);
  await giveHistory(scratch.database, paid.id, 4_213_000_000_000_001n);
  await eventually('the payout is told', async () => kindsOf(paid).includes('payout_sent'));
  assert.deepEqual(kindsOf(other), []);

  const path = '/api/v1/me/notices/history';
  const history = await ask(pool, worker, { method: 'GET', path });
  const [newest] = (JSON.parse(history.text) as { items: Told[] }).items;
  assert.equal(newest?.title, '0.004213 ETH was sent to paid');
  const elsewhere = await ask(pool, stranger, { method: 'GET', path });
  assert.doesNotMatch(elsewhere.text, /0\.004213/);
});

test('announced work is told to everybody, and stands in the public feed', async () => {
  const startsAt = new Date(Date.now() + 3_600_000).toISOString();
  const endsAt = new Date(Date.now() + 7_200_000).toISOString();
  const title = 'New disks <script>alert(1)</script>';
  await pool.admin('POST', '/api/v1/maintenance', { title, startsAt, endsAt });
  await eventually('it is told', async () =>
    told.some((notice) => notice.kind === 'downtime_planned' && notice.worker === null),
  );
  const nobody = { headers: {} };
  const open = await ask(pool, nobody, { method: 'GET', path: '/api/v1/notices' });
  const [newest] = (JSON.parse(open.text) as { items: { title: string; until: string }[] }).items;
  assert.deepEqual([newest?.title, newest?.until], [title, endsAt]);
  const feed = await ask(pool, nobody, { method: 'GET', path: '/api/v1/notices.atom' });
  assert.match(feed.headers.get('content-type') ?? '', /^application\/atom\+xml/);
  assert.match(feed.text, /<title>New disks &lt;script&gt;/);
  assert.doesNotMatch(feed.text, /<script>/);
});

test('a channel that the settings lack something for names the settings', async () => {
  const add = async (type: string, target: string) => {
    let said = '';
    const output = {
      write: (text: string) => {
        said += text;
      },
    };
    const io = { stdout: output, stderr: output, env: {}, isTty: false, columns: 80 };
    const words = ['notices', 'add', type, '--target', target, '--data-dir', pool.dataDir];
    assert.equal(await run(words, io), 1);
    return said;
  };
  assert.match(await add('email', 'a@example.org'), /both --smtp-url and --notices-from/);
  assert.match(await add('telegram', '@pool'), /its --telegram-token/);
  assert.match(await add('ntfy', 'https://127.0.0.1:9/x'), /among --notice-private-hosts of/);
});

test('a worker chooses kinds, has a test sent, and cannot name an address inside', async () => {
  const chooser = await pool.enrol('chooser');
  const worker = await byLink(pool, 'workers/chooser');
  const path = '/api/v1/me/notices/channels';
  const add = (body: object) => ask(pool, worker, { method: 'POST', path }, { body });
  const inside = await add({ type: 'webhook', target: new URL('/x', pool.adminUrl).href });
  assert.equal(inside.code, 'notice_channel_invalid');
  const mail = await add({ type: 'email', target: 'a@example.org' });
  assert.equal(mail.code, 'notice_channel_refused', 'this pool has no mail server');
  assert.match(mail.text, /The operator of this pool has not set up/);
  const added = await add({ type: 'webhook', target: `http://${host}/c`, kinds: ['payout_sent'] });
  const { channel, secret } = JSON.parse(added.text) as { channel: { id: string }; secret: string };
  assert.ok(secret.length >= 32);
  const testing = await ask(
    pool,
    worker,
    { method: 'POST', path: '/api/v1/me/notices/test' },
    { body: { channel: channel.id } },
  );
  assert.equal(testing.status, 200, testing.text);
  await eventually('the test arrives', async () => told.some(({ kind }) => kind === 'test'));
  const shown = await ask(pool, worker, { method: 'GET', path: '/api/v1/me/notices' });
  assert.doesNotMatch(shown.text, new RegExp(`${secret}|/c"`));
  const audit = await pool.admin<unknown>('GET', '/api/v1/operator/audit');
  assert.doesNotMatch(JSON.stringify(audit), new RegExp(`${host}/c`));
  assert.deepEqual(kindsOf(chooser), []);
});

test('each letter leads who reads it to a page that is there, and to the place on it', async () => {
  const reader = await pool.enrol('reader');
  const session = await subscribe(reader, `http://${host}/reader`);
  await pool.admin('POST', '/api/v1/operators', { name: 'ada', role: 'owner' });
  const ada = await byLink(pool, 'operators/ada');
  const path = '/api/v1/notices/channels';
  await pool.admin('POST', path, { type: 'webhook', target: `http://${host}/console` });
  const at = Date.now();
  const payout = { source: 'payout', asset: 'ETH', amount: '20', reason: 'sent_back' } as const;
  const address = `0x${'22'.repeat(20)}`;
  const change = { new: address, askedBy: 'operator', effectiveAt: at } as const;
  const ofWorker: readonly EventFacts[] = [
    { ...payout, state: 'returned' },
    { source: 'address', state: 'waiting', ...change },
    { source: 'checks', count: 1, since: at, reasons: ['frame_count'] },
    { source: 'quarantine', until: at },
    { source: 'place' },
  ];
  const alarm = {
    source: 'alarm',
    state: 'on',
    since: at,
    text: 'It rains.',
    advice: 'Shelter.',
  } as const;
  await noteEvents(scratch.database, [
    ...ofWorker.map((facts) => ({
      ...{ key: `reader:${facts.source}`, worker: reader.id as WorkerId, at, facts },
    })),
    { key: 'alarm:reader', at, facts: alarm },
  ]);
  const linksAt = (place: string) => said.get(place)?.match(/http:\S+/g) ?? [];
  await eventually(
    'all are told',
    async () => linksAt('/reader').length === 5 && linksAt('/console').length >= 4,
  );
  for (const [place, who, base] of [
    ['/reader', session, pool.publicUrl],
    ['/console', ada, pool.adminUrl],
  ] as const) {
    for (const link of linksAt(place)) {
      const { origin, hash } = new URL(link);
      assert.equal(origin, new URL(base).origin, link);
      const headers = { ...who.headers, accept: 'text/html' };
      const page = await fetch(link, { headers, redirect: 'manual' });
      assert.equal(page.status, 200, link);
      const html = await page.text();
      assert.ok(hash === '' || html.includes(`id="${hash.slice(1)}"`), link);
    }
  }
  assert.match(linksAt('/reader').join(' '), /payouts\?worker=\w+#address .*#credential/);
});

test('what a letter tells whoever runs the pool stands where it leads to, with what to do', async () => {
  const lent = await pool.enrol('lent');
  await pool.admin('POST', '/api/v1/operators', { name: 'bob', role: 'viewer' });
  const bob = await byLink(pool, 'operators/bob');
  const target = `http://${host}/duty`;
  await pool.admin('POST', '/api/v1/notices/channels', { type: 'webhook', target });
  const html = async (link: string | URL) => {
    const page = await fetch(link, { headers: { ...bob.headers, accept: 'text/html' } });
    return (await page.text()).replaceAll(/<[^>]+>/g, '');
  };
  /** Waits for the letter, and for the page that its link leads to. */
  const leads = async (title: string, to: RegExp, ...shows: readonly RegExp[]) => {
    const about = new RegExp(`${title}[^]*?(http:\\S+)`);
    await eventually(`the letter: ${title}`, async () => about.test(said.get('/duty') ?? ''));
    const link = about.exec(said.get('/duty') ?? '')?.[1] ?? '';
    assert.match(link, to);
    for (const shown of shows) {
      await eventually(`${shown} at ${link}`, async () => shown.test(await html(link)));
    }
  };
  const at = Date.now();
  const payout = { source: 'payout', asset: 'ETH', amount: '2000000000000000' } as const;
  await noteEvents(scratch.database, [
    ...(
      [
        { ...payout, state: 'returned', reason: 'sent_back' },
        { source: 'place' },
        { source: 'quarantine', until: at + 60_000 },
      ] as const
    ).map((facts) => {
      return { key: `lent:${facts.source}`, worker: lent.id as WorkerId, at, facts };
    }),
  ]);
  const told = new RegExp(`/operator/workers/${lent.id}#told$`);
  await leads(
    'The payout of 0.002 ETH came back',
    told,
    /came back to the pool.*You: Ask its owner/,
  );
  await leads(
    'A machine connected with it from a network',
    told,
    /You: Ask its owner whether that was its own machine/,
  );
  await leads(
    'Too many of its last results failed',
    /#failures$/,
    /lent is in quarantine.*You: It ends by itself/,
  );
  await pool.admin('POST', '/api/v1/payouts/pause', { asset: 'ETH' });
  await leads(
    'The operator paused them',
    /\/operator\/payouts#pauses$/,
    /ETH is paused: by an operator/,
  );
  await pool.admin('POST', '/api/v1/payouts/resume', { asset: 'ETH' });

  // A flock that was there until three minutes ago, at a pool that went on.
  const [began, gone] = [at - 1_800_000, at - 180_000].map((ms) => new Date(ms).toISOString());
  await scratch.database.query(sql`
    with flock as (
      insert into worker (id, name)
      select 'flock' || translate(lpad(n::text, 5, '0'), '0189', 'abcd'), 'flock-' || n
      from generate_series(1, 40) as n returning id)
    insert into worker_online (connection, part, worker, since, until)
    select id, 1, id, ${began}::timestamptz, ${gone}::timestamptz from flock`);
  await scratch.database.query(sql`
    insert into pool_online (node, part, since, until)
    values ('flock', 1, ${began}::timestamptz, ${new Date(at).toISOString()}::timestamptz)`);
  const advice = /whether port, certificate and firewall of the pool are as they were/;
  await leads(
    '40 workers went away at once',
    /\/operator$/,
    /40 workers went away at once/,
    advice,
  );
  assert.match(await html(new URL('/operator/workers', pool.adminUrl)), advice);
});

test('a node that lacks the key of notices says so in its console, where nobody can be told', async () => {
  const node = await startTestPool(t, [`--database-url=${scratch.database.url}`]);
  await pool.admin('POST', '/api/v1/operators', { name: 'cyd', role: 'viewer' });
  const cyd = await byLink(pool, 'operators/cyd');
  for (const path of ['/operator', '/operator/notices']) {
    const headers = { ...cyd.headers, accept: 'text/html' };
    const html = await (await fetch(new URL(path, node.adminUrl), { headers })).text();
    assert.match(html, /A node lacks the key of notices\./, path);
    assert.match(html, /Give it the file of the other nodes, or of the backup/, path);
    assert.doesNotMatch(html, /Nothing needs you|Every notice was delivered/);
  }
});

test('payouts that are paused are so where the notice of it leads, and in the portal', async () => {
  const owed = await pool.enrol('owed');
  const worker = await byLink(pool, 'workers/owed');
  const html = async (path: string, { headers }: Asker) => {
    const url = new URL(path, pool.publicUrl);
    return (await fetch(url, { headers: { ...headers, accept: 'text/html' } })).text();
  };
  const portal = () => html(`/worker/payouts?worker=${owed.id}`, worker);
  assert.match(await portal(), /Payouts go out next on/);
  await pool.admin('POST', '/api/v1/payouts/pause', { asset: 'ETH' });
  const isPaused = async () => (await html('/payouts', stranger)).includes('The operator paused');
  await eventually('everybody reads it', isPaused);
  assert.match(await html('/', stranger), /Payouts of ETH are paused/);
  const own = await portal();
  assert.match(own, /Payouts of ETH are paused/);
  assert.doesNotMatch(own, /go out next on/, 'no day is named on which nothing goes out');
  await pool.admin('POST', '/api/v1/payouts/resume', { asset: 'ETH' });
  await eventually('they go on', async () => !(await isPaused()));
  assert.match(await portal(), /Payouts go out next on/);
});

test('Discord asks for a worker that linked its user, and a forger is refused', async () => {
  const asked = await pool.enrol('asked');
  await giveHistory(scratch.database, asked.id, 2_000_000_000_000_000n);
  const worker = await byLink(pool, 'workers/asked');
  const forger = generateKeyPairSync('ed25519').privateKey;
  const interact = async (interaction: object, by = application.privateKey, agoMs = 0) => {
    const body = JSON.stringify(interaction);
    const timestamp = String(Math.floor((Date.now() - agoMs) / 1000));
    const response = await fetch(new URL('/api/v1/discord/interactions', pool.publicUrl), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-signature-timestamp': timestamp,
        'x-signature-ed25519': sign(null, Buffer.from(timestamp + body), by).toString('hex'),
      },
      body,
    });
    return { status: response.status, text: await response.text() };
  };
  assert.deepEqual(await interact({ type: 1 }), { status: 200, text: '{"type":1}\n' });
  const forged = await interact({ type: 1 }, forger);
  assert.equal(forged.status, 401);
  assert.match(forged.text, /interaction_forged/);
  const kept = await interact({ type: 1 }, application.privateKey, 10 * 60_000);
  assert.equal(kept.status, 401, 'what Discord signed ten minutes ago was kept by somebody');

  const path = '/api/v1/me/notices/discord';
  const made = await ask(pool, worker, { method: 'POST', path });
  const { code } = JSON.parse(made.text) as { code: string };
  const user = { id: '123456789012345678' };
  const command = (name: string, options: object[] = []) =>
    interact({ type: 2, data: { name, options }, user });
  assert.match((await command('link', [{ name: 'code', value: code }])).text, /Linked/);
  assert.match((await command('earnings')).text, /Paid so far: 0\.002 ETH/);
  assert.match((await command('status')).text, /\*\*asked\*\*.+segments done/);
  assert.match((await command('why')).text, /In the last/);
});

test('an operator sends a message, sees what was given up, and sends it again', async () => {
  let status = 404;
  const broken = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(status).end());
  });
  await new Promise<void>((resolve) => {
    broken.listen(0, '127.0.0.1', resolve);
  });
  cleanups.push(() => {
    broken.closeAllConnections();
    broken.close();
  });
  const own = await startTestPool(t, [
    `--notice-private-hosts=127.0.0.1:${(broken.address() as AddressInfo).port}`,
  ]);
  const tributary = async (...words: string[]) => {
    const written: string[] = [];
    const output = { write: (text: string) => void written.push(text) };
    const io = { stdout: output, stderr: output, env: {}, isTty: false, columns: 80 };
    const code = await run(['notices', ...words, '--data-dir', own.dataDir], io);
    assert.equal(code, 0, written.join(''));
    return written.join('');
  };
  assert.equal((await stat(join(own.dataDir, 'notices.key'))).mode & 0o777, 0o600);
  assert.match(await tributary('channels'), /^Nobody is told of alarms/);
  const target = `http://127.0.0.1:${(broken.address() as AddressInfo).port}/hook`;
  assert.match(
    await tributary('add', 'webhook', '--target', target),
    /shown once:\n\n {2}[a-z2-7]+/,
  );
  assert.match(await tributary('dead'), /^No letter was given up/);
  await tributary('send', 'New gateway', '--text', 'It begins on Monday.');
  await eventually('the letter is given up', async () =>
    (await tributary('dead')).includes('status_404'),
  );
  assert.match(await tributary('list'), /message +everybody +New gateway/);
  status = 204;
  assert.equal(await tributary('replay', '--all'), '1 letter is on the way again.\n');
  await eventually('it arrives', async () => (await tributary('dead')).startsWith('No letter'));
});

test('an operator announces work and tells of an incident from the command line, as from the console', async () => {
  const tributary = async (...words: string[]) => {
    const [out, err]: [string[], string[]] = [[], []];
    const to = (list: string[]) => ({ write: (text: string) => void list.push(text) });
    const io = { stdout: to(out), stderr: to(err), env: {}, isTty: false, columns: 80 };
    const code = await run(['incidents', ...words, '--data-dir', pool.dataDir], io);
    return { code, out: out.join(''), err: err.join('') };
  };
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  const planned = await tributary(
    ...['plan', 'New disks', '--text', 'One by one.'],
    ...['--starts-at', inHours(2), '--ends-at', inHours(3), '--json'],
  );
  assert.equal(planned.code, 0, planned.err);
  const { id } = JSON.parse(planned.out) as { id: string };
  const opened = await tributary('open', 'Segments are slow', '--text', 'Nothing to be done.');
  assert.match(
    opened.out,
    /^\d+ {2}Goes on: Segments are slow, from .+ UTC\.\nNothing to be done\./,
  );
  const [, number = ''] = /^(\d+)/.exec(opened.out) ?? [];
  assert.match(
    (await tributary('update', number, '--text', 'A disk is full.')).out,
    /A disk is full/,
  );
  const open = (await tributary('list', '--open')).out;
  assert.match(open, /maintenance +Planned .+New disks/);
  assert.match(open, /incident +Goes on .+Segments are slow/);
  assert.match((await tributary('close', number, '--text', 'Mended.')).out, /Over: .+\nMended\./);
  assert.match((await tributary('close', id)).out, /Called off: New disks/);
  assert.doesNotMatch((await tributary('list', '--open')).out, /Segments are slow/);
  const kinds = async () => {
    const response = await fetch(new URL('/api/v1/notices', pool.publicUrl));
    const { items } = (await response.json()) as { items: { kind: string; title: string }[] };
    return items.map(({ kind, title }) => `${kind} ${title}`);
  };
  await eventually('everybody is told', async () => {
    const told = await kinds();
    return ['downtime_planned New disks', 'downtime_started Segments are slow'].every((each) =>
      told.includes(each),
    );
  });

  const again = await tributary('close', number);
  assert.equal(again.code, 1);
  assert.match(again.err, /incident_closed/);
  const noZone = await tributary(
    ...['plan', 'x', '--starts-at', '2026-12-24T18:00', '--ends-at', inHours(1)],
  );
  assert.equal(noZone.code, 2);
  assert.match(noZone.err, /a moment with its zone/);
});
