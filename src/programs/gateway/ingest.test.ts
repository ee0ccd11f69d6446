import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { createBlobStore } from '../../base/blob.ts';
import { FakeClock } from '../../base/clock.ts';
import { createHashing } from '../../base/hashing.ts';
import { quiet } from '../../base/log.ts';
import { readMultipart } from '../../protocol/multipart.test-kit.ts';
import { profilesFromNames } from '../../protocol/profile-presets.ts';
import { offchainSigner } from '../../protocol/signature.ts';
import { FAKE_PIXELS, type FakeOrchestrator, fakeTransport } from './fake-orchestrators.ts';
import { createGateway } from './gateway.ts';
import { listenIngest } from './ingest.ts';

const hashing = createHashing({ threads: 1 });
after(() => hashing.close());

async function start(t: TestContext, orchestrator: FakeOrchestrator, sessionsMax = 10) {
  const clock = new FakeClock();
  const blobs = createBlobStore({ bytesMax: 64 * 1024 * 1024 });
  const gateway = createGateway(
    { orchestrators: ['https://pool:1'], attemptsMax: 3 },
    {
      transport: fakeTransport({ 'https://pool:1': orchestrator }, clock),
      signer: offchainSigner,
      hashing,
      clock,
      log: quiet,
      countPixels: async () => FAKE_PIXELS,
    },
  );
  const ingest = await listenIngest(
    { gateway, blobs, clock, log: quiet, inputOf: async () => ({ codec: 'h264' }) },
    { host: '127.0.0.1', port: 0, profiles: profilesFromNames('P240p30fps16x9'), sessionsMax },
  );
  t.after(() => ingest.close());
  const push = (path: string, headers: Record<string, string> = {}, method = 'POST') =>
    fetch(`http://127.0.0.1:${ingest.port}${path}`, {
      method,
      headers,
      ...(method === 'GET' ? {} : { body: 'a segment' }),
    });
  return { push, clock, blobs, ingest };
}

const wantsParts = { accept: 'multipart/mixed' };

test('a pushed segment comes back as one part per rendition', async (t) => {
  const { push, blobs } = await start(t, { calls: [] });
  const response = await push('/live/film/3.ts', wantsParts);
  assert.equal(response.status, 200);
  const [, boundary] = /boundary=(\S+)/.exec(response.headers.get('content-type') ?? '') ?? [];
  const bytes = Buffer.from(await response.arrayBuffer());
  const limits = { partsMax: 10, headerBytesMax: 4096, partBytesMax: 1_000_000 };
  const seen = readMultipart([bytes], boundary ?? '', limits).map(({ headers, body }) => ({
    headers,
    text: body.toString(),
  }));
  const text = 'https://pool:1/stream/P240p30fps16x9/3.ts';
  assert.deepEqual(seen, [
    {
      headers: {
        'content-disposition': 'attachment; filename="P240p30fps16x9_3.ts"',
        'content-length': String(text.length),
        'content-type': 'video/mp2t; name="P240p30fps16x9_3.ts"',
        'rendition-name': 'P240p30fps16x9',
      },
      text,
    },
  ]);
  assert.equal(blobs.bytesInUse, 0);
});

test('without multipart the reply is empty; PUT is as good as POST', async (t) => {
  const { push } = await start(t, { calls: [] });
  const response = await push('/live/film/0.ts', {}, 'PUT');
  assert.equal(response.status, 200);
  assert.equal(await response.text(), '');
});

test('each failure has the status of a stock gateway', async (t) => {
  const orchestrator: FakeOrchestrator = { calls: [] };
  const { push } = await start(t, orchestrator, 1);
  const status = async (path: string, method = 'POST') => (await push(path, {}, method)).status;

  orchestrator.capped = 'Invalid orchestrator request: OrchestratorCapped';
  const refused = await push('/live/film/0.ts');
  assert.equal(refused.status, 503);
  assert.equal(await refused.text(), 'No sessions available\n');
  orchestrator.capped = undefined;
  orchestrator.error = 'Unsupported input codec';
  assert.equal(await status('/live/film/1.ts'), 422);
  orchestrator.error = 'Remote transcoder took too long';
  assert.equal(await status('/live/film/2.ts'), 422);
  assert.equal(await status('/live/other/0.ts'), 500, 'more streams than allowed');
  assert.equal(await status('/live/film/3.avi'), 400);
  assert.equal(await status('/live/film/3.ts', 'GET'), 405);
});

test('a stream without a push for a minute is ended at the orchestrator', async (t) => {
  const orchestrator: FakeOrchestrator = { calls: [] };
  const { push, clock } = await start(t, orchestrator, 1);
  await push('/live/film/0.ts');
  clock.advance(59_000);
  await push('/live/film/1.ts');
  clock.advance(59_000);
  assert.ok(!orchestrator.calls.includes('end session-1'));
  clock.advance(1_000);
  assert.ok(orchestrator.calls.includes('end session-1'));
  assert.equal((await push('/live/next/0.ts')).status, 200);
});
