import { parseBase64 } from '../../base/bytes.ts';
import { messageOf } from '../../base/errors.ts';
import { equalBytes, toHex } from '../../proofs/bytes.ts';
import type { ProofHashing } from '../../proofs/hashing.ts';
import { receiptHash, type SignedReceipt, splitSigned } from '../../proofs/receipt.ts';
import {
  type ChainHead,
  chainFaultTexts,
  chainStart,
  checkReceipts,
  isSigned,
} from '../../proofs/receipt-chain.ts';
import type { VerifyEd25519 } from '../../proofs/signatures.ts';

/** What a pool answers a credited result with; stock orchestrators have no such header. */
export const RECEIPT_HEADER = 'tributary-receipt';
/** Answers of parallel posts overtake each other by a few; one that is later still is missing. */
const WAITING_MAX = 64;
/** While they are fetched, what comes with answers waits for those before it. */
const WAITING_LONG_MAX = 100_000;
/** So many numbers back a receipt that comes twice is known without reading the folder. */
const RECENT_MAX = 1_000;
/** A signed receipt in base64 has 568 characters. */
const HEADER_CHARACTERS_MAX = 1_024;

/** Where receipts are kept. */
export interface ReceiptStore {
  /** The receipts of the newest epochs that are there for a worker, in any order. */
  recent(worker: string): readonly SignedReceipt[];
  /** Adds one. Throws when it cannot be written. */
  append(receipt: SignedReceipt): void;
}

/** Counts since the start, for the live line. */
export interface ReceiptFigures {
  readonly kept: number;
  readonly missing: number;
}

/** Keeps the receipts that a pool gives, and looks at each as its verifier would. */
export interface ReceiptKeeper {
  /**
   * Takes the headers of an answer; what is not right with the receipt is returned in words that the
   * worker reads. An answer without one says nothing: a stock orchestrator never has one.
   */
  take(headers: Readonly<Record<string, string | undefined>>): string | undefined;
  /** Takes one that was fetched; one that is there already changes nothing. */
  give(signed: SignedReceipt): string | undefined;
  /** Begins to close gaps: the number of the first receipt that the folder lacks. */
  resume(worker: string): bigint;
  /** All that could be fetched is there; what is missing still is told. */
  settle(): string | undefined;
  /** Whether receipts before others are missing. */
  readonly hasGap: boolean;
  readonly figures: ReceiptFigures;
}

/**
 * A keeper for one orchestrator. Who the pool is, who we are there and which key signs is pinned at
 * the first receipt: of this run, or of the folder if it has some.
 */
