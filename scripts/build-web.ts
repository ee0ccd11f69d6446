import {
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const ROOT = join(import.meta.dirname, '..');
const WEB = join(ROOT, 'web');
const OUT = join(ROOT, 'dist-web');
/** Written last, so that what it stands for is whole. */
const STAMP = join(OUT, 'built.json');
/** Everything that can end up in the pages. */
const SOURCES = [
  'web/**/*',
  'docs/**/*.md',
  'src/{base,proofs,terms,epochs,api}/*.ts',
  'scripts/build-web.ts',
  'package-lock.json',
];
/** Text that browsers take compressed; the rest is served as it is. */
const COMPRESSED = /\.(?:js|css|svg|json)$/;

/** Whether `dist-web/` is there and not older than any of its sources. */
export function isBuilt(): boolean {
  const built = statSync(STAMP, { throwIfNoEntry: false })?.mtimeMs;
  if (built === undefined) return false;
  return globSync(SOURCES, { cwd: ROOT }).every(
    (path) => statSync(join(ROOT, path)).mtimeMs <= built,
  );
}

/**
 * Builds the pages: `dist-web/browser/` as it is served, every text compressed beforehand, and
 * `dist-web/server/` for the process that renders them. Needs no network.
 */
export async function buildWeb(): Promise<void> {
  const { build } = await import('vite');
  // Beside it, so that pools that start meanwhile find the pages whole.
  const out = join(ROOT, `dist-web/.new-${process.pid}`);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const shared = {
    root: WEB,
    configFile: false,
    envDir: false,
    publicDir: false,
    logLevel: 'error',
    clearScreen: false,
    // No Preact plugin is needed: the compiler knows JSX by itself.
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    worker: { format: 'es' },
  } as const;
  await build({
    ...shared,
    build: {
      outDir: join(out, 'browser'),
      emptyOutDir: false,
      target: 'es2023',
      // light-dark() stays as it is written: every browser since the spring of 2024 knows it.
      cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
      manifest: 'manifest.json',
      // A strict policy refuses data: addresses, and hashed files are cached for ever anyway.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rolldownOptions: { input: { main: join(WEB, 'browser/main.ts') } },
    },
  });
  await build({
    ...shared,
    // One file that stands alone, whatever is installed beside it.
    ssr: { noExternal: true },
    build: {
      outDir: join(out, 'server'),
      emptyOutDir: false,
      target: 'node24',
      ssr: join(WEB, 'server.tsx'),
      minify: false,
      reportCompressedSize: false,
      rolldownOptions: { output: { entryFileNames: 'server.js' } },
    },
  });
  compressAll(out);
  rmSync(STAMP, { force: true });
  for (const part of ['browser', 'server']) {
    rmSync(join(OUT, part), { recursive: true, force: true });
    renameSync(join(out, part), join(OUT, part));
  }
  rmSync(out, { recursive: true });
  writeFileSync(STAMP, `${JSON.stringify({ builtAt: new Date().toISOString() })}\n`);
}

function compressAll(out: string): void {
  for (const path of globSync('browser/assets/**/*', { cwd: out })) {
    const file = join(out, path);
    if (!COMPRESSED.test(path) || !statSync(file).isFile()) continue;
    const bytes = readFileSync(file);
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
    const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: quality }));
  }
}

/** Vite is a tool of developers: an installation without those runs what was built before. */
async function hasVite(): Promise<boolean> {
  try {
    import.meta.resolve('vite/package.json');
    await import('vite');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return false;
    throw error;
  }
}

async function main(): Promise<void> {
  if (process.argv.includes('--if-stale') && isBuilt()) return;
  if (process.argv.includes('--if-able') && !(await hasVite())) {
    console.log('The pages are not built: Vite is not installed (it is a devDependency).');
    return;
  }
  await buildWeb();
}

if (import.meta.main) await main();
