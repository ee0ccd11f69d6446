import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ETH } from '../../base/asset.ts';
import { keptIo } from '../../base/kept-io.test-kit.ts';
import { writeInput } from '../../epochs/input-json.ts';
import { readTermsFile } from '../../terms/file.ts';
import { writePublished } from '../../terms/published.ts';
import { epochWith, workerWith } from '../../terms/settle.test-kit.ts';
import { starterFile } from '../../terms/starter.ts';
import { run } from './main.ts';

const dir = await mkdtemp(join(tmpdir(), 'tributary-lab-'));
after(() => rm(dir, { recursive: true, force: true }));

/** Runs `tributary lab …` and keeps what it prints. */
async function lab(...args: string[]) {
  const { io, out } = keptIo();
  const code = await run(args, io);
  return { code, stdout: out() };
}

const fees = 10n ** 18n;
for (const epoch of [3n, 4n]) {
  const input = epochWith({
    epoch,
    income: { [ETH]: fees },
    workers: [
      workerWith('aaaaaaaaaa', { units: 3n, jobs: 1n }),
      workerWith('bbbbbbbbbb', { units: 1n, jobs: 3n }),
    ],
  });
  await mkdir(join(dir, `epoch-${epoch}`));
  await writeFile(join(dir, `epoch-${epoch}`, 'input.json'), writeInput(input));
}
const read = readTermsFile(starterFile);
assert.ok(read.ok);
await mkdir(join(dir, 'terms'));
await writeFile(
  join(dir, 'terms', '1.json'),
  writePublished({ ...read.file, version: 1, 'starts-at-epoch': 3 }, {}),
);
const other = join(dir, 'other.toml');
await writeFile(other, starterFile.replace('by = "units"', 'by = "jobs"').replace('10%', '0%'));

test('a pool sees what its epochs would have come to under other terms', async () => {
  const { code, stdout } = await lab(
    'replay',
    '--terms',
    other,
    '--from',
    '3',
    '--to',
    '4',
    '--proofs',
    dir,
  );
  assert.equal(code, 0);
  assert.match(stdout, /Epochs 3 to 4 under "My pool"/);
  assert.match(stdout, /aaaaaaaaaa +1\.35 +0\.5 +-0\.85 +ETH/);
  assert.match(stdout, /bbbbbbbbbb +0\.45 +1\.5 +\+1\.05 +ETH/);
  assert.match(stdout, /commission: 0\.2 ETH, would be nothing/);
});

test('an epoch that is not published is named', async () => {
  await assert.rejects(
    lab('replay', '--terms', other, '--from', '4', '--to', '5', '--proofs', dir),
    { code: 'epoch_unknown', message: /epoch 5 was settled by is not there/ },
  );
  await assert.rejects(
    lab('replay', '--terms', other, '--from', '4', '--to', '3', '--proofs', dir),
    { code: 'setting_invalid' },
  );
});

test('an input that was touched, or that is another epoch’s, is refused', async () => {
  const put = async (text: string) => {
    await mkdir(join(dir, 'epoch-9'), { recursive: true });
    await writeFile(join(dir, 'epoch-9', 'input.json'), text);
    return lab('replay', '--terms', other, '--from', '9', '--to', '9', '--proofs', dir);
  };
  await assert.rejects(put('{}'), { code: 'input_missing' });
  await assert.rejects(put(writeInput(epochWith({ epoch: 8n }))), /it is of epoch 8/);
});

test('faults of the other terms are said before anything is read', async () => {
  const bad = join(dir, 'bad.toml');
  await writeFile(bad, starterFile.replace('10%', '101%'));
  await assert.rejects(lab('replay', '--terms', bad, '--from', '3', '--to', '3', '--proofs', dir), {
    code: 'terms_invalid',
    message: /commission: cannot be "101%"/,
  });
});

const tickets = ['--face-value', '0.02', '--win-prob', '1/500', '--seed', '7'];
const price = ['--price', '0.0005 ETH per 1e9 pixels'];

test('the reserve for a fixed rate comes with a simulation that agrees', async () => {
  const rate = ['--rate', '0.0004 ETH per 1e9 pixels', '--ruin', '1%', '--json'];
  const { stdout } = await lab('reserve', ...tickets, ...price, ...rate);
  const { reserve, simulated, payShare, expected } = JSON.parse(stdout);
  assert.ok(Math.abs(payShare - 0.8) < 1e-9);
  assert.ok(Math.abs(expected - 0.00004) < 1e-12);
  assert.ok(Math.abs(reserve / simulated - 1) < 0.02, `${reserve} and ${simulated}`);
});

test('a rate as high as the price needs an end, and another unit or asset makes no sense', async () => {
  const same = ['--rate', '0.0005 ETH per 1e9 pixels'];
  await assert.rejects(lab('reserve', ...tickets, ...price, ...same), /no reserve lasts for ever/);
  const ended = await lab(
    'reserve',
    ...tickets,
    ...price,
    ...same,
    '--units',
    '1e13',
    '--simulate',
    '0',
  );
  assert.match(ended.stdout, /^Reserve: [\d.]+ ETH/);
  await assert.rejects(
    lab('reserve', ...tickets, ...price, '--rate', '1 ETH per job'),
    /both must count the same/,
  );
  await assert.rejects(
    lab('reserve', ...tickets, ...price, '--rate', '1 LPT per 1e9 pixels'),
    /both must be in one asset/,
  );
});
