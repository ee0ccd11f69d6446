import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keccak256 } from '../base/keccak.ts';
import type { PlainRpc } from '../chain/plain-rpc.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { manifestStatement, manifestValue, writeManifest } from '../manifest/signed.ts';
import { toHex } from '../proofs/bytes.ts';
import { digestOf } from '../proofs/canonical.ts';
import { writeFile as writeProofs } from '../proofs/files.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../proofs/node-signatures.ts';
import { statementDigest } from '../proofs/statement.ts';
import { addressOf, recover, signDigest } from '../protocol/signature.ts';
import { defaultDocument } from '../terms/default-document.ts';
import { termsStatement, writePublished } from '../terms/published.ts';
import type { Fetched } from './fetch.ts';
import { openOutside } from './fetch.ts';
import { daysOf, uptimeOf, withCheck } from './hours.ts';
import { type LookParts, lookAt } from './look.ts';
import { newRecord, type PoolRecord } from './record.ts';
import { readSeeds, type Seed } from './seeds.ts';
import { judge } from './standing.ts';
import { openDirectoryStore } from './store.ts';

const NOW = Date.parse('2026-12-03T12:00:00.000Z');
const HOUR_MS = 3_600_000;
const own = Buffer.alloc(32, 7);
const stranger = Buffer.alloc(32, 9);
const orchestrator = addressOf(own);
const hexOf = (bytes: Uint8Array) => `0x${toHex(bytes)}`;

/** A manifest of the orchestrator at a host, signed by a key for itself. */
function manifest(host: string, key: Uint8Array, commission = '10%'): string {
  const document = { ...defaultDocument, version: 3, 'starts-at-epoch': 2, commission };
  const value = manifestValue({
    format: 'livepeer-pool-1',
    issuedAt: new Date(NOW).toISOString(),
    expiresAt: new Date(NOW + 24 * HOUR_MS).toISOString(),
    pool: {
      name: 'Rivermouth',
      url: `https://${host}/`,
      serviceUri: 'https://pool.example:8935',
      chainId: '42161',
      orchestrator: hexOf(orchestrator),
      account: hexOf(addressOf(key)),
    },
    terms: {
      version: 3,
      digest: toHex(digestOf(JSON.parse(JSON.stringify(document)), nodeHashing)),
      document,
    },
    proofs: { format: 'tributary-proofs-1', url: `https://${host}/proofs/` },
    operator: {},
    joining: { outsideGpus: true },
    software: { name: 'another', version: '1' },
  } satisfies Manifest);
  const identity = { pool: orchestrator, chainId: 42_161n };
  const digest = statementDigest(identity, manifestStatement(value, nodeHashing), keccak256);
  return writeManifest(value, { accountSignature: toHex(signDigest(key, digest)) });
}

const word = (value: bigint) => value.toString(16).padStart(64, '0');

/** A chain on which the orchestrator registered a URI. */
function chain(uri: string, chainId = 42_161n): () => Promise<PlainRpc> {
  const text = Buffer.from(uri);
  const padded = Buffer.alloc(Math.ceil(text.length / 32) * 32);
  text.copy(padded);
  const answers: Readonly<Record<string, string>> = {
    'isActiveTranscoder(address)': word(1n),
    'transcoderTotalStake(address)': word(10n ** 21n),
    'getTranscoder(address)': `${word(9n)}${word(100_000n)}${word(500_000n)}`,
    'getServiceURI(address)': `${word(32n)}${word(BigInt(text.length))}${padded.toString('hex')}`,
  };
  const rpc: Partial<PlainRpc> = {
    chainId,
    contractOf: async (name) => hexOf(Buffer.alloc(20, name.length)),
    readOf: async (_, signature) => answers[signature] ?? '',
  };
  return async () => rpc as PlainRpc;
}

const missing: Fetched = { ok: false, failure: { reason: 'status', status: 404 } };
/** Answers by host with a manifest, and by whole address with anything else. */
function parts(texts: Readonly<Record<string, string>>, rpc?: LookParts['rpc']): LookParts {
  return {
    outside: {
      async text(url) {
        const isManifest = url.pathname.startsWith('/.well-known/');
        const text = texts[isManifest ? url.host : url.href];
        return text === undefined ? missing : { ok: true, text, bytes: text.length };
      },
      handshake: async () => true,
    },
    tools: { hashing: nodeHashing, keccak256, recover, verifyEd25519: nodeVerifyEd25519 },
    rpc,
    now: () => NOW,
  };
}

