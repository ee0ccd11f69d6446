import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const PROGRAM = `
  import { registerHooks } from 'node:module';
  const loaded = [];
  registerHooks({
    load(url, context, next) {
      loaded.push(url);
      return next(url, context);
    },
  });
  await import(process.argv[1]);
  console.log(JSON.stringify(loaded));
`;

/** Every module that is loaded together with one of ours. */
function loadedWith(module: string): readonly string[] {
  const url = new URL(module, import.meta.url).href;
  const args = ['--input-type=module', '--eval', PROGRAM, url];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as string[];
}

const ofChain = (url: string) =>
  url.includes('/node_modules/viem/') || url.includes('/src/duties/');

test('a pool off-chain and a worker load nothing of a chain', () => {
  for (const module of ['./pool.ts', '../worker/worker.ts']) {
    const loaded = loadedWith(module);
    assert.ok(loaded.length > 20);
    assert.deepEqual(loaded.filter(ofChain), [], module);
  }
});

test('a pool on chain loads it when it needs it', () => {
  assert.ok(loadedWith('./chain.ts').some(ofChain));
});
