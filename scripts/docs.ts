import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manifestJsonSchema } from '../src/manifest/manifest.ts';
import { apiPage, openapiFile } from './docs-api.ts';
import { metricsPage } from './docs-metrics.ts';
import { cliPage, errorsPage, settingsPage } from './docs-pages.ts';

const REFERENCE = join(import.meta.dirname, '../docs/reference');

/** The reference pages that come out of the code, by file name. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  return {
    'api.md': apiPage(),
    'cli.md': cliPage(),
    'errors.md': errorsPage(),
    'livepeer-pool.schema.json': `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`,
    'metrics.md': await metricsPage(),
    'openapi.json': openapiFile(),
    'settings.md': settingsPage(),
  };
}

/** Names of the pages whose file differs from what the code says now. */
export async function stalePages(): Promise<readonly string[]> {
  const pages = Object.entries(await referencePages());
  return pages.filter(([name, text]) => onDisk(name) !== text).map(([name]) => name);
}

function onDisk(name: string): string | undefined {
  try {
    return readFileSync(join(REFERENCE, name), 'utf8');
  } catch {
    return undefined; // not written yet, which is as stale as can be
  }
}

async function main(): Promise<number> {
  if (process.argv.includes('--check')) {
    const stale = await stalePages();
    for (const name of stale) {
      console.error(`docs/reference/${name} is stale: run \`npm run generate\`.`);
    }
    return stale.length > 0 ? 1 : 0;
  }
  mkdirSync(REFERENCE, { recursive: true });
  for (const [name, text] of Object.entries(await referencePages())) {
    writeFileSync(join(REFERENCE, name), text);
  }
  return 0;
}

if (import.meta.main) process.exitCode = await main();
