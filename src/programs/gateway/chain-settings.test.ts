import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSettings } from '../../base/settings.ts';
import { rational } from '../../payments/rational.ts';
import { networkOf } from './chain-settings.ts';
import { gatewayServeCommand } from './settings.ts';

const CONTROLLER = '0xD8E8328501E9645d16Cf49539efC04f734606ee4';
const KEY = ['--keystore', 'keys', '--password-file', 'password'];
const read = (...args: string[]) =>
  resolveSettings(gatewayServeCommand, {
    args: ['--orchestrator', 'https://one:1', ...args],
    env: {},
  }).values;

test('without a chain a gateway is off-chain; a Controller makes it a devnet', () => {
  assert.equal(networkOf(read()), 'offchain');
  const url = ['--eth-url', 'http://127.0.0.1:8545'];
  assert.equal(networkOf(read(...url, ...KEY)), 'arbitrum-one');
  assert.equal(networkOf(read(...url, ...KEY, '--controller', CONTROLLER)), 'devnet');
  assert.equal(
    networkOf(read('--network', 'arbitrum-one-mainnet', ...url, ...KEY)),
    'arbitrum-one',
  );
});

test('what paying lacks is named', () => {
  const rows: readonly (readonly [readonly string[], RegExp])[] = [
    [['--network', 'arbitrum-one', ...KEY], /needs --eth-url/],
    [['--network', 'devnet', '--eth-url', 'http://a', ...KEY], /needs --controller/],
    [['--eth-url', 'http://a', '--password-file', 'p'], /needs --keystore/],
    [['--eth-url', 'http://a', '--keystore', 'k'], /needs --password-file/],
    [['--deposit', '1'], /--deposit needs a network/],
    [['--max-price', '0.1USD'], /a price in wei or eth/],
    [['--deposit', '-1'], /an amount of ETH/],
    [['--max-ticket-ev', '0'], /wei above 0/],
  ];
  for (const [args, pattern] of rows) assert.throws(() => read(...args), pattern);
});

test('go-livepeer’s spelling means the same', () => {
  const values = read(
    ...['-ethUrl', 'http://a', '-ethController', CONTROLLER, '-ethKeystorePath', 'k'],
    ...['--password-file', 'p', '-maxTicketEV', '4e12', '-maxPricePerUnit', '1000'],
  );
  assert.equal(networkOf(values), 'devnet');
  assert.deepEqual(values.maxTicketEv, rational(4n * 10n ** 12n));
  assert.deepEqual(values.maxPrice, rational(1000n));
});
