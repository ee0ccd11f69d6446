import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Abi, Hex } from 'viem';
import { messageOf, TributaryError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import { startThread } from '../base/threads.ts';

/** What deploying one contract takes. */
export interface Artifact {
  readonly abi: Abi;
  readonly bytecode: Hex;
}

/** The artifacts by the name of their contract. */
export type Artifacts = Readonly<Record<string, Artifact>>;

/** The Solidity of the local chain, at the root of this package. */
const SOURCES = new URL('../../contracts/', import.meta.url);
const ROOT = new URL('../../', import.meta.url);

/**
 * `runs` 200 is the compiler's default; BondingManager then stays below the 24,576 bytes that a
 * chain accepts (EIP-170). `cancun` is what Arbitrum runs.
 */
const SETTINGS = {
  optimizer: { enabled: true, runs: 200 },
  evmVersion: 'cancun',
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
} as const;

interface CompilerOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts?: Readonly<
    Record<string, Record<string, { abi: Abi; evm: { bytecode: { object: string } } }>>
  >;
}

/**
 * Compiles the contracts of the local chain, or takes them from an earlier run with the same
 * sources.
 *
 * @throws TributaryError `compiler_failed` when solc is not installed or refuses a source
 */
export async function compileContracts(): Promise<Artifacts> {
  const input = JSON.stringify({
    language: 'Solidity',
    sources: await sources(),
    settings: SETTINGS,
  });
  const hash = createHash('sha256').update(compilerVersion()).update(input).digest('hex');
  const name = `contracts-${hash.slice(0, 32)}.json`;
  const folders = cacheFolders();
  for (const folder of folders) {
    const known = await readFile(join(folder, name), 'utf8').catch(() => undefined);
    if (known !== undefined) return JSON.parse(known) as Artifacts;
  }
  const artifacts = artifactsOf(JSON.parse(await compile(input)) as CompilerOutput);
  await keep(folders, name, JSON.stringify(artifacts));
  return artifacts;
}

async function sources(): Promise<Record<string, { readonly content: string }>> {
  const folder = fileURLToPath(SOURCES);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sol')).sort();
  const files = names.map(
    async (name) => [name, { content: await readFile(join(folder, name), 'utf8') }] as const,
  );
  return Object.fromEntries(await Promise.all(files));
}

function compilerVersion(): string {
  try {
    const { version } = createRequire(import.meta.url)('solc/package.json') as { version: string };
    return version;
  } catch (cause) {
    throw new TributaryError('compiler_failed', 'The Solidity compiler is not installed.', {
      cause,
    });
  }
}

async function compile(input: string): Promise<string> {
  const thread = startThread(new URL('./compile-thread.ts', import.meta.url));
  try {
    const answered = once(thread, 'message');
    thread.postMessage(input);
    const [output] = (await answered) as [string];
    return output;
  } catch (cause) {
    const text = `The Solidity compiler failed: ${messageOf(cause)}`;
    throw new TributaryError('compiler_failed', text, { cause });
  } finally {
    await thread.terminate();
  }
}

function artifactsOf({ errors = [], contracts = {} }: CompilerOutput): Artifacts {
  const refused = errors.find(({ severity }) => severity === 'error');
  if (refused) throw new TributaryError('compiler_failed', refused.formattedMessage);
  const every = Object.values(contracts).flatMap((file) => Object.entries(file));
  return Object.fromEntries(
    every.map(([name, { abi, evm }]) => [name, { abi, bytecode: `0x${evm.bytecode.object}` }]),
  );
}

/** Beside the dependencies where that can be written, else where this machine keeps such things. */
function cacheFolders(): readonly string[] {
  return [
    join(fileURLToPath(ROOT), 'node_modules/.cache/tributary'),
    join(tmpdir(), 'tributary-contracts'),
  ];
}

/** Several processes may compile at once: a file appears whole or not at all. */
async function keep(folders: readonly string[], name: string, text: string): Promise<void> {
  for (const folder of folders) {
    const partial = join(folder, `${name}.${process.pid}`);
    try {
      await makeFolder(folder);
      await writeFile(partial, text);
      await rename(partial, join(folder, name));
      return;
    } catch {
      // Not writable: the next folder, or compile again the next time.
    }
  }
}
