import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type AnySetting, envOf, keyOf } from './base/command.ts';
import { resolveSettings } from './base/settings.ts';
import { configSetting } from './base/standard-settings.ts';
import type { Io } from './base/terminal.ts';
import { commands, run, version } from './cli.ts';

const BIN = join(import.meta.dirname, '../bin/tributary');

test('help lists every command, and each page of it fits 80 columns', async () => {
  const { code, out } = await call(['help']);
  assert.equal(code, 0);
  for (const { name } of commands) assert.match(out, new RegExp(`^  ${name} `, 'm'));
  const groups = commands.map(({ name }) => name.split(' ')[0] as string);
  const pages = [[], ...groups.map((name) => [name]), ...commands.map(({ name }) => [name])];
  for (const words of pages) {
    const page = await call(['help', ...words.flatMap((name) => name.split(' '))]);
    for (const line of page.out.split('\n')) assert.ok([...line].length <= 80, line);
  }
});

test('an example that fills several lines is one command to a shell', async () => {
  for (const { name, examples = [] } of commands) {
    const { out } = await call(['help', ...name.split(' ')]);
    const whole = out.replaceAll(/ \\\n +/g, ' ');
    for (const example of examples) assert.ok(whole.includes(`\n  ${example}\n`), example);
  }
});

test('each command has a page, by help and by --help', async () => {
  for (const { name, summary } of commands) {
    const byHelp = await call(['help', ...name.split(' ')]);
    const byOption = await call([...name.split(' '), '--help']);
    assert.equal(byHelp.code, 0);
    assert.ok(byHelp.out.replaceAll('\n', ' ').startsWith(summary));
    assert.equal(byOption.out, byHelp.out);
  }
});

test('an unknown command is refused with the nearest', async () => {
  assert.match((await refused(['pol'])).err, /"pol" is not a command. Did you mean pool\?/);
  assert.match((await refused(['workers', 'ad'])).err, /Did you mean workers add\?/);
  assert.match((await refused(['worker'])).err, /worker join/);
});

test('pool settings prints each value and where it came from, and no secret', async () => {
  const env = { TRIBUTARY_ADMIN_TOKEN: 'hush-hush', TRIBUTARY_DATA_DIR: '/data' };
  const { out } = await call(['pool', 'settings', '--service-addr', 'a.example:1'], env);
  assert.match(out, /^data-dir +\/data +environment variable TRIBUTARY_DATA_DIR$/m);
  assert.match(out, /^service-addr +a.example:1 +--service-addr on the command line$/m);
  assert.match(out, /^admin-addr +127.0.0.1:7935 +default$/m);
  assert.match(out, /^admin-token +\(secret\) +environment/m);
  assert.doesNotMatch(out, /hush/);
});

test('a wrong option says what is wrong, what to do, and exits with 2', async () => {
  const { err } = await refused(['pool', 'settings', '--service-adr', 'x', '--data-dir', 'd']);
  assert.match(err, /--service-adr is not an option. Did you mean --service-addr\?/);
  assert.match(err, /Correct the named option.*\n?\(setting_invalid\)/);
});

test('a misspelt variable is mentioned and does no harm', async () => {
  const env = { TRIBUTARY_DATADIR: 'x', TRIBUTARY_SERVICE_ADDR: 'a:1', TRIBUTARY_DATA_DIR: 'd' };
  const { code, err } = await call(['pool', 'settings'], env);
  assert.equal(code, 0);
  assert.match(err, /TRIBUTARY_DATADIR is set.*Did you mean TRIBUTARY_DATA_DIR\?/);
});

test('bin/tributary works through a link from anywhere', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-bin-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const link = join(folder, 'tributary');
  symlinkSync(BIN, link);
  const child = spawn(link, ['version'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const [out, [code]] = await Promise.all([textOf(child.stdout), once(child, 'exit')]);
  assert.equal(code, 0);
  assert.equal(out, `tributary ${version}\n`);
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} to bin/tributary ends the program itself`, async (t) => {
    const { port, connected } = await startSilentServer(t);
    const args = ['workers', 'list', '--admin-url', `http://127.0.0.1:${port}`];
    const env = { ...process.env, TRIBUTARY_ADMIN_TOKEN: 'token' };
    const child = spawn(BIN, args, { env, stdio: 'ignore' });
    const socket = await connected;
    socket.resume();
    const closed = once(socket, 'close');
    child.kill(signal);
    assert.deepEqual(await once(child, 'exit'), [null, signal]);
    await closed;
  });
}

test('a rejection that nobody handles ends the program with its text and code 70', async (t) => {
  const { port } = await startSilentServer(t);
  // Adrift as soon as somebody listens for it.
  const stray = `const timer = setInterval(() => {
    if (process.listenerCount('unhandledRejection') === 0) return;
    clearInterval(timer);
    Promise.reject(new Error('adrift'));
  }, 5)`;
  const env = {
    ...process.env,
    TRIBUTARY_ADMIN_TOKEN: 'token',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(stray)}`,
  };
  const args = ['workers', 'list', '--admin-url', `http://127.0.0.1:${port}`];
  const child = spawn(BIN, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const [err, [code]] = await Promise.all([textOf(child.stderr), once(child, 'exit')]);
  assert.equal(code, 70);
  assert.match(err, /Error: adrift/);
  assert.match(err, /This is a defect of Tributary.*\(internal\)/);
});

test('the demo says before anything starts that it cannot write its folder', async () => {
  const { code, out, err } = await call(['demo', '--output', join(BIN, 'demo-output')]);
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /Nothing can be written: .*demo-output.*\nGive a folder that you may write to/);
});

