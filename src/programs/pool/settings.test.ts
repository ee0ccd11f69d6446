import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSettings } from '../../base/settings.ts';
import { rational } from '../../payments/rational.ts';
import { poolCommand } from './settings.ts';

const ADDRESS = `0x${'12'.repeat(20)}`;
const always = ['--data-dir=d', '--service-addr=pool.example:8935'];
const unpriced = [
  ...['--network=devnet', '--eth-url=http://127.0.0.1:8545', `--controller=${ADDRESS}`],
  ...['--keystore=k', '--password-file=p'],
];
const devnet = [...unpriced, '--price=1000wei'];

function values(...args: string[]) {
  return resolveSettings(poolCommand, { args: [...always, ...args], env: {} }).values;
}

function complaint(...args: string[]): string {
  try {
    values(...args);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return '';
}

test('a pool on chain says all that it lacks in one sentence', () => {
  assert.equal(
    complaint('--network=devnet'),
    '--network devnet needs --eth-url, --controller, --keystore (or --signer), --price.',
  );
  assert.equal(
    complaint('--network=arbitrum-one', '--eth-url=https://rpc.example', '--keystore=k'),
    '--network arbitrum-one needs --password-file, --price.',
  );
  assert.equal(complaint(...devnet), '');
  assert.equal(complaint('--network=offchain'), '');
});

test('what does not go together is refused', () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--signer=/run/signer.sock'], /either --signer or --keystore/],
    [['--signer-cert=c'], /--signer-cert, --signer-key and --signer-ca go together/],
    [['--ticket-ev=1000', '--max-face-value=1000'], /--max-face-value must be above --ticket-ev/],
  ];
  for (const [flags, text] of cases) assert.match(complaint(...devnet, ...flags), text);
  assert.match(
    complaint(...unpriced, '--price=0.05USD per 1e12 pixels'),
    /--price in USD needs --price-feed/,
  );
});

test('prices are read exactly, in wei or a currency, per pixel or per many', () => {
  const price = (text: string) => values(`--price=${text}`).price;
  assert.deepEqual(price('1000wei'), { perUnit: rational(1000n), currency: 'wei' });
  assert.deepEqual(price('1000'), { perUnit: rational(1000n), currency: 'wei' });
  const dollars = { perUnit: rational(1n, 20n * 10n ** 12n), currency: 'USD' };
  assert.deepEqual(price('0.05USD per 1e12 pixels'), dollars);
  assert.deepEqual(price('0.00000000000005USD'), dollars);
  for (const bad of ['', '-1wei', '1wei per 0 pixels', 'much', '1wei per pixel per second']) {
    assert.match(complaint(`--price=${bad}`), /--price cannot be/);
  }
});

test('the spellings of a stock orchestrator mean the same', () => {
  const stock = values(
    ...['-network', 'arbitrum-one-mainnet', '-ethUrl', 'https://a.example,https://b.example'],
    ...['-ethKeystorePath', 'k', '-ethPassword', 'p', '-ethOrchAddr', ADDRESS, '-ticketEV', '5'],
    ...['-pricePerUnit', '1000', '-maxFaceValue', '500', '-maxGasPrice', '2500000000'],
  );
  assert.equal(stock.network, 'arbitrum-one');
  assert.deepEqual(stock.ethUrl, ['https://a.example', 'https://b.example']);
  assert.deepEqual([stock.keystore, stock.passwordFile], ['k', 'p']);
  assert.equal(stock.orchestratorAddress, ADDRESS);
  assert.deepEqual([stock.ticketEv, stock.maxFaceValue], [5n, 500n]);
  assert.equal(stock.maxGasPrice, 2_500_000_000n, 'stock gives wei, we take gwei');
  assert.equal(values('--max-gas-price=2.5').maxGasPrice, 2_500_000_000n);
});

test('a provider URL, which may hold a key, is shown to nobody', () => {
  assert.doesNotMatch(complaint('--eth-url=ftp://user:hunter2@rpc.example'), /hunter2/);
});
