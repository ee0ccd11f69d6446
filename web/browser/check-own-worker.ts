import './no-eval.ts';
import { verifyPool } from '../../src/epochs/verify.ts';
import type { CheckedEpoch } from '../../src/epochs/verify-types.ts';
import { SIGNED_RECEIPT_BYTES, type SignedReceipt, splitSigned } from '../../src/proofs/receipt.ts';
import type { OwnCheckMessage, OwnCheckRequest, OwnEpoch } from './check-own-messages.ts';
import { type Counted, pureCrypto } from './pure-crypto.ts';

/** A thread of its own: a year of receipts keeps it busy for a while. */
addEventListener('message', ({ data }: MessageEvent<OwnCheckRequest>) => {
  void check(data).then(say, (error: unknown) => {
    say({ kind: 'failed', text: error instanceof Error ? error.message : 'it did not run' });
  });
});

/** The verifier that `tributary verify` runs, without the chain. */
async function check({ origin, worker, decimals }: OwnCheckRequest): Promise<OwnCheckMessage> {
  const counted: Counted = { hashes: 0 };
  const receipts = await readReceipts(origin, worker);
  say({ kind: 'step', text: `${receipts.length} of your receipts are fetched` });
  const parts = {
    files: { read: (path: string) => readText(new URL(`/proofs/${path}`, origin)) },
    chain: undefined,
    ...pureCrypto(counted),
  };
  const verdict = await verifyPool({ worker, receipts }, parts);
  const epochs = verdict.epochs.map((one) => shown(one, decimals));
  if (!verdict.ok) return { kind: 'broken', text: verdict.text, epochs };
  return { kind: 'held', hashes: counted.hashes, epochs, notes: verdict.notes };
}

function shown(
  { epoch, receipts = 0, owed }: CheckedEpoch,
  decimals: OwnCheckRequest['decimals'],
): OwnEpoch {
  return {
    epoch: String(epoch),
    receipts,
    owed: Object.entries(owed).map(([asset, amount]) => ({
      asset,
      amount: String(amount),
      decimals: decimals[asset] ?? 0,
    })),
  };
}

/** All that the pool gives out of this worker, as many at once as it likes. */
async function readReceipts(origin: string, worker: string): Promise<readonly SignedReceipt[]> {
  const receipts: SignedReceipt[] = [];
  for (;;) {
    const from = (receipts.at(-1)?.receipt.sequence ?? 0n) + 1n;
    const response = await ask(new URL(`/proofs/receipts?from=${from}&worker=${worker}`, origin));
    const bytes = new Uint8Array((await response?.arrayBuffer()) ?? new ArrayBuffer(0));
    if (bytes.length === 0) return receipts;
    for (let at = 0; at < bytes.length; at += SIGNED_RECEIPT_BYTES) {
      const signed = splitSigned(bytes.subarray(at, at + SIGNED_RECEIPT_BYTES));
      if (!signed) throw new Error('the pool sent something that is no receipt');
      receipts.push(signed);
    }
  }
}

async function readText(url: URL): Promise<string | undefined> {
  return (await ask(url))?.text();
}

async function ask(url: URL): Promise<Response | undefined> {
  const response = await fetch(url, { cache: 'no-cache' });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`the pool answered ${response.status} for ${url.pathname}`);
  return response;
}

function say(message: OwnCheckMessage): void {
  postMessage(message);
}
