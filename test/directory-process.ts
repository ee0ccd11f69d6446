import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ListedPool, WholePool } from '../src/api/directory-views.ts';
import { eventually } from './eventually.ts';
import type { Cleanup } from './start-pool.ts';
import { startTributary, type TributaryProcess } from './tributary-process.ts';

/** `tributary directory` in a process of its own. */
export interface DirectoryProcess {
  readonly url: string;
  readonly dataDir: string;
  readonly process: TributaryProcess;
  list(): Promise<readonly ListedPool[]>;
  pool(origin: string): Promise<WholePool>;
  /** Waits until a pool is seen as `is` says. */
  until(origin: string, what: string, is: (pool: WholePool) => boolean): Promise<WholePool>;
  /** SIGKILL, and a start with the same data. */
  restart(): Promise<void>;
}

/** Starts one that looks at these pools every second, private addresses and all. */
export async function startDirectoryProcess(
  t: Cleanup,
  pools: readonly string[],
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<DirectoryProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-directory-'));
  // The process first: it goes on writing as long as it runs.
  const cleanups: (() => void | Promise<void>)[] = [];
  const held: Cleanup = { after: (run) => void cleanups.push(run) };
  t.after(async () => {
    for (const run of cleanups) await run();
    await rm(dataDir, { recursive: true, force: true });
  });
  const seed = join(dataDir, 'pools.txt');
  await writeFile(seed, `# pools of a test\n${pools.join('\n')}\n`);
  const args = [
    ...['directory', `--seed=${seed}`, `--data-dir=${dataDir}`, '--http-addr=127.0.0.1:0'],
    ...['--every=1s', ...flags],
  ];
  let running: TributaryProcess;
  let url = '';
  const start = async () => {
    running = startTributary(held, args, env);
    const [, at = ''] = await running.line(/^READY http=(\S+) pools=\d+$/);
    url = at;
  };
  await start();
  const read = async <T>(path: string): Promise<T> => {
    const response = await fetch(new URL(path, url));
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const self: DirectoryProcess = {
    get url() {
      return url;
    },
    dataDir,
    get process() {
      return running;
    },
    list: async () => (await read<{ items: readonly ListedPool[] }>('/api/v1/pools')).items,
    pool: (origin) => read(`/api/v1/pools/${new URL(origin).host.replace(':', '-')}`),
    async until(origin, what, is) {
      let last: WholePool | undefined;
      await eventually(what, async () => {
        last = await self.pool(origin);
        return is(last);
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${JSON.stringify(last?.checks)}`);
      });
      return last as WholePool;
    },
    async restart() {
      running.child.kill('SIGKILL');
      await running.exited;
      await start();
    },
  };
  return self;
}
