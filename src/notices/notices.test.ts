import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after, type TestContext, test } from 'node:test';
import sql from 'sql-template-tag';
import { FakeClock } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import { quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { openScratch } from '../database/scratch.ts';
import { defaultTerms } from '../terms/terms.ts';
import { createWorkers } from '../workers/workers.ts';
import { compose } from './compose.ts';
import { claimDeliveries } from './deliveries-store.ts';
import { noteEvent } from './events-store.ts';
import { type Notices, startNotices } from './notices.ts';
import { isWebhookSigned } from './webhook-sender.ts';

// The servers below imitate Discord, ntfy and a receiver of webhooks: they answer as the
// documentation of each says, and keep what they were sent.

const scratch = await openScratch();
const { database } = scratch;
const workers = await createWorkers({ database });
const clock = new FakeClock(1_790_000_000_000);
after(async () => {
  await workers.close();
  await scratch[Symbol.asyncDispose]();
});

interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A server that answers as it is told, and keeps what came. */
async function startImitation(
  answer: (
    received: Received,
    count: number,
  ) => { status: number; headers?: object; body?: string } | 'hang',
) {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const got = {
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(pieces).toString('utf8'),
    };
    received.push(got);
    const said = answer(got, received.length);
    if (said === 'hang') return;
    response.writeHead(said.status, { ...said.headers });
    response.end(said.body ?? '');
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { received, sockets, host: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}` };
}

function start(t: TestContext, privateHosts: readonly string[], postMs = 1_000): Notices {
  const notices = startNotices({
    ...{ database, clock, log: quiet, metrics: createMetrics() },
    key: new Uint8Array(32).fill(7),
    rules: {
      smtp: undefined,
      telegram: undefined,
      privateHosts,
      offlineAfterMs: 180_000,
      postMs,
    },
    terms: async () => defaultTermsOf(),
    currentTerms: async () => defaultTermsOf(),
    link: (page) => `https://pool.example${page}`,
    quarantined: () => [],
    alarms: () => [],
  });
  // Another test's service would take letters to hosts that it may not reach.
  t.after(() => notices.close());
  return notices;
}
const defaultTermsOf = () => ({ ...defaultTerms, version: 1, name: 'Rivermouth' });

async function newWorker(name: string): Promise<WorkerId> {
  const added = await workers.add({ name });
  assert.ok(added.ok);
  return added.worker.id;
}

const owner = (id: WorkerId) => ({ kind: 'worker', id }) as const;
const WEBHOOK = '/api/webhooks/123456789012345678/abcdefghijklmnop_qrstuvwxyz-0123456789';

async function happens(
  worker: WorkerId | undefined,
  key: string,
  facts: Parameters<typeof noteEvent>[1]['facts'],
) {
  await noteEvent(database, { key, worker, at: clock.now(), facts });
}

const payout = {
  source: 'payout',
  state: 'final',
  asset: 'ETH',
  amount: '4213000000000001',
} as const;

test('a payout reaches those channels of its worker that chose payouts, with a signature', async (t) => {
  const receiver = await startImitation(() => ({ status: 204 }));
  const discord = await startImitation(() => ({ status: 204 }));
  const notices = start(t, [receiver.host, discord.host]);
  const kiln = await newWorker('kiln-1');
  const { secret } = await notices.channels.add(owner(kiln), {
    type: 'webhook',
    target: `${receiver.url}/hooks`,
  });
  await notices.channels.add(owner(kiln), {
    type: 'discord',
    target: `${discord.url}${WEBHOOK}`,
    kinds: ['quarantine'],
  });
  await happens(kiln, 'payout:1', payout);
  await happens(kiln, 'payout:1', payout);
  await notices.settle();

  assert.equal(receiver.received.length, 1);
  assert.equal(discord.received.length, 0, 'it did not choose payouts');
  const [got] = receiver.received;
  assert.ok(got && secret);
  const message = {
    timestamp: String(got.headers['tributary-timestamp']),
    signature: String(got.headers['tributary-signature']),
    body: got.body,
  };
  assert.ok(isWebhookSigned(secret, message, clock.now()));
  assert.ok(!isWebhookSigned(secret, { ...message, body: `${got.body} ` }, clock.now()));
  assert.ok(!isWebhookSigned(secret, message, clock.now() + 600_000), 'an old one is refused');
  const body = JSON.parse(got.body) as { id: string; notices: { kind: string; todo: unknown }[] };
  assert.equal(body.id, got.headers['tributary-delivery']);
  assert.deepEqual([body.notices[0]?.kind, body.notices[0]?.todo], ['payout_sent', null]);
});

