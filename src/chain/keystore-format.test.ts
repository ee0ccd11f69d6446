import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hex } from '../base/bytes.ts';
import { keccak256 } from '../base/keccak.ts';
import { addressOf } from '../protocol/signature.ts';
import { deriveKey } from './key-derivation.ts';
import { decryptKey, encryptKey, parseKeystore } from './keystore-format.ts';

/** Cheap, so that tests do not wait; the standard cost has a test of its own. */
const cost = { n: 2, r: 8, p: 1 };

/** The examples of the Web3 Secret Storage Definition, and geth's of keys with leading zeros. */
const VECTORS = [
  {
    name: 'pbkdf2',
    password: 'testpassword',
    key: '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d',
    kdf: 'pbkdf2',
    kdfparams: {
      c: 262144,
      dklen: 32,
      prf: 'hmac-sha256',
      salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
    },
    iv: '6087dab2f9fdbbfaddc31a909735c1e6',
    ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
    mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
  },
  {
    name: 'scrypt with r 1, which OpenSSL refuses',
    password: 'testpassword',
    key: '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d',
    kdf: 'scrypt',
    kdfparams: {
      dklen: 32,
      n: 262144,
      r: 1,
      p: 8,
      salt: 'ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19',
    },
    iv: '83dbcc02d8ccb40e466191a123791e0e',
    ciphertext: 'd172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c',
    mac: '2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097',
  },
  {
    name: 'a key of 31 bytes',
    password: 'foo',
    key: '00fa7b3db73dc7dfdf8c5fbdb796d741e4488628c41fc4febd9160a866ba0f35',
    kdf: 'scrypt',
    kdfparams: {
      dklen: 32,
      n: 2,
      r: 8,
      p: 1,
      salt: '711f816911c92d649fb4c84b047915679933555030b3552c1212609b38208c63',
    },
    iv: 'e0c41130a323adc1446fc82f724bca2f',
    ciphertext: '9517cd5bdbe69076f9bf5057248c6c050141e970efa36ce53692d5d59a3984',
    mac: 'd5e116151c6aa71470e67a7d42c9620c75c4d23229847dcc127794f0732b0db5',
  },
  {
    name: 'a key of 30 bytes',
    password: 'foo',
    key: '000081c29e8142bb6a81bef5a92bda7a8328a5c85bb2f9542e76f9b0f94fc018',
    kdf: 'scrypt',
    kdfparams: {
      dklen: 32,
      n: 2,
      r: 8,
      p: 1,
      salt: 'd0769e608fb86cda848065642a9c6fa046845c928175662b8e356c77f914cd3b',
    },
    iv: '3ca92af36ad7c2cd92454c59cea5ef00',
    ciphertext: '108b7d34f3442fc26ab1ab90ca91476ba6bfa8c00975a49ef9051dc675aa',
    mac: '75d0e6759f7b3cefa319c3be41680ab6beea7d8328653474bd06706d4cc67420',
  },
] as const;

for (const vector of VECTORS) {
  test(`a known file opens: ${vector.name}`, async () => {
    const key = await open(fileOf(vector), vector.password);
    assert.equal(hex(key), vector.key);
  });
}

test('the names at the top may be in any case, and the address may have 0x', async () => {
  const { crypto, ...rest } = fileOf(VECTORS[3]);
  const address = `0x${hex(addressOf(Buffer.from(VECTORS[3].key, 'hex')))}`;
  const key = await open({ ...rest, Crypto: crypto, Address: address }, 'foo');
  assert.equal(hex(key), VECTORS[3].key);
});

