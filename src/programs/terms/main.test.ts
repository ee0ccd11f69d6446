import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { serveAdmin } from '../../api/admin.ts';
import { apiOf } from '../../api/api.test-kit.ts';
import { termsRoutes } from '../../api/terms-routes.ts';
import { hex } from '../../base/bytes.ts';
import { systemClock } from '../../base/clock.ts';
import { keccak256 } from '../../base/keccak.ts';
import { quiet } from '../../base/log.ts';
import { createMetrics } from '../../base/metrics.ts';
import { openScratch } from '../../database/scratch.ts';
import { writeFile as writePublishedFile } from '../../proofs/files.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { statementDigest } from '../../proofs/statement.ts';
import { addressOf, signDigest } from '../../protocol/signature.ts';
import { createTermsService } from '../../terms/terms-service.ts';
import { run } from './main.ts';

const dir = await mkdtemp(join(tmpdir(), 'tributary-terms-'));
const scratch = await openScratch();
const account = new Uint8Array(32).fill(3);
const identity = { pool: addressOf(account), chainId: 42_161n };
const terms = createTermsService({
  database: scratch.database,
  clock: systemClock,
  hashing: nodeHashing,
  sign: async (statement) => ({
    accountSignature: hex(signDigest(account, statementDigest(identity, statement, keccak256))),
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
after(async () => {
  await admin.close();
  await scratch[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});
const pool = ['--admin-url', `http://127.0.0.1:${admin.port}`, '--admin-token', 'token'];

/** Runs `tributary terms …` and keeps what it prints. */
async function cli(...args: string[]) {
  const printed = { stdout: '', stderr: '' };
  const io = {
    stdout: {
      write(text: string) {
        printed.stdout += text;
      },
    },
    stderr: {
      write(text: string) {
        printed.stderr += text;
      },
    },
    env: {},
    isTty: false,
    columns: 80,
  };
  return { code: await run(args, io), ...printed };
}

const file = join(dir, 'terms.toml');

test('terms begin as a commented file, which is never written over', async () => {
  assert.equal((await cli('init', '--output', file)).code, 0);
  assert.match(await readFile(file, 'utf8'), /^# The terms of this pool/);
  await assert.rejects(cli('init', '--output', file), { code: 'output_unusable' });
  assert.match((await cli('init')).stdout, /^# The terms of this pool/);
});

test('check shows what they mean for one ETH and two workers', async () => {
  const { code, stdout } = await cli('check', file);
  assert.equal(code, 0);
  assert.match(stdout, /can be published/);
  assert.match(stdout, /On 1 ETH of income with two workers/);
  assert.match(stdout, /commission +-0\.075 ETH/);
  assert.match(stdout, /payable: 0\.225 ETH/);
});

test('check says every fault with its line, for people and for programs', async () => {
  const bad = join(dir, 'bad.toml');
  await writeFile(bad, 'name = "x"\ncommission = "200%"\nmodel = { kind = "per-segmet" }\n');
  const { code, stderr } = await cli('check', bad);
  assert.equal(code, 1);
  assert.match(stderr, /2 things are wrong/);
  assert.match(stderr, /line 2, commission: cannot be "200%"/);
  const { stdout } = await cli('check', bad, '--json');
  const { ok, faults } = JSON.parse(stdout);
  assert.equal(ok, false);
  assert.deepEqual(
    faults.map(({ line }: { line: number }) => line),
    [2, 3],
  );
  await assert.rejects(cli('check', join(dir, 'none.toml')), { code: 'input_missing' });
});

test('publish signs them for epochs to come; show gives them back as a file', async () => {
  assert.match((await cli('show', ...pool)).stdout, /No terms were published yet/);
  const published = await cli('publish', file, '--starts-at-epoch', 'next', ...pool);
  assert.match(published.stdout, /Published as version 1: settles epochs from \d+ on/);
  const ahead = (await cli('show', ...pool)).stdout;
  assert.match(ahead, /settled by the default terms, since none of yours has begun/);
  assert.match(ahead, /^ +1 +\d+ +\d{4}-\d\d-\d\d/m);
  assert.doesNotMatch(ahead, /No terms were published/);
  await assert.rejects(cli('publish', file, '--starts-at-epoch', '0', ...pool), {
    code: 'terms_late',
  });
  await assert.rejects(cli('publish', file, '--starts-at-epoch', 'next', ...pool), {
    code: 'terms_unchanged',
    message: /^Nothing changed: version 1 has the same terms and settles epochs from \d+ on\.$/,
  });
  const shown = await cli('show', '--version', '1', ...pool);
  assert.match(shown.stdout, /^# Version 1, settles epochs from \d+ on\.\nname = "My pool"/);
  assert.match(shown.stdout, /version +from epoch +published/);
  const again = join(dir, 'again.toml');
  await writeFile(
    again,
    (await cli('show', '--version', '1', ...pool)).stdout.split('\nversion ')[0] ?? '',
  );
  assert.equal((await cli('check', again)).code, 0);
  const bad = await cli('publish', join(dir, 'bad.toml'), '--starts-at-epoch', 'next', ...pool);
  assert.equal(bad.code, 1);
});

test('anybody verifies that the account of the pool has signed them', async () => {
  const published = join(dir, 'published', 'terms');
  await mkdir(published, { recursive: true });
  const index = {
    format: 'tributary-proofs-1',
    pool: `0x${hex(identity.pool)}`,
    chainId: identity.chainId,
    keys: [],
    epochs: [],
  } as const;
  await writeFile(join(published, '..', 'index.json'), writePublishedFile(index));
  await writeFile(join(published, '1.json'), await terms.file(1));
  const { code, stdout } = await cli('verify', join(published, '1.json'), '--pool', index.pool);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^OK: version 1 of the terms of "My pool", from epoch \d+ on, signed by account 0x/,
  );

  await writeFile(join(published, '2.json'), (await terms.file(1)).replace('"10%"', '"1%"'));
  const changed = await cli('verify', join(published, '2.json'));
  assert.equal(changed.code, 1);
  assert.match(changed.stderr, /^Not verified: the signature is not that of 0x/);
  await assert.rejects(cli('verify', join(published, '7.json')), { code: 'input_missing' });
  await assert.rejects(cli('verify', join(dir, 'terms.toml')), { code: 'setting_invalid' });
});
