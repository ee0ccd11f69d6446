import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isPublicAddress, networkOf, parseAddress } from './address.ts';

test('hosts of the public Internet are public', () => {
  for (const address of [
    '8.8.8.8',
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '223.255.255.255',
    '2606:4700::1111',
    '2a00:1450:4001:81b::200e',
    '64:ff9b::808:808',
    '::ffff:8.8.8.8',
  ]) {
    assert.equal(isPublicAddress(address), true, address);
  }
});

test('nothing inside our own walls is public, however it is written', () => {
  for (const address of [
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.127.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '198.18.0.1',
    '198.19.255.255',
    '203.0.113.9',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
    '::ffff:0:127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::1',
    '2001::1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:a00:1::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '100::1',
    'localhost',
    '',
    '0x7f.1',
    '127.1',
  ]) {
    assert.equal(isPublicAddress(address), false, address);
  }
});

test('every way of writing an IPv6 address gives the same groups', () => {
  const group = fc.nat(0xffff);
  fc.assert(
    fc.property(fc.tuple(group, group, group, group, group, group, group, group), (groups) => {
      const plain = groups.map((part) => part.toString(16)).join(':');
      const short = new URL(`http://[${plain}]`).hostname.slice(1, -1);
      assert.deepEqual(parseAddress(plain), groups);
      assert.deepEqual(parseAddress(short), groups);
    }),
  );
});

test('a customer is an IPv4 address or a /64', () => {
  assert.equal(networkOf('::ffff:192.0.2.1'), networkOf('192.0.2.1'));
  assert.equal(networkOf('2a00:1:2:3::1'), networkOf('2a00:1:2:3:ffff::2'));
  assert.notEqual(networkOf('2a00:1:2:3::1'), networkOf('2a00:1:2:4::1'));
  assert.notEqual(networkOf('192.0.2.1'), networkOf('192.0.2.2'));
});
