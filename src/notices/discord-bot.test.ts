import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { after, test } from 'node:test';
import { FakeClock } from '../base/clock.ts';
import { openScratch } from '../database/scratch.ts';
import { createWorkers } from '../workers/workers.ts';
import { createDiscordBot, readDiscordKey } from './discord-bot.ts';
import { createSeal } from './seal.ts';

const scratch = await openScratch();
const { database } = scratch;
const workers = await createWorkers({ database });
after(async () => {
  await workers.close();
  await scratch[Symbol.asyncDispose]();
});
const clock = new FakeClock(1_790_000_000_000);
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
const key = readDiscordKey(raw);
assert.ok(key);
const bot = createDiscordBot({
  ...{ key, database, clock },
  seal: createSeal(new Uint8Array(32).fill(3)),
  answers: {
    status: async ({ name }) => `Working. ${name} @everyone`,
    earnings: async () => 'Owed now: 0.004213 ETH',
    why: async () => 'Nothing is wrong: demand is low.',
  },
});

interface Answer {
  readonly type: number;
  readonly data?: { readonly content: string; readonly flags: number };
}

function ask(interaction: unknown, options: { by?: KeyObject; at?: number } = {}) {
  const { by = privateKey, at = clock.now() } = options;
  const body = typeof interaction === 'string' ? interaction : JSON.stringify(interaction);
  const timestamp = String(Math.floor(at / 1000));
  const signature = sign(null, Buffer.from(timestamp + body), by).toString('hex');
  return bot.answer({ signature, timestamp, body }) as Promise<Answer | undefined>;
}

const USER = '123456789012345678';
const command = (name: string, code?: string, user = USER) => ({
  type: 2,
  data: { name, ...(code === undefined ? {} : { options: [{ name: 'code', value: code }] }) },
  member: { user: { id: user } },
});

test("Discord's ping is answered, and what it did not sign is not", async () => {
  assert.deepEqual(await ask({ type: 1 }), { type: 1 });
  const forger = generateKeyPairSync('ed25519').privateKey;
  assert.equal(await ask({ type: 1 }, { by: forger }), undefined);
  assert.equal(
    await ask({ type: 1 }, { at: clock.now() - 600_000 }),
    undefined,
    'kept by somebody',
  );
  const timestamp = String(Math.floor(clock.now() / 1000));
  for (const signature of ['', 'zz', '0'.repeat(128), '0'.repeat(10_000)]) {
    assert.equal(await bot.answer({ signature, timestamp, body: '{"type":1}' }), undefined);
  }
  for (const body of ['', 'null', '[]', '{"type":2}', '{"type":2,"data":{"name":{}}}', '<html>']) {
    assert.match((await ask(body))?.data?.content ?? '', /does not know/, body);
  }
});

test('who linked its Discord user by a code is answered, and sees the answer alone', async () => {
  const added = await workers.add({ name: 'kiln_7' });
  assert.ok(added.ok);
  const owner = { kind: 'worker', id: added.worker.id } as const;
  assert.match((await ask(command('status')))?.data?.content ?? '', /linked with no worker/);
  const { code } = await bot.newCode(owner);
  assert.match((await ask(command('link', code)))?.data?.content ?? '', /^Linked/);
  const again = await ask(command('link', code, '999999999999'));
  assert.match(again?.data?.content ?? '', /not a code/, 'good once');

  const status = await ask(command('status'));
  assert.equal(status?.data?.flags, 64);
  assert.equal(
    status?.data?.content,
    '**kiln\\_7**\nWorking. kiln\\_7 @\u200beveryone',
    'nothing of it is markup, and nobody is called',
  );
  assert.match((await ask(command('earnings')))?.data?.content ?? '', /0\.004213 ETH/);
  assert.match((await ask(command('why')))?.data?.content ?? '', /demand is low/);
  assert.match((await ask(command('drop')))?.data?.content ?? '', /no such command/);
  assert.equal(await bot.unlink(owner), 1);
  assert.match((await ask(command('why')))?.data?.content ?? '', /linked with no worker/);
});

test('a code ends after ten minutes, and guessing ends after five tries', async () => {
  const added = await workers.add({ name: 'kiln-8' });
  assert.ok(added.ok);
  const { code } = await bot.newCode({ kind: 'worker', id: added.worker.id });
  const guesser = '222222222222';
  for (let i = 0; i < 5; i++) {
    assert.match(
      (await ask(command('link', `guess${i}`, guesser)))?.data?.content ?? '',
      /not a code/,
    );
  }
  assert.match((await ask(command('link', code, guesser)))?.data?.content ?? '', /too often/);
  clock.advance(600_001);
  assert.match((await ask(command('link', code, guesser)))?.data?.content ?? '', /not a code/);
});
