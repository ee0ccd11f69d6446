import { execFileSync } from 'node:child_process';
import { delimiter, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const BIN = join(ROOT, 'node_modules/.bin');

/** `npm run generate`: everything that comes out of the code. database/write-schema.ts needs a database. */
function main(): void {
  // buf looks for protoc-gen-es on the path.
  const env = { ...process.env, PATH: `${BIN}${delimiter}${process.env.PATH}` };
  const protocol = join(ROOT, 'src/protocol');
  execFileSync(join(BIN, 'buf'), ['generate'], { cwd: protocol, env, stdio: 'inherit' });
  for (const script of ['scripts/imports.ts', 'scripts/docs.ts']) {
    execFileSync(process.execPath, [script], { cwd: ROOT, stdio: 'inherit' });
  }
}

main();