test('Discord is written to without markup, and its 429 is waited for as long as it says', async (t) => {
  const discord = await startImitation((_, count) =>
    count === 1
      ? {
          status: 429,
          headers: { 'retry-after': '65' },
          body: '{"message":"You are being rate limited.","retry_after":64.57,"global":false}',
        }
      : { status: 204 },
  );
  const notices = start(t, [discord.host]);
  const rig = await newWorker('rig_2');
  await notices.channels.add(owner(rig), { type: 'discord', target: `${discord.url}${WEBHOOK}` });
  await happens(rig, 'offline:rig', { source: 'offline', since: clock.now() });
  await notices.settle();
  assert.equal(discord.received.length, 1);
  clock.advance(64_000);
  await notices.settle();
  assert.equal(discord.received.length, 1, 'not before it may');
  clock.advance(600);
  await notices.settle();
  assert.equal(discord.received.length, 2);
  const said = JSON.parse(discord.received[1]?.body ?? '') as {
    content: string;
    allowed_mentions: object;
  };
  assert.match(said.content, /^\*\*rig\\_2 is offline\*\*\n/);
  assert.deepEqual(said.allowed_mentions, { parse: [] });
});

test('a deleted webhook is given up at once, listed, and sent again when it is replayed', async (t) => {
  let status = 404;
  const discord = await startImitation(() => ({ status }));
  const notices = start(t, [discord.host]);
  const worker = await newWorker('gone-1');
  const { channel } = await notices.channels.add(owner(worker), {
    type: 'discord',
    target: `${discord.url}${WEBHOOK}`,
  });
  await happens(worker, 'payout:gone', payout);
  await notices.settle();
  const [dead] = await notices.letters({ state: 'dead', limit: 10 });
  assert.equal(dead?.reason, 'status_404');
  const [stopped] = await notices.channels.list(owner(worker));
  assert.equal(stopped?.stopped?.because, 'status_404');

  status = 204;
  await notices.channels.change(owner(worker), channel.id, { stopped: false });
  assert.equal(await notices.replay(dead.id), 1);
  await notices.settle();
  assert.deepEqual(await notices.letters({ state: 'dead', limit: 10 }), []);
  assert.equal(discord.received.length, 2);
  await assert.rejects(notices.replay('00000000-0000-0000-0000-000000000000'), {
    code: 'notice_unknown',
  });
});

test('a receiver that hangs keeps nobody else waiting, and is tried again later', async (t) => {
  const hanging = await startImitation(() => 'hang');
  const ntfy = await startImitation(() => ({ status: 200, body: '{}' }));
  const notices = start(t, [hanging.host, ntfy.host]);
  const slow = await newWorker('slow-1');
  const quick = await newWorker('quick-1');
  await notices.channels.add(owner(slow), { type: 'webhook', target: hanging.url });
  await notices.channels.add(owner(quick), {
    type: 'ntfy',
    target: `${ntfy.url}/my-topic`,
    token: 'tk_abc',
  });
  await happens(slow, 'payout:slow', payout);
  await happens(quick, 'payout:quick', payout);
  await notices.settle();
  const [sent] = ntfy.received;
  assert.equal(sent?.path, '/');
  assert.equal(sent?.headers.authorization, 'Bearer tk_abc');
  assert.equal((JSON.parse(sent?.body ?? '') as { topic: string }).topic, 'my-topic');
  const [letter] = await notices.letters({ owner: owner(slow), limit: 1 });
  assert.deepEqual(
    [letter?.state, letter?.attempts, letter?.reason],
    ['waiting', 1, 'unreachable'],
  );
});

