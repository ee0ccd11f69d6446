import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { adminFiles } from '../../base/data-dir.ts';
import { busyText } from './busy.ts';
import { connectPool } from './pool-api.ts';

test('who runs the demo on a busy machine reads that it may have lacked CPU', () => {
  const said = busyText({ waiting: 34.21, cores: 2 }, 900);
  assert.match(said ?? '', /the load of this machine is 34\.2 on 2 cores\. Run it again/);
  assert.match(busyText({ waiting: 0.5, cores: 2 }, 2_700) ?? '', /Too little CPU may be why/);
  assert.equal(busyText({ waiting: 3.9, cores: 2 }, 900), undefined);
  assert.equal(busyText({ waiting: 0, cores: 8 }, undefined), undefined);
});

test('a pool that runs and does not answer is told from one that is gone', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-busy-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  await writeFile(adminFiles(dataDir).token, 'token');
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const api = await connectPool({ url, dataDir, answerMs: 1 });
  await assert.rejects(api.status(), {
    code: 'demo_slow',
    message: /did not answer within .*the load of this machine is/,
  });
  silent.closeAllConnections();
  await new Promise((resolve) => silent.close(resolve));
  const gone = await connectPool({ url, dataDir });
  await assert.rejects(gone.status(), { code: 'demo_failed' });
});
