import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openScratch } from './scratch.ts';
import { createSecrets } from './secrets.ts';

const scratch = await openScratch();
after(() => scratch[Symbol.asyncDispose]());
const node = createSecrets(scratch.database);
const other = createSecrets(scratch.database);

test('nodes that start together share one key, of one purpose only', async () => {
  const loads = [node, other, node, other].map((secrets) => secrets.load('auth_token'));
  const keys = (await Promise.all(loads)).map(([newest]) =>
    Buffer.from(newest.key).toString('hex'),
  );
  assert.equal(new Set(keys).size, 1);
  const [source] = await node.load('source_url');
  assert.notEqual(Buffer.from(source.key).toString('hex'), keys[0]);
});

test('a rotated key comes first, the one before stays valid for the overlap', async () => {
  const changed = Promise.withResolvers<string | undefined>();
  const listening = await other.onChange((purpose) => changed.resolve(purpose));
  await node.rotate('auth_token', 60_000);
  assert.equal(await changed.promise, 'auth_token');
  await listening.stop();
  const versions = (await other.load('auth_token')).map(({ version }) => version);
  assert.deepEqual(versions, [2, 1]);
});

test('after the overlap only the newest is valid', async () => {
  await node.rotate('source_url', 0);
  const secrets = await node.load('source_url');
  assert.deepEqual(
    secrets.map(({ version }) => version),
    [2],
  );
});

test('a version goes no later than an earlier rotation said', async () => {
  await node.rotate('api', 60_000);
  const [, first] = await node.load('api');
  await node.rotate('api', 3_600_000);
  const after = await node.load('api');
  assert.deepEqual(
    after.find(({ version }) => version === first?.version),
    first,
  );
  await node.rotate('api', 0);
  assert.equal((await node.load('api')).length, 1, 'and at once where that is asked for');
});