test('a folder that cannot be made is named at once, by every command that fills one', async (t) => {
  const folder = join(BIN, 'below-a-file');
  const scratch = mkdtempSync(join(tmpdir(), 'tributary-seed-'));
  t.after(() => rmSync(scratch, { recursive: true }));
  const seed = join(scratch, 'pools.txt');
  writeFileSync(seed, 'https://pool.example\n');
  const alone = '--http-addr=off --admin-addr=127.0.0.1:0 --service-addr=127.0.0.1:1'.split(' ');
  const worker = ['--orch-addr=a:1', '--credential=x'];
  const cases = [
    ['data_directory_unusable', 'pool', '--data-dir', folder, ...alone],
    ['data_directory_unusable', 'directory', '--data-dir', folder, '--seed', seed],
    ['data_directory_unusable', 'backup', 'restore', BIN, '--data-dir', folder],
    ['receipts_unwritable', 'worker', 'join', ...worker, '--receipts', folder],
    ['output_unwritable', 'verify', '--pool', scratch, '--worker=x', '--keep', folder],
    ['devnet_failed', 'devnet', '--port=0', '--state-file', join(folder, 'chain.json')],
    ['output_unusable', 'terms', 'init', '--output', join(folder, 'terms.toml')],
  ] as const;
  for (const [code, ...args] of cases) {
    const { code: exit, err } = await call(args);
    assert.equal(exit, 1, err);
    assert.match(err, /below-a-file/);
    assert.match(err, new RegExp(`\\(${code}\\)\n$`));
  }
});

test('a folder that is mistyped is named, and neither filled nor taken for a pool', async () => {
  const typo = join(tmpdir(), 'tributary-not-there');
  const recover = await call(['ledger', 'recover', '--data-dir', typo]);
  assert.match(recover.err, /no database of a pool below .*tributary-not-there/);
  assert.ok(!existsSync(typo));
  const verify = await call(['verify', '--pool', typo, '--worker', 'x']);
  assert.match(verify.err, /tributary-not-there is neither a URL nor a folder/);
  assert.doesNotMatch(verify.out, /WRONG/);
  const away = await call(['verify', '--pool', 'http://127.0.0.1:1', '--worker', 'x']);
  assert.match(away.err, /cannot be fetched from 127\.0\.0\.1:1 \((?!fetch failed)/);
});

test('what is missing is said in lines of 80 columns, with where to read on', async () => {
  for (const words of ['disputes open', 'gateway push', 'workers add', 'pool']) {
    const { err } = await refused(words.split(' '));
    for (const line of err.split('\n')) assert.ok(line.length <= 80, line);
    assert.match(err, /`--help`/);
  }
});

async function refused(args: readonly string[]) {
  const result = await call(args);
  assert.equal(result.code, 2);
  assert.equal(result.out, '');
  return result;
}

async function call(args: readonly string[], env: Io['env'] = {}) {
  let out = '';
  let err = '';
  const stdout = {
    write: (text: string) => {
      out += text;
    },
  };
  const stderr = {
    write: (text: string) => {
      err += text;
    },
  };
  const code = await run(args, { stdout, stderr, env, isTty: false, columns: 80 });
  return { code, out, err };
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** Takes connections and never answers. */
async function startSilentServer(t: TestContext) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const connected = once(server, 'connection').then(([socket]) => {
    const taken = socket as Socket;
    taken.on('error', () => {}); // a killed client resets; the close is what is waited for
    return taken;
  });
  return { port: address.port, connected };
}

/** Values, one of which each setting takes that does not tell of one in its own words. */
const SAMPLES = [
  ...['true', '7', '30s', '64MiB', '0.5', 'auto', 'off', 'cpu', '21000', '127.0.0.1:1234'],
  ...['https://a.example', 'postgres://a.example/x', 'https://a.example:8935', 'some-text'],
  ...[
    'smtps://a.example',
    'pool@example.org',
    'ETH=1',
    `0x${'1'.repeat(40)}`,
    `0x${'1'.repeat(40)}=1/2`,
  ],
  ...['{"gateways":[]}', '{"capabilities_prices":[]}', '0.0004 ETH per 1e9 pixels'],
  ...['a1'.repeat(32), `TicketBroker=0x${'1'.repeat(40)}`],
];

test('each option of each command is a flag, a variable and a key of the file', () => {
  for (const command of commands) {
    const settings = Object.entries<AnySetting>(command.settings);
    for (const [name, setting] of settings) {
      if (name === 'config' || setting.positional === 'only') continue;
      const { type } = setting;
      const told = /(?:^one of:?|such as) "?([^\s",;]+)/.exec(type.allowed)?.slice(1) ?? [];
      const value = [...told, ...SAMPLES].find((text) => type.schema.safeParse(text).success);
      assert.ok(value !== undefined, `${command.name} --${keyOf(name)}: ${type.allowed}`);
      // Alone, so that neither what is required nor what goes together is in its way.
      const alone = {
        name: command.name,
        summary: '',
        settings: { config: configSetting, [name]: setting },
      };
      const from = (args: readonly string[], env: Record<string, string>, file = '') =>
        resolveSettings(alone, { args, env, readFile: () => file });
      const flag = from([`--${keyOf(name)}=${value}`], {});
      const variable = from([], { [envOf(name)]: value });
      const key = from(['--config', 'x.toml'], {}, `${keyOf(name)} = '''${value}'''`);
      assert.deepEqual(variable.values, flag.values, name);
      assert.deepEqual(key.values[name], flag.values[name], name);
      const origins = [flag, variable, key].map(({ origins: found }) => found[name]);
      assert.deepEqual(origins, [
        { from: 'flag', as: `--${keyOf(name)}` },
        { from: 'env', as: envOf(name) },
        { from: 'file', as: keyOf(name), path: 'x.toml' },
      ]);
    }
  }
});
