import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileContracts } from '../src/chain/devnet-contracts.ts';

const ROOT = join(import.meta.dirname, '..');
const FILE = join(ROOT, 'src/chain/disperse-code.ts');

/** src/chain/disperse-code.ts as the compiler makes it of contracts/Disperse.sol. */
export async function disperseCode(): Promise<string> {
  const { Disperse } = await compileContracts();
  if (!Disperse) throw new RangeError('there is no contract Disperse');
  return `import type { Hex } from 'viem';

/**
 * What creates Disperse, as solc made it of contracts/Disperse.sol. Kept, since its address on every
 * chain follows from it, and an operator has no compiler. Written by scripts/disperse-code.ts; a test
 * fails when it is stale.
 */
export const disperseCode: Hex =
  '${Disperse.bytecode}';
`;
}

async function main(): Promise<void> {
  writeFileSync(FILE, await disperseCode());
  execFileSync(join(ROOT, 'node_modules/.bin/biome'), ['format', '--write', FILE], { cwd: ROOT });
}

if (import.meta.main) await main();