test('what is written with the standard cost is what geth writes, and opens again', async () => {
  const secret = Buffer.from(VECTORS[0].key, 'hex');
  const text = await encryptKey(secret, 'testpassword');
  const file = JSON.parse(text);
  assert.deepEqual(Object.keys(file), ['address', 'crypto', 'id', 'version']);
  assert.equal(file.address, '008aeeda4d805471df9b2a5b0f38a0c3bcba786b');
  assert.equal(file.version, 3);
  assert.match(file.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const { n, r, p, dklen, salt } = file.crypto.kdfparams;
  assert.deepEqual({ n, r, p, dklen }, { n: 262144, r: 8, p: 1, dklen: 32 });
  assert.match(salt, /^[0-9a-f]{64}$/);
  assert.doesNotMatch(text, /testpassword|7a28b5ba/);
  assert.deepEqual(Buffer.from(await open(file, 'testpassword')), secret);
});

test('whatever key and password go in, the same key comes out, and never for another password', async () => {
  const anyKey = fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .filter((bytes) => bytes.some((byte) => byte !== 0) && bytes[0] !== 255);
  await fc.assert(
    fc.asyncProperty(anyKey, fc.string({ unit: 'grapheme' }), async (key, password) => {
      const file = JSON.parse(await encryptKey(key, password, { cost }));
      assert.deepEqual(Buffer.from(await open(file, password)), Buffer.from(key));
      const parsed = parseKeystore(JSON.stringify(file));
      assert.ok(parsed.ok);
      const other = await decryptKey(parsed.closed, `${password}x`);
      assert.deepEqual(other, { ok: false, reason: 'wrong_password' });
    }),
    { numRuns: 40 },
  );
});

test('a changed ciphertext or a foreign address gives no key', async () => {
  const file = fileOf(VECTORS[2]);
  const flipped = { ...file.crypto, ciphertext: file.crypto.ciphertext.replace('95', '94') };
  await closedTo({ ...file, crypto: flipped }, 'foo', 'wrong_password');
  await closedTo({ ...file, address: '00'.repeat(20) }, 'foo', 'wrong_key');
});

test('a key of zeros is no key', async () => {
  const { crypto } = JSON.parse(await encryptKey(Buffer.alloc(32, 1), 'x', { cost }));
  // In counter mode a known plaintext can be turned into any other; the MAC is made anew.
  const salt = Buffer.from(crypto.kdfparams.salt, 'hex');
  const derived = await deriveKey('x', { kdf: 'scrypt', ...cost, salt });
  const ciphertext = Buffer.from(crypto.ciphertext, 'hex').map((byte) => byte ^ 1);
  const mac = hex(keccak256(Buffer.concat([derived.subarray(16, 32), ciphertext])));
  const forged = { ...crypto, ciphertext: hex(ciphertext), mac };
  await closedTo({ version: 3, crypto: forged }, 'x', 'wrong_key');
});

test('a file that would cost too much to open is refused before anything is computed', () => {
  const scrypt = (n: number, r: number, p: number) => {
    const file = fileOf(VECTORS[2]);
    return { ...file, crypto: { ...file.crypto, kdfparams: { ...VECTORS[2].kdfparams, n, r, p } } };
  };
  refused(scrypt(2 ** 24, 8, 1), /too much memory/);
  refused(scrypt(2, 2 ** 30, 1), /too much memory/);
  refused(scrypt(2 ** 18, 8, 64), /too long/);
  refused(scrypt(1, 8, 1), /no sense/);
  refused(scrypt(3, 8, 1), /no sense/);
  refused(scrypt(2, 0, 1), /no sense/);
  refused(scrypt(1.5, 8, 1), /kdfparams\.n/);
  const file = fileOf(VECTORS[0]);
  const kdfparams = { ...VECTORS[0].kdfparams, c: 2_000_000_000 };
  refused({ ...file, crypto: { ...file.crypto, kdfparams } }, /too long/);
});

test('anything else is refused with what is wrong', () => {
  const file = fileOf(VECTORS[2]);
  const with_ = (change: object) => ({ ...file, crypto: { ...file.crypto, ...change } });
  refused({ ...file, version: 1 }, /version 3/);
  refused({ version: 3 }, /crypto/);
  refused(with_({ cipher: 'aes-128-cbc' }), /crypto\.cipher/);
  refused(with_({ kdf: 'none' }), /crypto\.kdf/);
  refused(with_({ ciphertext: 'zz' }), /crypto\.ciphertext/);
  refused(with_({ ciphertext: '00'.repeat(33) }), /crypto\.ciphertext/);
  refused(with_({ mac: '00' }), /crypto\.mac/);
  refused(with_({ cipherparams: { iv: '00' } }), /crypto\.cipherparams\.iv/);
  for (const text of ['', 'null', '[]', '3', '{', '"x"', 'ab'.repeat(32)]) {
    const parsed = parseKeystore(text);
    assert.ok(!parsed.ok && parsed.problem === 'it is not a JSON object', text);
  }
});

test('no text makes the reader throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      parseKeystore(text);
    }),
    { numRuns: 200 },
  );
});

function fileOf(vector: (typeof VECTORS)[number]) {
  const { ciphertext, iv, kdf, kdfparams, mac } = vector;
  const cipher = 'aes-128-ctr';
  const id = '3198bc9c-6672-5ab3-d995-4942343ae5b6';
  return {
    crypto: { cipher, cipherparams: { iv }, ciphertext, kdf, kdfparams, mac },
    id,
    version: 3,
  };
}

async function open(file: object, password: string): Promise<Uint8Array> {
  const parsed = parseKeystore(JSON.stringify(file));
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problem);
  const opened = await decryptKey(parsed.closed, password);
  assert.ok(opened.ok, opened.ok ? '' : opened.reason);
  return opened.key;
}

async function closedTo(file: object, password: string, reason: string): Promise<void> {
  const parsed = parseKeystore(JSON.stringify(file));
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problem);
  assert.deepEqual(await decryptKey(parsed.closed, password), { ok: false, reason });
}

function refused(file: object, problem: RegExp): void {
  const parsed = parseKeystore(JSON.stringify(file));
  assert.ok(!parsed.ok);
  assert.match(parsed.problem, problem);
}
