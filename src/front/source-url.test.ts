import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { instant } from '../base/clock.ts';
import { newTaskId, newWorkerId, secureRandom } from '../base/ids.ts';
import { parseSourcePath, sourceGranted, sourcePath } from './source-url.ts';

const secret = secureRandom(32);
const task = newTaskId(secureRandom);
const worker = newWorkerId();
const expiresAt = instant(1_700_000_000_000);
const path = sourcePath(secret, { task, worker, expiresAt });

function parsed(text: string) {
  const found = parseSourcePath(text);
  assert.ok(found, text);
  return found;
}

test('a source path is good for its task and worker until it expires', () => {
  assert.equal(parsed(path).task, task);
  assert.equal(sourceGranted(secret, parsed(path), worker, expiresAt), true);
  assert.equal(sourceGranted(secret, parsed(path), worker, instant(expiresAt + 1)), false);
  assert.equal(sourceGranted(secret, parsed(path), newWorkerId(), expiresAt), false);
  assert.equal(sourceGranted(secureRandom(32), parsed(path), worker, expiresAt), false);
});

test('neither task nor expiry can be changed', () => {
  const [, , id = '', expires = '', mac = ''] = path.split('/');
  const other = `/source/${BigInt(id) ^ 1n}/${expires}/${mac}`;
  const later = `/source/${id}/${Number(expires) + 1}/${mac}`;
  for (const forged of [other, later]) {
    assert.equal(sourceGranted(secret, parsed(forged), worker, expiresAt), false, forged);
  }
});

test('no single changed character leaves a path that is granted', () => {
  const change = fc.tuple(fc.nat(path.length - 1), fc.string({ minLength: 1, maxLength: 1 }));
  fc.assert(
    fc.property(change, ([at, sign]) => {
      const changed = path.slice(0, at) + sign + path.slice(at + 1);
      const found = changed === path ? undefined : parseSourcePath(changed);
      assert.equal(found ? sourceGranted(secret, found, worker, instant(0)) : false, false);
    }),
  );
});

test('what is not a source path is none', () => {
  const [, , id = '', expires = '', mac = ''] = path.split('/');
  const none = [
    '',
    '/source/',
    `/source/${id}/${expires}`,
    `/source/0/${expires}/${mac}`,
    `/source/-${id}/${expires}/${mac}`,
    `/source/${2n ** 63n}/${expires}/${mac}`,
    `/source/${id}/${'9'.repeat(13)}/${mac}`,
    `/source/${id}/${expires}/${mac.slice(1)}`,
    `/source/${id}/${expires}/${mac.toUpperCase()}x`,
    `${path}/`,
    `${path}\n`,
    ` ${path}`,
  ];
  for (const text of none) assert.equal(parseSourcePath(text), undefined, text);
});
