import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../base/clock.ts';
import { addressOf } from '../protocol/signature.ts';
import { findKey, isExposed, openKey, readPassword, storeKey } from './keystore.ts';

const cost = { n: 2, r: 8, p: 1 };
const password = 'hush';
const [ONE, TWO, THREE] = [1, 2, 3].map((byte) => Buffer.alloc(32, byte)) as [
  Buffer,
  Buffer,
  Buffer,
];

test('a stored key has the name, mode and place that geth gives it, and opens again', async (t) => {
  const dir = join(folder(t), 'new/keystore');
  const clock = new FakeClock(Date.UTC(2026, 0, 31, 12, 5, 9, 7));
  const { file, address } = await storeKey({ dir, key: ONE, password, cost, clock });
  const name = `UTC--2026-01-31T12-05-09.007000000Z--${Buffer.from(addressOf(ONE)).toString('hex')}`;
  assert.equal(file, join(dir, name));
  assert.deepEqual(readdirSync(dir), [name]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  for (const path of [dir, file]) {
    const opened = await openKey({ path, password });
    assert.deepEqual({ ...opened, key: Buffer.from(opened.key) }, { file, address, key: ONE });
  }
});

test('a wrong password, a missing file and a damaged one are told apart', async (t) => {
  const dir = folder(t);
  const { file } = await storeKey({ dir, key: ONE, password, cost });
  await assert.rejects(openKey({ path: dir, password: 'hash' }), (error: Error) => {
    assert.equal((error as Error & { code: string }).code, 'password_wrong');
    assert.doesNotMatch(error.message, /hash|hush/);
    return true;
  });
  await assert.rejects(openKey({ path: join(dir, 'x'), password }), { code: 'keystore_missing' });
  writeFileSync(file, '{"version":3,');
  await assert.rejects(openKey({ path: file, password }), { code: 'keystore_invalid' });
  await assert.rejects(findKey(dir), { code: 'keystore_missing' });
  await assert.rejects(findKey('/dev/null'), { code: 'keystore_invalid' });
});

test('a key that others could read is refused until its mode is put right', async (t) => {
  const dir = folder(t);
  const { file } = await storeKey({ dir, key: ONE, password, cost });
  for (const mode of [0o644, 0o640, 0o604, 0o660]) {
    chmodSync(file, mode);
    assert.equal(await isExposed(file), true);
    for (const path of [dir, file]) {
      await assert.rejects(openKey({ path, password }), { code: 'keystore_exposed' });
      await assert.rejects(findKey(path), { code: 'keystore_exposed' });
    }
  }
  for (const mode of [0o600, 0o400]) {
    chmodSync(file, mode);
    assert.equal((await findKey(dir)).file, file);
  }
});

test('among several keys the address chooses', async (t) => {
  const dir = folder(t);
  const one = await storeKey({ dir, key: ONE, password, cost });
  const two = await storeKey({ dir, key: TWO, password, cost });
  writeFileSync(join(dir, 'README'), 'not a key');
  writeFileSync(join(dir, '.hidden'), 'not a key');
  await assert.rejects(findKey(dir), (error: Error) => {
    assert.equal((error as Error & { code: string }).code, 'keystore_ambiguous');
    return error.message.includes(one.file) && error.message.includes(two.file);
  });
  assert.equal((await findKey(dir, two.address)).file, two.file);
  const opened = await openKey({ path: dir, address: two.address, password });
  assert.deepEqual(Buffer.from(opened.key), TWO);
  const missing = { code: 'keystore_missing' };
  await assert.rejects(findKey(dir, addressOf(THREE)), missing);
  await assert.rejects(findKey(one.file, two.address), missing);
});

test('a key file that lies about its address is not used', async (t) => {
  const dir = folder(t);
  const { file } = await storeKey({ dir, key: ONE, password, cost });
  const liar = JSON.parse(readFileSync(file, 'utf8'));
  liar.address = Buffer.from(addressOf(TWO)).toString('hex');
  writeFileSync(file, JSON.stringify(liar));
  await assert.rejects(openKey({ path: dir, password }), { code: 'keystore_invalid' });
});

test('a key is stored once, and one without an address is known by its name', async (t) => {
  const dir = folder(t);
  const { file, address } = await storeKey({ dir, key: ONE, password, cost });
  await assert.rejects(storeKey({ dir, key: ONE, password, cost }), { code: 'keystore_taken' });
  const { address: _, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify(rest));
  assert.deepEqual(Buffer.from((await findKey(dir)).address ?? []), Buffer.from(address));
});

test('the password is what stands in its file, without the white space around it', async (t) => {
  const file = join(folder(t), 'password');
  writeFileSync(file, '  two words \r\n');
  assert.equal(await readPassword(file), 'two words');
  writeFileSync(file, 'x'.repeat(5000));
  await assert.rejects(readPassword(file), { code: 'password_unusable' });
  await assert.rejects(readPassword(`${file}s`), { code: 'password_unusable' });
});

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tributary-keys-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}
