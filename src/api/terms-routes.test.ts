import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { hex } from '../base/bytes.ts';
import { FakeClock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { violatedConstraint } from '../database/failures.ts';
import { openScratch } from '../database/scratch.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { nodeEd25519 } from '../proofs/node-signatures.ts';
import { statementBytes } from '../proofs/statement.ts';
import { readPublished } from '../terms/published.ts';
import { starterFile } from '../terms/starter.ts';
import { termsChanges } from '../terms/store.ts';
import { defaultTerms } from '../terms/terms.ts';
import { createTermsService } from '../terms/terms-service.ts';
import { serveAdmin } from './admin.ts';
import { callerOf } from './admin-client.ts';
import { apiOf } from './api.test-kit.ts';
import { termsRoutes } from './terms-routes.ts';

const scratch = await openScratch();
const { database } = scratch;
const clock = new FakeClock();
const key = nodeEd25519(new Uint8Array(32).fill(7));
const identity = { pool: new Uint8Array(20), chainId: 0n };
const terms = createTermsService({
  database,
  clock,
  hashing: nodeHashing,
  sign: async (statement) => ({
    key: hex(key.publicKey),
    signature: hex(key.sign(statementBytes(identity, statement))),
  }),
});
const admin = await serveAdmin(
  {
    api: apiOf(termsRoutes({ terms })),
    metrics: createMetrics(),
    ready: async () => undefined,
    log: quiet,
  },
  { host: '127.0.0.1', port: 0, tokenChosen: false },
);
const call = callerOf({ url: `http://127.0.0.1:${admin.port}`, token: 'token' });
after(async () => {
  await admin.close();
  await scratch[Symbol.asyncDispose]();
});

const open = (await terms.list()).openEpoch;

/** Ends the open epoch as closing does. */
function nextEpoch(number: bigint, termsVersion: number) {
  return database.transact(async (tx) => {
    await tx.query(sql`update epoch set state = 'closing', ended_at = now() where state = 'open'`);
    await tx.query(sql`
      insert into epoch (number, opened_at, terms_version)
      values (${number}, now(), ${termsVersion})`);
  });
}

test('without published terms the default ones hold', async () => {
  assert.deepEqual(await call('GET', '/api/v1/terms'), {
    openEpoch: `${open}`,
    current: 0,
    versions: [],
  });
  assert.equal(await terms.versionFor(open + 5n), 0);
  assert.deepEqual(await terms.of(0), { ...defaultTerms, version: 0 });
});

test('published terms are signed, numbered, and settle epochs that have not begun', async () => {
  clock.advance(1000);
  const first = await call('POST', '/api/v1/terms', { file: starterFile, startsAtEpoch: 'next' });
  const { version, startsAtEpoch } = first as { version: number; startsAtEpoch: string };
  assert.equal(version, 1);
  assert.equal(startsAtEpoch, `${open + 1n}`);
  clock.advance(1000);
  const changed = starterFile.replace('"10%"', '"7%"');
  await call('POST', '/api/v1/terms', { file: changed, startsAtEpoch: `${open + 4n}` });

  const { file } = (await call('GET', '/api/v1/terms/2')) as { file: string };
  const read = readPublished(file, nodeHashing);
  assert.ok(read.ok);
  const { published } = read;
  assert.deepEqual(published.terms.commission, { numerator: 7n, denominator: 100n });
  assert.equal(published.terms.startsAtEpoch, open + 4n);
  const signature = key.sign(statementBytes(identity, published.statement));
  assert.deepEqual(published.signatures, {
    key: hex(key.publicKey),
    signature: hex(signature),
  });
  assert.deepEqual(await terms.of(2), published.terms);
  const versions = [open, open + 1n, open + 3n, open + 4n, open + 99n].map((n) =>
    terms.versionFor(n),
  );
  assert.deepEqual(await Promise.all(versions), [0, 1, 1, 2, 2]);
});

test('workers can be told what changed since a time', async () => {
  const now = clock.now();
  const since = async (ms: number) =>
    (await termsChanges(database, (now - ms) as typeof now)).map(({ version }) => version);
  assert.deepEqual(await since(0), []);
  assert.deepEqual(await since(1), [2]);
  assert.deepEqual(await since(10_000), [1, 2]);
});

test('terms with faults are refused with every one of them, and nothing is stored', async () => {
  const file = starterFile
    .replace('"10%"', '"110%"')
    .replace('period = "week"', 'period = "weekly"');
  await assert.rejects(
    call('POST', '/api/v1/terms', { file, startsAtEpoch: 'next' }),
    (error: TributaryError) => {
      assert.equal(error.code, 'terms_invalid');
      assert.match(error.message, /commission: cannot be "110%"[\s\S]*period: cannot be "weekly"/);
      return true;
    },
  );
  assert.equal((await terms.list()).versions.length, 2);
  await assert.rejects(call('POST', '/api/v1/terms', { startsAtEpoch: 'next' }), /"file" must be/);
  await assert.rejects(call('GET', '/api/v1/terms/9'), { code: 'terms_unknown' });
});

test('an epoch that has begun keeps its terms', async () => {
  const late = (startsAtEpoch: bigint) =>
    call('POST', '/api/v1/terms', { file: starterFile, startsAtEpoch: `${startsAtEpoch}` });
  await assert.rejects(late(open), { code: 'terms_late' });
  await assert.rejects(late(open + 20_000n), { code: 'terms_invalid' });
  // Whoever opens an epoch with terms that were read before newer ones came is sent back.
  await assert.rejects(
    nextEpoch(open + 1n, 0),
    (error: TributaryError) => violatedConstraint(error) === 'epoch_has_its_terms',
  );
  await nextEpoch(open + 1n, 1);
  assert.equal((await terms.list()).current, 1);
  await assert.rejects(late(open + 1n), { code: 'terms_late' });
});

test('the database itself keeps what was published', async () => {
  for (const statement of [
    sql`update terms_version set starts_at_epoch = 1`,
    sql`delete from terms_version`,
    sql`truncate terms_version`,
    sql`insert into terms_version values (9, 99, now(), decode(repeat('00', 32), 'hex'), '')`,
    sql`insert into terms_version values (3, ${open}, now(), decode(repeat('00', 32), 'hex'), '')`,
  ]) {
    await assert.rejects(database.query(statement), TributaryError);
  }
});

test('a published file that was touched is refused, or signs something else', async () => {
  const file = await terms.file(1);
  const reason = (text: string) => {
    const read = readPublished(text, nodeHashing);
    return read.ok ? read.published.statement.digest : read.text;
  };
  assert.equal(reason(`${file} `), 'the file is not canonical JSON');
  assert.match(
    reason(file.replace('"version":1}', '"version":2}')) as string,
    /the file is version/,
  );
  assert.match(reason(file.replace('"10%"', '"x"')) as string, /^commission cannot be "x"/);
  assert.notDeepEqual(reason(file.replace('"10%"', '"11%"')), reason(file));
});

test('terms that say the same again make no version, and so no notice', async () => {
  clock.advance(1000);
  const before = clock.now();
  const publish = (file: string, startsAtEpoch: bigint | 'next') =>
    call('POST', '/api/v1/terms', { file, startsAtEpoch: `${startsAtEpoch}` });
  const settled = starterFile.replace('# The terms', '# The same terms');
  const toCome = starterFile.replace('"10%"', '"7%"');
  // Epoch open + 1 is open now: version 1 settles it, version 2 those from open + 4 on.
  const says = (text: string) => ({ code: 'terms_unchanged', message: text });
  await assert.rejects(
    publish(toCome, open + 4n),
    says(`Nothing changed: version 2 has the same terms and settles epochs from ${open + 4n} on.`),
  );
  await assert.rejects(publish(toCome, open + 9n), { code: 'terms_unchanged' });
  assert.deepEqual(await termsChanges(database, (before - 1) as typeof before), []);

  // Sooner than they were to come is a change, and so is taking back what was to come.
  assert.equal(((await publish(toCome, 'next')) as { version: number }).version, 3);
  assert.equal(((await publish(settled, 'next')) as { version: number }).version, 4);
  await nextEpoch(open + 2n, 4);
  await assert.rejects(
    publish(starterFile, 'next'),
    says(
      `Nothing changed: version 4 has the same terms and has settled epochs since epoch ${open + 2n}.`,
    ),
  );
  assert.equal((await terms.list()).versions.length, 4);
});
