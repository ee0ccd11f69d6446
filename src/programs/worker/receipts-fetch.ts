import { messageOf } from '../../base/errors.ts';
import type { HttpClient } from '../../http/client.ts';
import { SIGNED_RECEIPT_BYTES, splitSigned } from '../../proofs/receipt.ts';
import type { ReceiptKeeper } from './receipts.ts';

/** A pool sends 200 at a time; more than twice as much is no such answer. */
const PAGE_BYTES_MAX = 500 * SIGNED_RECEIPT_BYTES;
/** Four million receipts; whoever misses more goes on at the next connection. */
const PAGES_MAX = 20_000;
const ANSWER_MS_MAX = 30_000;
/** wire: go-livepeer server/ot_rpc.go: the header of what a transcoder sends. */
const AUTHORIZATION = 'Livepeer-Transcoder-1.0';

/** Fetches from the pool what the folder lacks. */
export interface ReceiptFetcher {
  /** Looks once; while it does, another look follows. What goes wrong is told, and left for later. */
  fetch(): void;
  /** Resolves when no look is under way. */
  readonly idle: Promise<void>;
}

/**
 * Closes the gaps in a worker's receipts: those whose answers were lost with a connection, and all
 * that came before this folder. A stock orchestrator has none and says 404, which is no trouble.
 */
export function createReceiptFetcher(parts: {
  readonly keeper: ReceiptKeeper;
  readonly worker: string;
  readonly credential: string;
  readonly client: () => HttpClient;
  readonly signal: AbortSignal;
  readonly onTrouble: (text: string) => void;
  /** At the end of each look. */
  readonly onFetched: () => void;
}): ReceiptFetcher {
  const { keeper, worker, credential, signal, onTrouble } = parts;
  let running: Promise<void> | undefined;
  let again = false;

  async function look(): Promise<void> {
    try {
      let from = keeper.resume(worker);
      for (let page = 0; page < PAGES_MAX; page += 1) {
        const next = await fetchFrom(from);
        if (next === undefined) return;
        from = next;
      }
    } catch (error) {
      if (!signal.aborted) onTrouble(`receipts cannot be fetched: ${messageOf(error)}`);
    } finally {
      const trouble = keeper.settle();
      if (trouble !== undefined) onTrouble(trouble);
      parts.onFetched();
    }
  }

  /** The number to go on with; undefined: there are no more. */
  async function fetchFrom(from: bigint): Promise<bigint | undefined> {
    const response = await parts.client().request({
      method: 'GET',
      path: `/proofs/receipts?from=${from}`,
      headers: { authorization: AUTHORIZATION, credentials: credential },
      bodyBytesMax: PAGE_BYTES_MAX,
      timeoutMs: ANSWER_MS_MAX,
      signal,
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw new RangeError(`the pool answers with ${response.status}`);
    const bytes = Buffer.concat(chunks);
    let last: bigint | undefined;
    for (let at = 0; at + SIGNED_RECEIPT_BYTES <= bytes.length; at += SIGNED_RECEIPT_BYTES) {
      const signed = splitSigned(bytes.subarray(at, at + SIGNED_RECEIPT_BYTES));
      if (!signed) throw new RangeError('the pool sent something that is no receipt');
      const trouble = keeper.give(signed);
      if (trouble !== undefined) onTrouble(trouble);
      last = signed.receipt.sequence;
    }
    if (last === undefined) return undefined;
    if (last < from) throw new RangeError('the pool sent other receipts than it was asked for');
    return last + 1n;
  }

  function fetch(): void {
    if (signal.aborted) return;
    if (running) {
      again = true;
      return;
    }
    running = look().finally(() => {
      running = undefined;
      if (!again) return;
      again = false;
      fetch();
    });
  }

  return {
    fetch,
    get idle() {
      return running ?? Promise.resolve();
    },
  };
}