export function createReceiptKeeper(parts: {
  readonly store: ReceiptStore;
  readonly hashing: ProofHashing;
  readonly verifyEd25519: VerifyEd25519;
}): ReceiptKeeper {
  const { store, hashing, verifyEd25519 } = parts;
  /** Of receipts that came before one that they follow. */
  const waiting = new Map<bigint, SignedReceipt>();
  /** The last ones up to the head, by their numbers. */
  const recent = new Map<bigint, Uint8Array>();
  const keys = new Set<string>();
  let first: SignedReceipt | undefined;
  let head: ChainHead | undefined;
  let isFetching = false;
  let kept = 0;
  let missing = 0;

  /** Where the folder ends without a gap; where it is empty, before the first receipt of this run. */
  function begin(worker: string, signed: SignedReceipt | undefined): void {
    const stored = store
      .recent(worker)
      .toSorted((a, b) => (a.receipt.sequence < b.receipt.sequence ? -1 : 1));
    for (const { receipt } of stored) keys.add(toHex(receipt.key));
    if (signed) keys.add(toHex(signed.receipt.key));
    first = stored[0] ?? signed;
    head =
      signed && stored.length === 0 && signed.receipt.sequence !== 1n
        ? headBefore(signed)
        : chainStart;
    for (const one of stored) {
      const follows = one === first || one.receipt.sequence === head.sequence + 1n;
      if (follows) reach(one, headAt(one, hashing));
      else if (one.receipt.sequence > head.sequence) waiting.set(one.receipt.sequence, one);
    }
  }

  function reach({ receipt, body }: SignedReceipt, next: ChainHead): void {
    head = next;
    recent.set(receipt.sequence, body);
    if (recent.size > RECENT_MAX) recent.delete(recent.keys().next().value as bigint);
  }

  /** Checks what now follows without a gap, and gives up on a gap that stays. */
  function advance(): string | undefined {
    let trouble: string | undefined;
    while (head && first && waiting.size > 0) {
      let next = waiting.get(head.sequence + 1n);
      if (!next) {
        if (waiting.size <= (isFetching ? WAITING_LONG_MAX : WAITING_MAX)) break;
        next = [...waiting.values()].reduce((a, b) =>
          a.receipt.sequence < b.receipt.sequence ? a : b,
        );
        const gap = next.receipt.sequence - head.sequence - 1n;
        missing += Number(gap);
        trouble ??= `${gap} receipts are missing before number ${next.receipt.sequence}`;
        head = headBefore(next);
      }
      waiting.delete(next.receipt.sequence);
      const { pool, chainId, worker } = first.receipt;
      const checked = checkReceipts([next], head, {
        identity: { pool, chainId },
        worker,
        keys,
        hashing,
        verifyEd25519,
        signatures: 'last',
      });
      if (!checked.ok) {
        trouble ??= `receipt ${checked.sequence} ${chainFaultTexts[checked.reason]}`;
      }
      // A fault is told once; what comes next follows the receipt as it is.
      reach(next, checked.ok ? checked.head : headAt(next, hashing));
    }
    return trouble;
  }

  /** Writes it down before it is looked at closely: also what is wrong is evidence. */
  function keep(signed: SignedReceipt): string | undefined {
    try {
      if (!head) begin(signed.receipt.worker, signed);
      if (!first) keys.add(toHex(signed.receipt.key));
      first ??= signed;
      if (first && !sameIssue(first, signed)) {
        return `receipt ${signed.receipt.sequence} is of another pool, or for another worker`;
      }
      store.append(signed);
      kept += 1;
      return undefined;
    } catch (error) {
      return `receipts cannot be kept: ${messageOf(error)}`;
    }
  }

  /** The other one of its number, as far back as is remembered. */
  const another = ({ receipt }: SignedReceipt) =>
    waiting.get(receipt.sequence)?.body ?? recent.get(receipt.sequence);

  /** Keeps one, unless the very same is there. */
  function accept(signed: SignedReceipt): string | undefined {
    const { sequence } = signed.receipt;
    if (!isSigned(signed, verifyEd25519)) return `receipt ${sequence} has a wrong signature`;
    const other = another(signed);
    if (other && equalBytes(other, signed.body)) return undefined;
    const unwritable = keep(signed);
    if (unwritable) return unwritable;
    const key = toHex(signed.receipt.key);
    const isNewKey = !keys.has(key);
    keys.add(key);
    if (other) {
      return `the pool signed two different receipts with the number ${sequence}: keep both`;
    }
    if (head && sequence <= head.sequence) return undefined;
    waiting.set(sequence, signed);
    const trouble = advance();
    const told = `receipt ${sequence} is signed by a new key: compare it with the pool's`;
    return trouble ?? (isNewKey ? told : undefined);
  }

  return {
    take(headers) {
      const text = headers[RECEIPT_HEADER];
      if (text === undefined) return undefined;
      const bytes = text.length > HEADER_CHARACTERS_MAX ? undefined : parseBase64(text);
      const signed = bytes && splitSigned(bytes);
      if (!signed) return 'the pool sent something that is no receipt';
      return accept(signed);
    },
    give(signed) {
      // What is behind the end is in the folder: it was read from there, or fetched before.
      if (head && signed.receipt.sequence <= head.sequence) return undefined;
      return accept(signed);
    },
    resume(worker) {
      isFetching = true;
      if (!head) begin(worker, undefined);
      return (head?.sequence ?? 0n) + 1n;
    },
    settle() {
      isFetching = false;
      return advance();
    },
    get hasGap() {
      return waiting.size > 0;
    },
    get figures() {
      return { kept, missing };
    },
  };
}

function sameIssue({ receipt: a }: SignedReceipt, { receipt: b }: SignedReceipt): boolean {
  return a.worker === b.worker && a.chainId === b.chainId && equalBytes(a.pool, b.pool);
}

/** Behind a receipt whose forerunners are not at hand. */
function headAt({ receipt, body }: SignedReceipt, hashing: ProofHashing): ChainHead {
  return { sequence: receipt.sequence, hash: receiptHash(body, hashing), sums: undefined };
}

function headBefore({ receipt }: SignedReceipt): ChainHead {
  return { sequence: receipt.sequence - 1n, hash: receipt.previous, sums: undefined };
}