const seedOf = (host: string): Seed => ({ id: host, origin: `https://${host}` });
const look = (host: string, key: Uint8Array, rpc?: LookParts['rpc']) =>
  lookAt(newRecord(seedOf(host), NOW), parts({ [host]: manifest(host, key) }, rpc));
const identityOf = (records: readonly PoolRecord[], at = 0) => {
  const judged = judge(records)[at];
  return {
    standing: judged?.standing,
    ...judged?.checks.find(({ name }) => name === 'identity'),
  };
};

test('a pool is verified by the account of the orchestrator and the URI that it registered', async () => {
  const here = 'https://pool.example:8935';
  const { standing, result } = identityOf([await look('pool.example', own, chain(here))]);
  assert.deepEqual([standing, result], ['verified', 'holds']);
  const moved = identityOf([await look('pool.example', own, chain('https://old.example:8935'))]);
  assert.deepEqual([moved.standing, moved.result], ['failing', 'fails']);
  assert.match(moved.text ?? '', /registered https:\/\/old\.example:8935 on the chain/);
});

test('without its chain a pool is as good as its signature, and that is said', async () => {
  const none = identityOf([await look('pool.example', own)]);
  assert.deepEqual([none.standing, none.result], ['signed', 'unknown']);
  const other = identityOf([await look('pool.example', own, chain('', 31_337n))]);
  assert.match(other.text ?? '', /It is on chain 42161, which this directory does not look at/);
});

test('another account speaks for an orchestrator only from the host that it registered', async () => {
  const rpc = chain('https://pool.example:8935');
  const node = identityOf([await look('pool.example', stranger, rpc)]);
  assert.deepEqual([node.standing, node.result], ['verified', 'holds']);
  const thief = identityOf([await look('thief.example', stranger, rpc)]);
  assert.deepEqual([thief.standing, thief.result], ['signed', 'unknown']);
  assert.match(thief.text ?? '', /nothing on the chain says that it may/);
});

test('of two pools that claim one orchestrator, the one that cannot prove it fails', async () => {
  const rpc = chain('https://pool.example:8935');
  const both = [await look('thief.example', stranger, rpc), await look('pool.example', own, rpc)];
  const thief = identityOf(both, 0);
  assert.deepEqual([thief.standing, thief.result], ['failing', 'fails']);
  assert.match(thief.text ?? '', /https:\/\/pool\.example proves that it is this orchestrator/);
  assert.equal(identityOf(both, 1).standing, 'verified');
  const twice = [await look('one.example', own, rpc), await look('pool.example', own, rpc)];
  assert.match(identityOf(twice, 0).text ?? '', /two pools claim to be one/);
  assert.match(identityOf(twice, 1).text ?? '', /two pools claim to be one/);
});

test('terms that change without a new version are noticed by who looked before', async () => {
  const host = 'pool.example';
  const before = await look(host, own);
  assert.equal(before.termsTrouble, null);
  const after = await lookAt(before, parts({ [host]: manifest(host, own, '30%') }));
  assert.match(after.termsTrouble?.text ?? '', /version 3 of the terms says something else/);
  const [judged] = judge([after]);
  assert.equal(judged?.standing, 'failing');
});

test('terms that are not those beside the proofs are found, whoever signed the manifest', async () => {
  const host = 'pool.example';
  const document = { ...defaultDocument, version: 3, 'starts-at-epoch': 2, commission: '10%' };
  const publish = (commission: string, key: Uint8Array) => {
    const published = { ...document, commission };
    const statement = termsStatement(published, nodeHashing);
    const identity = { pool: orchestrator, chainId: 42_161n };
    const digest = statementDigest(identity, statement, keccak256);
    return {
      [host]: manifest(host, own),
      [`https://${host}/proofs/terms/3.json`]: writePublished(published, {
        accountSignature: toHex(signDigest(key, digest)),
      }),
      [`https://${host}/proofs/index.json`]: writeProofs({
        ...{ format: 'tributary-proofs-1', pool: hexOf(orchestrator), chainId: 42_161n },
        ...{ account: hexOf(orchestrator), keys: [], epochs: [] },
      }),
    };
  };
  const troubleOf = async (texts: Readonly<Record<string, string>>) =>
    (await lookAt(newRecord(seedOf(host), NOW), parts(texts))).termsTrouble?.text;
  assert.equal(await troubleOf(publish('10%', own)), undefined);
  assert.match((await troubleOf(publish('30%', own))) ?? '', /are not the terms of the manifest/);
  assert.match((await troubleOf(publish('10%', stranger))) ?? '', /do not verify: the signature/);
});

