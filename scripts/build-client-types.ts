import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
/** What the package exports as `tributary/client`, with its types beside it. */
const ENTRY = 'client/client';

/**
 * Writes the types of `tributary/client` into an emptied folder: those of the routes, so the
 * declarations that they lead to come along. Throws when the types do not hold.
 */
export function buildClientTypes(out: string): void {
  rmSync(out, { recursive: true, force: true });
  const work = mkdtempSync(join(tmpdir(), 'tributary-client-'));
  try {
    const project = join(work, 'tsconfig.json');
    writeFileSync(project, JSON.stringify(projectOf(join(work, 'types'))));
    const { status, stdout } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', project], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the types of the client do not hold:\n${stdout}`);
    copyReached(join(work, 'types/src'), out);
  } finally {
    rmSync(work, { recursive: true });
  }
}

function projectOf(outDir: string): object {
  return {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      ...{ noEmit: false, declaration: true, emitDeclarationOnly: true },
      ...{ rootDir: ROOT, outDir, typeRoots: [join(ROOT, 'node_modules/@types')] },
    },
    include: [],
    files: [join(ROOT, 'src', `${ENTRY}.ts`)],
  };
}

/** Declarations that the entry leads to, and no others; their imports name what Node would find. */
function copyReached(from: string, to: string): void {
  const waiting = [`${ENTRY}.d.ts`];
  const seen = new Set(waiting);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const text = readFileSync(join(from, name), 'utf8');
    const folder = dirname(name);
    const written = text.replaceAll(
      /(['"])(\.{1,2}\/[^'"\n]+)\.ts\1/g,
      (_, quote, path: string) => {
        const next = `${join(folder, path)}.d.ts`;
        if (!seen.has(next)) {
          seen.add(next);
          waiting.push(next);
        }
        return `${quote}${path}.js${quote}`;
      },
    );
    mkdirSync(join(to, folder), { recursive: true });
    writeFileSync(join(to, name), written);
  }
}
