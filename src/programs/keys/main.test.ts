import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Io } from '../../base/terminal.ts';
import { type KeysParts, run } from './main.ts';

/** An account that every development chain knows. */
const KEY = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const ADDRESS = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';

test('keys new --json prints address and file, and nothing else; keys show agrees', async (t) => {
  const { at, keys } = place(t);
  const { out, err } = await keys(['new', '--json']);
  const made = JSON.parse(out);
  assert.deepEqual(Object.keys(made), ['address', 'file']);
  assert.match(made.address, /^0x[0-9a-fA-F]{40}$/);
  assert.ok(made.file.startsWith(at('keystore/UTC--')));
  assert.equal(out.split('\n').length, 2);
  assert.equal(err, '');
  const shown = await keys(['show', '--json'], { passwordFile: false });
  assert.deepEqual(JSON.parse(shown.out), made);
  const opened = await keys(['show', '--json', '--address', made.address]);
  assert.deepEqual(JSON.parse(opened.out), made);
  const again = await keys(['new', '--json']);
  assert.notEqual(JSON.parse(again.out).address, made.address);
  await refused(keys(['show']), 'keystore_ambiguous');
});

test('a private key comes in from a file or by pipe, with or without 0x', async (t) => {
  for (const [text, piped] of [
    [`${KEY}\n`, true],
    [`0x${KEY.toUpperCase()}`, false],
  ] as const) {
    const { at, keys } = place(t);
    writeFileSync(at('key'), text, { mode: 0o600 });
    const args = piped ? ['import', '--json'] : ['import', at('key'), '--json'];
    const { out, err } = await keys(args, { piped: text });
    assert.equal(JSON.parse(out).address, ADDRESS);
    assert.equal(err, '');
    assert.doesNotMatch(readFileSync(JSON.parse(out).file, 'utf8'), new RegExp(KEY, 'i'));
    await refused(keys(args, { piped: text }), 'keystore_taken');
  }
});

test('a key file of another program comes in with its own password', async (t) => {
  const { at, keys } = place(t);
  const first = JSON.parse((await keys(['import', '--json'], { piped: KEY })).out);
  writeFileSync(at('other'), 'another', { mode: 0o600 });
  const target = ['--keystore', at('second'), '--password-file', at('other'), '--json'];
  await refused(keys(['import', first.file, ...target], { bare: true }), 'password_wrong');
  const more = ['--from-password-file', at('password')];
  const { out } = await keys(['import', first.file, ...target, ...more], { bare: true });
  assert.equal(JSON.parse(out).address, ADDRESS);
  const show = ['show', '--keystore', at('second'), '--password-file'];
  await keys([...show, at('other')], { bare: true });
  await refused(keys([...show, at('password')], { bare: true }), 'password_wrong');
});

test('what is no key is refused without being repeated', async (t) => {
  const { keys } = place(t);
  const high = 'f'.repeat(64);
  for (const piped of ['', KEY.slice(1), `${KEY}00`, '0'.repeat(64), high, '{"version":3}']) {
    const error = await refused(keys(['import'], { piped }), 'private_key_invalid');
    if (piped.length > 20) assert.ok(!error.includes(piped.slice(0, 20)));
  }
  await refused(keys(['import'], { piped: 'x'.repeat(100_000) }), 'private_key_invalid');
  await refused(keys(['import', '/nonexistent']), 'input_missing');
  await refused(keys(['import'], { tty: true }), 'input_missing');
});

test('an empty password is refused, and one that others can read is warned about', async (t) => {
  const { at, keys } = place(t);
  chmodSync(at('password'), 0o644);
  const { out, err } = await keys(['new', '--json']);
  assert.match(err, /Others can read the password .* chmod 600/);
  assert.ok(JSON.parse(out).file);
  writeFileSync(at('password'), ' \n');
  await refused(keys(['new']), 'password_unusable');
});

test('a key file that others can read is refused, with what to do', async (t) => {
  const { keys } = place(t);
  const { file } = JSON.parse((await keys(['new', '--json'])).out);
  chmodSync(file, 0o644);
  await refused(keys(['show']), 'keystore_exposed');
  await refused(keys(['show', '--address', '0x12']), 'setting_invalid');
});

test('a directory that cannot be one is said so', async (t) => {
  const { at, keys } = place(t);
  const target = ['--keystore', at('password'), '--password-file', at('password')];
  await refused(keys(['new', ...target], { bare: true }), 'keystore_unwritable');
});

async function refused(ran: Promise<unknown>, code: string): Promise<string> {
  let message = '';
  await assert.rejects(ran, (error: Error & { code?: string }) => {
    message = error.message;
    assert.equal(error.code, code);
    return true;
  });
  return message;
}

interface Call {
  readonly piped?: string;
  readonly tty?: boolean;
  readonly passwordFile?: false;
  readonly bare?: true;
}

function place(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'tributary-keys-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const at = (name: string) => join(dir, name);
  writeFileSync(at('password'), 'hush\n', { mode: 0o600 });
  const keys = async (args: readonly string[], call: Call = {}) => {
    let out = '';
    let err = '';
    const io: Io = {
      stdout: {
        write: (text) => {
          out += text;
        },
      },
      stderr: {
        write: (text) => {
          err += text;
        },
      },
      env: {},
      isTty: false,
      columns: 80,
    };
    const piped = [Buffer.from(call.piped ?? '')];
    const stdin = Object.assign(ReadableStream.from(piped), { isTTY: call.tty === true });
    const parts: KeysParts = { stdin, cost: { n: 2, r: 8, p: 1 } };
    const place = ['--keystore', at('keystore')];
    if (call.passwordFile !== false) place.push('--password-file', at('password'));
    const code = await run(call.bare ? args : [...args, ...place], io, parts);
    assert.equal(code, 0);
    return { out, err };
  };
  return { at, keys };
}
