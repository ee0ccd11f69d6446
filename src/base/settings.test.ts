import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineCommand } from './command.ts';
import { TributaryError } from './errors.ts';
import { helpText } from './help.ts';
import {
  address,
  byteSize,
  choice,
  integerOrAuto,
  listOf,
  onOff,
  serviceUrl,
  text,
  timeSpan,
} from './setting-types.ts';
import { resolveSettings, unknownVariables } from './settings.ts';
import { configSetting } from './standard-settings.ts';

const ferry = defineCommand({
  name: 'ferry sail',
  summary: 'Cross the river.',
  settings: {
    config: configSetting,
    captain: { type: text('NAME'), doc: 'Who steers.', positional: 'too' },
    serviceAddr: {
      type: address({ emptyHost: 'refused' }),
      doc: 'Where it lands.',
      required: true,
      aliases: { serviceAddr: true },
    },
    maxSessions: {
      type: integerOrAuto({ min: 1, max: 100 }),
      doc: 'How many passengers.',
      default: 'auto',
    },
    password: { type: text(), doc: 'The word.', secret: true },
    hosts: { type: listOf(text('HOST')), doc: 'Banks.', default: [] },
    horn: { type: onOff(), doc: 'Blow the horn.', default: false },
    mode: { type: choice(['fast', 'slow']), doc: 'How.', default: 'slow' },
    wait: { type: timeSpan({ min: 0, max: 60_000 }), doc: 'How long to wait.', default: 1000 },
    device: {
      type: text('DEVICE'),
      doc: 'Which boat.',
      default: 'any',
      aliases: { nvidia: (ids) => `nvidia:${ids}` },
    },
  },
  check: ({ horn, mode }) => (horn && mode === 'slow' ? 'Slow boats have no horn.' : undefined),
});

const landed = ['--service-addr', 'quay.example:8935'];

function sail(args: readonly string[], env: Record<string, string> = {}, file = '') {
  return resolveSettings(ferry, { args, env, readFile: () => file });
}

function complaint(...given: Parameters<typeof sail>): { code: string; message: string } {
  try {
    sail(...given);
  } catch (error) {
    assert.ok(error instanceof TributaryError);
    return { code: error.code, message: error.message };
  }
  return assert.fail('nothing was wrong with it');
}

test('a flag wins over a variable, that over the file, that over the default', () => {
  const env = { TRIBUTARY_MODE: 'fast', TRIBUTARY_CONFIG: 'boat.toml', TRIBUTARY_WAIT: '2s' };
  const file = 'mode = "slow"\nmax-sessions = 7\nwait = "9s"\n';
  const { values, origins } = sail([...landed, '--wait', '3s'], env, file);
  assert.equal(values.wait, 3000);
  assert.equal(values.mode, 'fast');
  assert.equal(values.maxSessions, 7);
  assert.equal(values.device, 'any');
  assert.deepEqual(origins.wait, { from: 'flag', as: '--wait' });
  assert.deepEqual(origins.mode, { from: 'env', as: 'TRIBUTARY_MODE' });
  assert.deepEqual(origins.maxSessions, { from: 'file', as: 'max-sessions', path: 'boat.toml' });
  assert.deepEqual(origins.device, { from: 'default' });
  assert.deepEqual(origins.captain, { from: 'nowhere' });
});

test('the file is read along the command: top, then [ferry], then [ferry.sail]', () => {
  const file = `
    device = "top"
    max-sessions = 1
    [ferry]
    device = "table"
    [ferry.sail]
    device = "inner"
    [ferry.moor]
    rope = 3
    [canal]
    lock = true
  `;
  const { values, origins } = sail([...landed, '--config', 'boat.toml'], {}, file);
  assert.equal(values.device, 'inner');
  assert.equal(values.maxSessions, 1);
  assert.deepEqual(origins.device, { from: 'file', as: 'ferry.sail.device', path: 'boat.toml' });
});

test('go-livepeer spelling, one dash, an equals sign and an adapted value are understood', () => {
  const { values } = sail(['-serviceAddr=[::1]:99', '-nvidia', '0,1', '-max-sessions', '4']);
  assert.deepEqual(values.serviceAddr, { host: '::1', port: 99 });
  assert.equal(values.device, 'nvidia:0,1');
  assert.equal(values.maxSessions, 4);
});

test('switches, lists and words without a name', () => {
  const args = ['Charon', ...landed, '--hosts', 'a, b', '--hosts=c', '--horn', '--mode', 'fast'];
  const { values } = sail(args);
  assert.equal(values.captain, 'Charon');
  assert.deepEqual(values.hosts, ['a', 'b', 'c']);
  assert.equal(values.horn, true);
  assert.equal(sail([...landed, '--no-horn'], { TRIBUTARY_HORN: 'yes' }).values.horn, false);
  assert.equal(sail([...landed, '--', '--odd']).values.captain, '--odd');
});

test('an empty variable counts as not set', () => {
  assert.equal(sail(landed, { TRIBUTARY_MODE: '' }).values.mode, 'slow');
});

