import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSiweMessage } from 'viem/siwe';
import { instant } from '../base/clock.ts';
import { secureRandom } from '../base/ids.ts';
import { NONCE_MS, newNonce, nonceExpiry } from './nonce.ts';
import { messageRefusal, readMessage } from './siwe.ts';

const NOW = instant(1_800_000_000_000);
const ADDRESS = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const here = { origins: new Set(['https://pool.example']), chainId: 42_161, now: NOW };

const parts = {
  domain: 'pool.example',
  address: ADDRESS,
  uri: 'https://pool.example/sign-in',
  version: '1',
  chainId: 42_161,
  nonce: 'abcdefgh12345678',
  issuedAt: new Date(NOW - 1_000),
} as const;

function refusal(changes: Partial<Parameters<typeof createSiweMessage>[0]>) {
  const message = readMessage(createSiweMessage({ ...parts, ...changes }));
  return message ? messageRefusal(message, here) : 'message_malformed';
}

test('a message as wallets make it is read, with a statement and without', () => {
  for (const statement of [undefined, 'Sign in to the pool.']) {
    for (const resources of [undefined, ['https://pool.example/terms/1']]) {
      const text = createSiweMessage({
        ...parts,
        ...(statement ? { statement } : {}),
        ...(resources ? { resources } : {}),
        requestId: '7',
        expirationTime: new Date(NOW + 60_000),
        notBefore: new Date(NOW - 60_000),
      });
      const message = readMessage(text);
      assert.ok(message, text);
      assert.equal(message.address, ADDRESS.toLowerCase());
      assert.equal(message.uri, parts.uri);
      assert.equal(message.nonce, parts.nonce);
      assert.equal(message.expiresAt, NOW + 60_000);
      assert.equal(messageRefusal(message, here), undefined);
    }
  }
});

test('a message for another site, chain or moment is refused, each by its reason', () => {
  assert.equal(refusal({}), undefined);
  assert.equal(refusal({ scheme: 'https' }), undefined);
  assert.equal(refusal({ scheme: 'http' }), 'foreign_domain');
  assert.equal(refusal({ domain: 'evil.example' }), 'foreign_domain');
  assert.equal(refusal({ domain: 'pool.example:444' }), 'foreign_domain');
  assert.equal(refusal({ uri: 'https://evil.example/' }), 'foreign_uri');
  assert.equal(refusal({ uri: 'https://pool.example.evil.example/' }), 'foreign_uri');
  assert.equal(refusal({ uri: 'http://pool.example/' }), 'foreign_uri');
  assert.equal(refusal({ chainId: 1 }), 'other_chain');
  assert.equal(refusal({ expirationTime: new Date(NOW) }), 'message_expired');
  assert.equal(refusal({ issuedAt: new Date(NOW - 11 * 60_000) }), 'message_expired');
  assert.equal(refusal({ issuedAt: new Date(NOW + 3 * 60_000) }), 'message_not_yet_valid');
  assert.equal(refusal({ notBefore: new Date(NOW + 1) }), 'message_not_yet_valid');
});

test('what only looks like such a message is none', () => {
  const text = createSiweMessage(parts);
  const spoiled = [
    '',
    text.slice(0, -1),
    `${text}\nX`,
    ` ${text}`,
    text.replace('Version: 1', 'Version: 2'),
    text.replace('\n\n\nURI', '\n\nURI'),
    text.replace('\n', '\r\n'),
    createSiweMessage({ ...parts, statement: 'URI: https://evil.example' }),
    text.replace(ADDRESS, ADDRESS.replace('a', 'A').replace('C8', 'c8')),
    text.replace('pool.example wants', 'pool.example@evil.example wants'),
    text.replace('Chain ID: 42161', 'Chain ID: 0x1'),
    text.replace('Nonce: ', 'Nonce: \u{1F600}'),
    `${text}\nResources:${'\n- https://a.example'.repeat(21)}`,
    text.replace('Issued At: ', 'Issued At: yesterday '),
    `${'x'.repeat(5_000)}${text}`,
  ];
  for (const [index, one] of spoiled.entries()) {
    const read = readMessage(one);
    // A cut second is still a time, but of another format.
    assert.equal(read, undefined, `${index}: ${one.slice(0, 80)}`);
  }
});

test('a nonce is ours, for five minutes, and needs no place to be kept', () => {
  const key = new Uint8Array(32).fill(1);
  const nonce = newNonce(key, NOW, secureRandom);
  assert.match(nonce, /^[a-z0-9]{50}$/);
  assert.notEqual(newNonce(key, NOW, secureRandom), nonce);
  assert.equal(nonceExpiry(key, nonce, NOW), NOW + NONCE_MS);
  assert.equal(nonceExpiry(key, nonce, instant(NOW + NONCE_MS)), undefined);
  assert.equal(nonceExpiry(new Uint8Array(32), nonce, NOW), undefined);
  const later = (NOW + 2 * NONCE_MS).toString(36).padStart(8, '0');
  for (const other of ['', 'a'.repeat(50), `${later}${nonce.slice(8)}`, nonce.slice(1)]) {
    assert.equal(nonceExpiry(key, other, NOW), undefined);
  }
});