test('a pool that was there before keeps what it said, and is said to be away or refused', async () => {
  const host = 'pool.example';
  const before = await look(host, own);
  const away = await lookAt(before, parts({}));
  assert.deepEqual([judge([away])[0]?.standing, away.manifest], ['unreachable', before.manifest]);
  const refused = await lookAt(
    before,
    parts({ [host]: manifest(host, own).replace('Riv', 'Div') }),
  );
  const [judged] = judge([refused]);
  assert.equal(judged?.standing, 'refused');
  assert.equal(judged?.manifest?.pool.name, 'Rivermouth');
  assert.equal(uptimeOf(refused.hours, NOW, 30).page, 0.5);
});

test('hours are counted, shared out over days, and forgotten after 90', () => {
  let hours = withCheck([], NOW - 91 * 24 * HOUR_MS, { page: true, service: true });
  hours = withCheck(hours, NOW - 24 * HOUR_MS, { page: true, service: false });
  hours = withCheck(hours, NOW, { page: true, service: true });
  hours = withCheck(hours, NOW + 1, { page: false, service: true });
  assert.equal(hours.length, 2);
  assert.deepEqual(uptimeOf(hours, NOW, 30), { checks: 3, page: 2 / 3, service: 2 / 3 });
  const days = daysOf(hours, NOW, 3);
  assert.deepEqual(
    days.map(({ day, page }) => [day, page]),
    [
      ['2026-12-01', null],
      ['2026-12-02', 1],
      ['2026-12-03', 0.5],
    ],
  );
});

test('a seed list is lines or TOML; what is no address is named', () => {
  const lines = readSeeds('# pools\nhttps://pool.example\n\nhttps://pool.example/ # again\n');
  assert.ok(lines.ok);
  assert.deepEqual(lines.seeds, [{ id: 'pool.example', origin: 'https://pool.example' }]);
  const toml = readSeeds('pools = ["http://127.0.0.1:8080/.well-known/livepeer-pool.json"]');
  assert.ok(toml.ok && toml.seeds[0]?.id === '127.0.0.1-8080');
  for (const bad of ['ftp://pool.example', 'https://a@pool.example', 'pool.example', 'pools = 3']) {
    assert.equal(readSeeds(bad).ok, false, bad);
  }
  const many = Array.from({ length: 1_001 }, (_, at) => `https://p${at}.example`);
  assert.equal(readSeeds(many.join('\n')).ok, false);
  const long = readSeeds(`https://${'a'.repeat(60)}.${'b'.repeat(60)}.example`);
  assert.ok(long.ok && (long.seeds[0]?.id.length ?? 99) <= 60);
});

test('private places are not fetched from, whatever name leads there', async () => {
  const limits = { bytesMax: 1_000, ms: 5_000 };
  const named = openOutside([], async () => [{ address: '10.0.0.7', family: 4 }]);
  for (const url of ['https://pool.example/', 'http://127.0.0.1/', 'http://[::1]/', 'file:///x']) {
    const fetched = await named.text(new URL(url), limits);
    assert.deepEqual(fetched, { ok: false, failure: { reason: 'not_public' } }, url);
  }
  assert.equal(await named.handshake(new URL('https://pool.example:8935'), 5_000), false);
});

test('what a kill left half-written is looked at anew, and the rest is there', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'tributary-directory-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const store = await openDirectoryStore(dir);
  const records = ['a.example', 'b.example'].map((host) => newRecord(seedOf(host), NOW));
  for (const record of records) await store.put(record);
  await Promise.all(
    [1, 2, 3].map((at) => store.put({ ...newRecord(seedOf('a.example'), NOW), lookedAt: at })),
  );
  await writeFile(join(dir, 'pools', '.new-b.example.json'), '{"format":');
  await writeFile(join(dir, 'pools', 'c.example.json'), '{"format":');
  const again = await (await openDirectoryStore(dir)).all();
  assert.deepEqual(
    again.map(({ seed, lookedAt }) => [seed.id, lookedAt]),
    [
      ['a.example', 3],
      ['b.example', null],
    ],
  );
  await store.remove('a.example');
  assert.equal((await store.all()).length, 1);
});
