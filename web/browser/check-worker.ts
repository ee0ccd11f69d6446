import './no-eval.ts';
import { verifyOneEpoch } from '../../src/epochs/verify-one.ts';
import type { CheckMessage, CheckRequest } from './check-messages.ts';
import { type Counted, pureCrypto } from './pure-crypto.ts';

/** A thread of its own: an epoch of 100,000 workers keeps it busy for a while. */
addEventListener('message', ({ data }: MessageEvent<CheckRequest>) => {
  void check(data).then(say, (error: unknown) => {
    say({ kind: 'failed', text: error instanceof Error ? error.message : 'it did not run' });
  });
});

async function check({ base, epoch }: CheckRequest): Promise<CheckMessage> {
  const counted: Counted = { hashes: 0 };
  const parts = {
    files: { read: (path: string) => read(new URL(path, base)) },
    chain: undefined,
    ...pureCrypto(counted),
  };
  const verdict = await verifyOneEpoch(BigInt(epoch), parts, (text) => say({ kind: 'step', text }));
  return verdict.ok
    ? { kind: 'held', hashes: counted.hashes, notes: verdict.notes }
    : { kind: 'broken', text: verdict.text };
}

async function read(url: URL): Promise<string | undefined> {
  const response = await fetch(url, { cache: 'no-cache' });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`the pool answered ${response.status} for ${url.pathname}`);
  return response.text();
}

function say(message: CheckMessage): void {
  postMessage(message);
}
