import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newWorkerId } from '../base/ids.ts';
import { hashCredential, matchesAny, newCredential, parseCredential } from './credentials.ts';
import { formatJoinString, parseJoinString } from './join-string.ts';
import { isWorkerName, parsePayoutAddress } from './worker.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const credentials = fc.tuple(bytes(7), bytes(33)).map(([id, secret]) =>
  newCredential(
    newWorkerId(() => id),
    () => secret,
  ),
);
const pins = bytes(32).map((hash) => Buffer.from(hash).toString('base64url'));
const hosts = fc.oneof(
  fc.domain(),
  fc.ipV4(),
  fc.ipV6().filter((ip) => !ip.includes('%')),
);
const joins = fc.record(
  {
    host: hosts,
    port: fc.integer({ min: 1, max: 65_535 }),
    pin: pins,
    credential: credentials,
  },
  { noNullPrototype: true },
);

test('a credential parses to the worker that it names, and to nothing when anything is changed', () => {
  fc.assert(
    fc.property(
      credentials,
      fc.nat(67),
      fc.string({ minLength: 1, maxLength: 2 }),
      (text, at, other) => {
        assert.equal(parseCredential(text)?.worker, text.slice(5, 15));
        assert.equal(parseCredential(text.slice(0, at)), undefined);
        assert.equal(parseCredential(`${text}${other}`), undefined);
        assert.equal(parseCredential(`${text.slice(0, at)}A${text.slice(at + 1)}`), undefined);
      },
    ),
  );
});

test('any string is a credential or not, without a throw', () => {
  fc.assert(fc.property(fc.string(), (text) => parseCredential(text) === undefined));
});

test('a credential matches its own hash, wherever it stands, and no other', () => {
  fc.assert(
    fc.property(credentials, credentials, (one, two) => {
      fc.pre(one !== two);
      const hash = hashCredential(one);
      assert.ok(matchesAny(hash, [hashCredential(two), hash]));
      assert.ok(!matchesAny(hash, [hashCredential(two)]));
      assert.ok(!matchesAny(hash, []));
    }),
  );
});

test('a join string comes back as it was, also with white space around it', () => {
  fc.assert(
    fc.property(joins, (join) => {
      const text = formatJoinString(join);
      assert.deepEqual(parseJoinString(` ${text}\n`), { ok: true, join });
      assert.match(text, /^[A-Za-z0-9:/._[\]-]+$/, 'nothing that a shell would take for its own');
    }),
  );
});

test('a join string that is cut off anywhere says what is wrong with it', () => {
  fc.assert(
    fc.property(joins, fc.nat(), (join, cut) => {
      const text = formatJoinString(join);
      const parsed = parseJoinString(text.slice(0, cut % text.length));
      assert.equal(parsed.ok, false);
    }),
  );
});

test('each part of a join string has its own complaint', () => {
  const join = {
    host: 'pool.example',
    port: 8935,
    pin: 'A'.repeat(43),
    credential: newCredential(newWorkerId()),
  };
  const good = formatJoinString(join);
  const reason = (text: string) => {
    const parsed = parseJoinString(text);
    return parsed.ok ? undefined : parsed.reason;
  };
  assert.equal(reason(good), undefined);
  assert.equal(reason('https://pool.example:8935'), 'not_a_join_string');
  assert.equal(reason(`tributary://${'x'.repeat(600)}`), 'not_a_join_string');
  assert.equal(reason(good.replace(':8935', '')), 'address_invalid');
  assert.equal(reason(good.replace('8935', '65536')), 'address_invalid');
  assert.equal(reason(good.replace('pool.example', 'user@evil')), 'address_invalid');
  assert.equal(reason(good.replace('A', '+')), 'pin_invalid');
  assert.equal(reason(good.slice(0, -1)), 'credential_invalid');
  assert.equal(reason(`${good}/more`), 'credential_invalid');
});

test('names are safe in a terminal, a path and a URL', () => {
  for (const name of ['rig-1', 'A.b_c', 'x'.repeat(64)]) assert.ok(isWorkerName(name));
  for (const name of ['', '..', '../x', 'a b', 'a\0', 'ü', 'x'.repeat(65)]) {
    assert.ok(!isWorkerName(name));
  }
});

test('a payout address in mixed case must have the checksum of EIP-55', () => {
  // Examples of EIP-55 itself.
  const address = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
  assert.equal(parsePayoutAddress(address), address);
  assert.equal(parsePayoutAddress(address.toLowerCase()), address);
  assert.equal(parsePayoutAddress(`0x${address.slice(2).toUpperCase()}`), address);
  assert.equal(parsePayoutAddress(address.replace('aA', 'Aa')), undefined);
  assert.equal(parsePayoutAddress(address.slice(0, -1)), undefined);
  assert.equal(parsePayoutAddress(`0x${'0'.repeat(40)}`), undefined);
});