test('a redirect into the own network is not followed, and private addresses are refused', async (t) => {
  const inside = await startImitation(() => ({ status: 200 }));
  const outside = await startImitation(() => ({ status: 302, headers: { location: inside.url } }));
  const notices = start(t, [outside.host]);
  const worker = await newWorker('curious-1');
  await notices.channels.add(owner(worker), { type: 'webhook', target: outside.url });
  await happens(worker, 'payout:curious', payout);
  await notices.settle();
  assert.equal(outside.received.length, 1);
  assert.equal(inside.received.length, 0);
  const [letter] = await notices.letters({ owner: owner(worker), limit: 1 });
  assert.deepEqual([letter?.state, letter?.reason], ['dead', 'status_302']);
  for (const target of [
    inside.url,
    'http://169.254.169.254/latest',
    'https://[::1]/',
    'https://10.0.0.1/x',
    'http://example.com/plain',
    'https://user:word@example.com/',
    'file:///etc/passwd',
  ]) {
    const adding = notices.channels.add(owner(worker), { type: 'webhook', target });
    await assert.rejects(adding, { code: 'notice_channel_invalid' }, target);
  }
});

test('fifty notices at once to one place are a few letters, and none is lost', async (t) => {
  const receiver = await startImitation(() => ({ status: 200 }));
  const notices = start(t, [receiver.host]);
  const many = await newWorker('many-1');
  await notices.channels.add(owner(many), { type: 'webhook', target: receiver.url });
  for (let i = 0; i < 50; i++) await happens(many, `payout:many:${i}`, payout);
  await notices.settle();
  await notices.settle();
  const told = receiver.received.flatMap(
    ({ body }) => (JSON.parse(body) as { notices: { id: string }[] }).notices,
  );
  assert.equal(new Set(told.map(({ id }) => id)).size, 50);
  assert.ok(receiver.received.length <= 20, `${receiver.received.length} letters`);
});

test('two nodes that send from one database send each letter once', async (t) => {
  const receiver = await startImitation(() => ({ status: 200 }));
  const [one, other] = [start(t, [receiver.host]), start(t, [receiver.host])];
  const worker = await newWorker('twice-1');
  await one.channels.add(owner(worker), { type: 'webhook', target: receiver.url });
  for (let i = 0; i < 5; i++) {
    await happens(worker, `payout:twice:${i}`, payout);
    await Promise.all([one.settle(), other.settle()]);
  }
  await one.settle();
  const told = receiver.received.flatMap(
    ({ body }) => (JSON.parse(body) as { notices: { id: string }[] }).notices,
  );
  assert.equal(told.length, 5);
});

test('two workers of one person that name one place hear once of what is for everybody', async (t) => {
  const receiver = await startImitation(() => ({ status: 200 }));
  const notices = start(t, [receiver.host]);
  for (const name of ['pair-1', 'pair-2']) {
    await notices.channels.add(owner(await newWorker(name)), {
      type: 'webhook',
      target: receiver.url,
    });
  }
  await notices.send({ title: 'New gateway', text: 'A large gateway begins tomorrow <b>.' });
  await notices.settle();
  assert.equal(receiver.received.length, 1);
  const [open] = await notices.open({ before: undefined, limit: 1 });
  assert.equal(open?.title, 'New gateway');
  await assert.rejects(notices.send({ title: 'a\nb', text: 'x' }), {
    code: 'notice_channel_invalid',
  });
});

test('what channels hold cannot be read in their table, and nobody sees those of others', async (t) => {
  const notices = start(t, []);
  const worker = await newWorker('private-1');
  const { channel } = await notices.channels
    .add(owner(worker), {
      type: 'discord',
      target: 'https://discord.com/api/webhooks/123456789012345678/verysecrettoken_of_this_hook',
    })
    .catch((error: { code: string }) => {
      // Without a name server nothing is known of discord.com: refused, and nothing is stored.
      assert.equal(error.code, 'notice_channel_invalid');
      return { channel: undefined };
    });
  const { rows } = await database.query<{ all: string }>(
    sql`select coalesce(string_agg(encode(sealed, 'escape') || shown, ''), '') as all from notice_channel`,
  );
  assert.doesNotMatch(rows[0]?.all ?? '', /verysecret|abcdefghijklmnop|tk_abc/);
  const stranger = owner(await newWorker('stranger-1'));
  const id = channel?.id ?? 'aaaaaaaaaaaaaaaa';
  await assert.rejects(notices.channels.remove(stranger, id), { code: 'notice_channel_unknown' });
  await assert.rejects(notices.channels.test(stranger, '../../x'), {
    code: 'notice_channel_unknown',
  });
});