test('a wrong value says what is wrong, what is allowed and where it came from', () => {
  assert.deepEqual(complaint(landed, { TRIBUTARY_MAX_SESSIONS: 'many' }), {
    code: 'setting_invalid',
    message:
      '--max-sessions cannot be "many" (environment variable TRIBUTARY_MAX_SESSIONS). It must be a whole number from 1 to 100, or auto.',
  });
  const fromFile = complaint([...landed, '--config', 'boat.toml'], {}, 'mode = 3').message;
  assert.match(fromFile, /--mode cannot be 3 \(mode in boat.toml\). It must be one of: fast, slow/);
});

test('everything that is wrong is said at once', () => {
  const { message } = complaint(['--horm', '--mode', 'brisk', '--wait', '1week', 'a', 'b']);
  assert.match(message, /--horm is not an option. Did you mean --horn\?/);
  assert.match(message, /--mode cannot be "brisk"/);
  assert.match(message, /--wait cannot be "1week"/);
  assert.match(message, /"b" is one word too many/);
});

test('a wrong secret is not repeated', () => {
  const { message } = complaint([...landed, '--password', '']);
  assert.match(message, /--password cannot be the given secret/);
});

test('a key of the file that does not exist is refused, with the nearest that does', () => {
  const { message } = complaint([...landed, '--config', 'boat.toml'], {}, 'max-session = 3');
  assert.match(message, /max-session in boat.toml is not a setting. Did you mean max-sessions\?/);
  assert.match(complaint([...landed, '--config', 'x'], {}, 'a = = 1').message, /is not TOML/);
});

test('what is missing is named with its flag and its variable', () => {
  const { code, message } = complaint([]);
  assert.equal(code, 'setting_missing');
  assert.match(message, /--service-addr HOST:PORT \(or TRIBUTARY_SERVICE_ADDR\): Where it lands/);
});

test('an option without its value, or given twice, is refused', () => {
  assert.match(complaint([...landed, '--mode', '--horn']).message, /--mode needs a value/);
  assert.match(complaint([...landed, '--mode', 'fast', '--mode=slow']).message, /given twice/);
});

test('rules over several settings are asked last', () => {
  assert.equal(complaint([...landed, '--horn']).message, 'Slow boats have no horn.');
});

test('a misspelt variable is found', () => {
  const known = new Set(['TRIBUTARY_DATA_DIR', 'TRIBUTARY_LISTEN']);
  assert.deepEqual(unknownVariables({ TRIBUTARY_DATADIR: '/x', HOME: '/' }, known), [
    { name: 'TRIBUTARY_DATADIR', nearest: 'TRIBUTARY_DATA_DIR' },
  ]);
});

test('help fits 80 columns and names every option with its default', () => {
  const help = helpText(ferry);
  assert.match(help, /tributary ferry sail \[NAME\] --service-addr HOST:PORT \[options\]/);
  assert.match(help, /--max-sessions N\|auto\n {6}How many passengers. Default: auto./);
  for (const line of help.split('\n')) assert.ok(line.length <= 80, line);
});

test('sizes, times and orchestrator addresses', () => {
  const size = byteSize({ min: 1, max: 2 ** 40 });
  assert.equal(size.schema.parse('1.5 GiB'), 1.5 * 2 ** 30);
  assert.equal(size.schema.parse(4096), 4096);
  assert.equal(size.schema.safeParse('1 GB').success, false);
  assert.equal(size.show?.(256 * 2 ** 20), '256MiB');
  assert.equal(timeSpan({ min: 0, max: 1e9 }).schema.parse('2 min'), 120_000);
  const orchestrator = serviceUrl().schema;
  assert.equal(orchestrator.parse('pool.example'), 'https://pool.example:8935');
  assert.equal(orchestrator.parse('pool.example:1'), 'https://pool.example:1');
  assert.equal(orchestrator.parse('https://pool.example:8935/'), 'https://pool.example:8935');
  for (const wrong of ['http://pool.example', 'https://a:b@c/', 'https://c/path', '']) {
    assert.equal(orchestrator.safeParse(wrong).success, false, wrong);
  }
});

test('an address needs a port below 65536, and a host unless everywhere is meant', () => {
  const everywhere = address({ emptyHost: 'allowed' }).schema;
  assert.deepEqual(everywhere.parse(':8935'), { host: '', port: 8935 });
  assert.equal(address({ emptyHost: 'refused' }).schema.safeParse(':8935').success, false);
  for (const wrong of ['8935', 'a:65536', 'a:b', '::1:80', 'a b:1', 'a:-1']) {
    assert.equal(everywhere.safeParse(wrong).success, false, wrong);
  }
});

test('a word without a flag that cannot be is named by what it stands for', () => {
  const moor = defineCommand({
    name: 'moor',
    summary: 'Make fast.',
    settings: {
      side: { type: choice(['port', 'starboard']), doc: 'Where.', positional: 'only' },
    },
  });
  assert.throws(() => resolveSettings(moor, { args: ['left'], env: {} }), {
    message: '"left" cannot be the side. It must be one of: port, starboard.',
  });
});
