import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type AssetId, assetId, ETH, LPT } from '../../src/base/asset.ts';
import { makePool, seededNumbers, type TestPool } from '../../src/proofs/epoch.test-kit.ts';
import { filesFault, filesOf } from '../../src/proofs/epoch-files.test-kit.ts';
import { writeFiles } from './pool-folder.ts';
import { hasPython, verify } from './python-verifier.ts';

/** Pools of so many epochs each: 10,000 signatures in pure Python take most of the time. */
const [POOLS, EPOCHS] = [200, 50];

const directory = mkdtempSync(join(tmpdir(), 'tributary-epochs-'));
after(() => rmSync(directory, { recursive: true }));

test('both verifiers agree on 10,000 random epochs, right ones and spoiled ones', async (t) => {
  if (!hasPython(t)) return;
  const random = seededNumbers('ten thousand');
  const expected = new Map<string, string | undefined>();
  for (let number = 0; number < POOLS; number += 1) {
    const files = filesOf(await randomPool(random));
    if (random(2) === 0) spoil(files, random);
    const folder = join(directory, `pool-${number}`);
    writeFiles(folder, files);
    expected.set(folder, filesFault(files));
  }
  const lines = verify([...expected.keys()]).text.split('\n');
  assert.equal(lines.length, POOLS);
  let right = 0;
  for (const [at, [folder, fault]] of [...expected].entries()) {
    const line = lines[at] as string;
    assert.ok(line.startsWith(`${folder}: `));
    const verdict = line.slice(folder.length + 2);
    assert.equal(verdict.startsWith('OK: '), fault === undefined, `${verdict} | ${fault}`);
    // Both name the same epoch.
    const epochOf = (text: string) => /^epoch \d+/.exec(text)?.[0];
    if (fault !== undefined)
      assert.equal(epochOf(verdict), epochOf(fault), `${verdict} | ${fault}`);
    else right += 1;
  }
  assert.ok(right > POOLS / 4 && right < (POOLS * 3) / 4, `${right} of ${POOLS} are right`);
  t.diagnostic(`${POOLS * EPOCHS} epochs, ${right} pools right, ${POOLS - right} spoiled`);
});

const SYMBOLS: readonly AssetId[] = [ETH, LPT, assetId('POINTS'), assetId('USDC')];

function randomPool(random: (below: number) => number): Promise<TestPool> {
  return makePool({
    epochs: EPOCHS,
    workers: random(5),
    perEpoch: 1 + random(2),
    assets: SYMBOLS.slice(0, 1 + random(SYMBOLS.length)),
    privacy: random(3) === 0 ? 'private' : 'public',
    random,
  });
}

/** Changes one digit somewhere, or takes a file away. */
function spoil(files: Map<string, string>, random: (below: number) => number): void {
  const names = [...files.keys()].filter((name) => !name.includes('/paths/') || random(4) === 0);
  const name = names[random(names.length)] as string;
  const text = files.get(name) as string;
  const digits = [...text.matchAll(/[0-9]/g)];
  const place = digits[random(digits.length)]?.index ?? 0;
  const digit = (Number(text[place]) + 1 + random(9)) % 10;
  if (random(10) === 0 && !name.includes('/paths/')) files.delete(name);
  else files.set(name, `${text.slice(0, place)}${digit}${text.slice(place + 1)}`);
}
