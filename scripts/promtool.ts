import { execFile } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Beside what npm brought, so that a clean checkout has it once. */
const DIR = join(import.meta.dirname, '..', 'node_modules', '.cache', 'promtool');
const BYTES_MAX = 2 ** 20;

/**
 * The path of Prometheus' own checker: the one of this machine, or that of Debian's package, fetched
 * without installing it. Undefined where neither is to be had.
 */
export async function findPromtool(): Promise<string | undefined> {
  const fetched = join(DIR, 'usr', 'bin', 'promtool');
  for (const path of ['promtool', fetched]) if (await works(path)) return path;
  await mkdir(DIR, { recursive: true });
  const downloaded = await download();
  return downloaded && (await works(fetched)) ? fetched : undefined;
}

async function works(path: string): Promise<boolean> {
  return run(path, ['--version']).then(
    () => true,
    () => false,
  );
}

async function download(): Promise<boolean> {
  try {
    const get = () =>
      run('apt-get', ['download', 'prometheus'], { cwd: DIR, maxBuffer: BYTES_MAX });
    // A fresh machine has no list of packages yet.
    await get().catch(async () => {
      await run('apt-get', ['update'], { maxBuffer: BYTES_MAX });
      await get();
    });
    const [file] = globSync('prometheus_*.deb', { cwd: DIR });
    if (file === undefined || !existsSync(join(DIR, file))) return false;
    await run('dpkg-deb', ['-x', file, '.'], { cwd: DIR });
    return true;
  } catch {
    return false; // no Debian, or no network: the caller says so
  }
}
