import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TributaryError } from '../../base/errors.ts';
import { makeFolder } from '../../base/folder.ts';
import { SIGNED_RECEIPT_BYTES } from '../../proofs/receipt.ts';
import { tookTooLong } from './busy.ts';
import type { Enrolled } from './pool-api.ts';

const ANSWER_MS_MAX = 30_000;

/**
 * Gets what a worker may have missed: one that is killed just after its result was credited never
 * reads the receipt. The pool gives a worker all of its own again; those that it kept must be the
 * same, which the verifier looks at. Throws `demo_failed`, or `demo_slow`.
 *
 * @param published the public address of the pool
 * @param dir where the worker keeps its receipts
 */
export async function fetchReceipts(
  published: string,
  { id, credential }: Pick<Enrolled, 'id' | 'credential'>,
  dir: string,
): Promise<void> {
  const pieces: Buffer[] = [];
  for (let from = 1; ; ) {
    const response = await fetch(`${published}/proofs/receipts?from=${from}`, {
      headers: { authorization: `Bearer ${credential}` },
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    }).catch((cause: unknown) => {
      if (cause instanceof DOMException && cause.name === 'TimeoutError') {
        throw tookTooLong('The pool’s public address did not answer', ANSWER_MS_MAX);
      }
      throw new TributaryError('demo_failed', 'The pool’s public address does not answer.', {
        cause,
      });
    });
    if (!response.ok) {
      const why = `The pool answered a request for receipts with ${response.status}.`;
      throw new TributaryError('demo_failed', why);
    }
    const piece = Buffer.from(await response.arrayBuffer());
    if (piece.length === 0) break;
    pieces.push(piece);
    from += Math.floor(piece.length / SIGNED_RECEIPT_BYTES);
  }
  await makeFolder(dir, { mode: 0o700 });
  await writeFile(join(dir, `${id}-fetched.receipts`), Buffer.concat(pieces), { mode: 0o600 });
}