test('a credential that is used from another network is told, and from the same one is not', async (t) => {
  const notices = start(t, []);
  const worker = await newWorker('moving-1');
  const told = async () =>
    (await notices.all({ worker }, { before: undefined, limit: 10 })).map(({ kind }) => kind);
  notices.places.seen(worker, '198.51.100.7');
  await notices.settle();
  notices.places.seen(worker, '::ffff:198.51.77.9');
  await notices.settle();
  assert.deepEqual(await told(), [], 'the first place, and another address of it');
  notices.places.seen(worker, '203.0.113.9');
  await notices.settle();
  assert.deepEqual(await told(), ['new_place']);
  const { rows } = await database.query<{ all: string }>(
    sql`select string_agg(n::text, '') || (select string_agg(p::text, '') from notice_place p) as all from notice n`,
  );
  assert.doesNotMatch(rows[0]?.all ?? '', /203\.0|198\.51/);
});

test('a notice that waits while the pool is killed is sent by the next one', async (t) => {
  const receiver = await startImitation(() => ({ status: 200 }));
  const worker = await newWorker('late-1');
  const first = start(t, [receiver.host]);
  await first.channels.add(owner(worker), { type: 'webhook', target: receiver.url });
  await first.close();
  await happens(worker, 'payout:late', payout);
  await database.query(sql`update notice_event set due_at = '-infinity' where key = 'payout:late'`);
  const second = start(t, [receiver.host]);
  await second.settle();
  assert.equal(receiver.received.length, 1);
  assert.equal((await second.letters({ owner: owner(worker), limit: 1 }))[0]?.state, 'sent');
});

test('a letter that a node took and died with is sent by another one, under the same id', async (t) => {
  const receiver = await startImitation(() => ({ status: 200 }));
  const worker = await newWorker('orphan-1');
  const second = start(t, [receiver.host]);
  await second.channels.add(owner(worker), { type: 'webhook', target: receiver.url });
  await second.close();
  await happens(worker, 'payout:orphan', payout);
  await compose(
    {
      database,
      log: quiet,
      terms: async () => defaultTermsOf(),
      currentTerms: async () => defaultTermsOf(),
    },
    clock.now(),
  );
  // What a node does before it sends: then it is killed.
  const [taken] = await claimDeliveries(database, {
    ...{ type: 'webhook', most: 1, now: clock.now(), until: clock.now() + 180_000 },
  });
  assert.ok(taken);
  const third = start(t, [receiver.host]);
  await third.settle();
  assert.equal(receiver.received.length, 0, 'it may still be on its way');
  clock.advance(181_000);
  await third.settle();
  assert.deepEqual(
    receiver.received.map(({ headers }) => headers['tributary-delivery']),
    [taken.id],
  );
});

test('a pool that stops does not wait for a server that hangs; the letter waits for the next start', async (t) => {
  const came = Promise.withResolvers<void>();
  const hanging = await startImitation(() => {
    came.resolve();
    return 'hang';
  });
  const worker = await newWorker('stopping-1');
  const notices = start(t, [hanging.host], 600_000);
  await notices.channels.add(owner(worker), { type: 'webhook', target: hanging.url });
  await happens(worker, 'payout:stopping', payout);
  const settled = notices.settle();
  await came.promise;
  let closed = false;
  const closing = notices.close().then(() => {
    closed = true;
  });
  while (!closed) {
    clock.advance(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await closing;
  assert.ok(hanging.sockets.size > 0, 'it hangs as before');
  for (const socket of hanging.sockets) socket.destroy();
  await settled;
  const [letter] = await start(t, []).letters({ owner: owner(worker), limit: 1 });
  assert.equal(letter?.state, 'waiting');
});
