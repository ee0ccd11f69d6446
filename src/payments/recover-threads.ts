import { createAnsweringThread } from '../base/answering-thread.ts';
import { TributaryError } from '../base/errors.ts';
import { ADDRESS_BYTES, SIGNATURE_BYTES } from '../protocol/signature.ts';
import { HASH_BYTES, packer, type TicketTerms } from './ticket.ts';
import type { Examined } from './validate.ts';

/**
 * Tickets in one message: about 10 ms of work. A payment of 600 must not keep a thread from the
 * payments behind it, and is spread over all of them.
 */
const SLICE_TICKETS = 128;
/**
 * Tickets waiting at once over all callers, about 100 bytes each and half a second of work on two
 * threads: more is refused rather than queued beyond a gateway's patience.
 */
const WAITING_TICKETS_MAX = 20_000;

/** A digest (32 bytes) and the signature over it. */
export interface Signed {
  readonly digest: Uint8Array;
  readonly sig: Uint8Array;
}

/** Signatures and hashes of tickets, off the event loop, in native code. */
export interface Recovery {
  /**
   * The address behind each signature, in order; undefined where it is none (see `recover` of
   * protocol/signature.ts). Throws `recovery_busy` or `recovery_closed`.
   */
  recoverBatch(items: readonly Signed[]): Promise<readonly (Uint8Array | undefined)[]>;
  /**
   * Hash, signer and draw of every ticket of a payment, in order. Throws `recovery_busy` or
   * `recovery_closed`.
   */
  examine(tickets: TicketBatch): Promise<readonly Examined[]>;
  close(): Promise<void>;
}

/** The tickets of one payment. */
export interface TicketBatch {
  readonly terms: TicketTerms;
  /** 32 bytes. */
  readonly recipientRand: Uint8Array;
  readonly tickets: readonly { readonly nonce: number; readonly sig: Uint8Array }[];
}

/** To a thread; byte strings of one length stand behind each other in one array. */
export type RecoveryRequest =
  | {
      readonly id: number;
      readonly step: 'recover';
      readonly digests: Uint8Array;
      readonly sigs: Uint8Array;
    }
  | {
      readonly id: number;
      readonly step: 'examine';
      /** The bytes of a ticket; its nonce is overwritten by each of {@link nonces}. */
      readonly packed: Uint8Array;
      readonly recipientRand: Uint8Array;
      readonly nonces: Uint32Array;
      readonly sigs: Uint8Array;
    };

/** From a thread: addresses, zero where there is no signer; draws after `examine`. */
export interface RecoveryReply {
  readonly id: number;
  readonly signers: Uint8Array;
  readonly draws: Uint8Array;
}

/** `Omit` of each member of the union. */
type Task = { [S in RecoveryRequest as S['step']]: Omit<S, 'id'> }[RecoveryRequest['step']];

interface Lane {
  readonly load: number;
  run(task: Task, tickets: number): Promise<RecoveryReply>;
  close(): Promise<unknown>;
}

/** Starts `threads` threads. Slices of a batch go to the least busy one each. */
export function createRecovery(options: { threads: number }): Recovery {
  const lanes = Array.from({ length: Math.max(1, options.threads) }, createLane);
  let waiting = 0;
  let closed = false;

  async function run(task: Task, tickets: number): Promise<RecoveryReply> {
    const lane = lanes.reduce((best, other) => (other.load < best.load ? other : best));
    return lane.run(task, tickets);
  }

  async function sliced(
    count: number,
    taskOf: (from: number, to: number) => Task,
  ): Promise<readonly RecoveryReply[]> {
    if (closed) throw closedError();
    if (waiting + count > WAITING_TICKETS_MAX) {
      throw new TributaryError('recovery_busy', 'too many tickets wait for their signature check');
    }
    waiting += count;
    try {
      const slices: Promise<RecoveryReply>[] = [];
      for (let from = 0; from < count; from += SLICE_TICKETS) {
        const to = Math.min(count, from + SLICE_TICKETS);
        slices.push(run(taskOf(from, to), to - from));
      }
      return await Promise.all(slices);
    } finally {
      waiting -= count;
    }
  }

  return {
    async recoverBatch(items) {
      const replies = await sliced(items.length, (from, to) => {
        const slice = items.slice(from, to);
        return {
          step: 'recover',
          digests: laidOut(slice, HASH_BYTES, ({ digest }) => digest),
          sigs: laidOut(slice, SIGNATURE_BYTES, ({ sig }) => sig),
        };
      });
      return replies.flatMap(({ signers }) =>
        Array.from({ length: signers.length / ADDRESS_BYTES }, (_, at) => signerAt(signers, at)),
      );
    },
    async examine({ terms, recipientRand, tickets }) {
      // Copies: a message carries all of a pooled Buffer's memory along.
      const packed = Uint8Array.from(packer(terms)(0));
      const rand = Uint8Array.from(recipientRand);
      const replies = await sliced(tickets.length, (from, to) => {
        const slice = tickets.slice(from, to);
        return {
          step: 'examine',
          packed,
          recipientRand: rand,
          nonces: Uint32Array.from(slice, ({ nonce }) => nonce),
          sigs: laidOut(slice, SIGNATURE_BYTES, ({ sig }) => sig),
        };
      });
      return replies.flatMap(({ signers, draws }) =>
        Array.from({ length: draws.length / HASH_BYTES }, (_, at) => ({
          signer: signerAt(signers, at),
          draw: draws.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
        })),
      );
    },
    async close() {
      closed = true;
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

function createLane(): Lane {
  const thread = createAnsweringThread<RecoveryRequest, RecoveryReply>({
    module: new URL('./recover-thread.ts', import.meta.url),
    name: 'a signature thread',
    closed: closedError,
  });
  let load = 0;

  return {
    get load() {
      return load;
    },
    async run(task, tickets) {
      const { id, answer, post } = thread.ask();
      load += tickets;
      try {
        post({ ...task, id });
        return await answer;
      } finally {
        load -= tickets;
      }
    },
    close: () => thread.close(),
  };
}

/** A signature of a wrong length becomes zeros, which nobody signed. */
function laidOut<Item>(
  items: readonly Item[],
  length: number,
  bytesOf: (item: Item) => Uint8Array,
): Uint8Array {
  const all = new Uint8Array(items.length * length);
  for (const [at, item] of items.entries()) {
    const bytes = bytesOf(item);
    if (bytes.length === length) all.set(bytes, at * length);
  }
  return all;
}

function signerAt(signers: Uint8Array, at: number): Uint8Array | undefined {
  const signer = signers.subarray(at * ADDRESS_BYTES, (at + 1) * ADDRESS_BYTES);
  return signer.some((byte) => byte !== 0) ? signer : undefined;
}

function closedError(): TributaryError {
  return new TributaryError('recovery_closed', 'signature recovery was closed');
}
