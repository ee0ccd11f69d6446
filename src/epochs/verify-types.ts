import type { ProofHashing } from '../proofs/hashing.ts';
import type { SignedReceipt } from '../proofs/receipt.ts';
import type { VerifyEd25519 } from '../proofs/signatures.ts';
import type { Keccak256, RecoverAddress } from '../proofs/statement.ts';
import type { Amounts } from '../terms/settle-types.ts';

/** What can be wrong with what a pool publishes, in the order in which it is looked for. */
export const verifyFaults = [
  'file_missing',
  'file_malformed',
  'index_wrong',
  'worker_unknown',
  'key_not_endorsed',
  'epoch_signature_wrong',
  'epoch_chain_broken',
  'epoch_replaced',
  'terms_differ',
  'receipt_chain_broken',
  'receipt_changed',
  'receipt_repeated',
  'receipt_dropped',
  'receipts_missing',
  'units_differ',
  'amount_differs',
  'input_differs',
  'settlement_differs',
  'leaf_differs',
  'cumulative_differs',
  'sum_overflow',
  'sibling_swapped',
  'root_stale',
  'root_differs',
  'total_wrong',
  'income_wrong',
  'income_not_on_chain',
  'anchor_differs',
  'history_rewritten',
  'disputes_rewritten',
  'award_differs',
  'payment_not_on_chain',
  'payment_not_final',
  'payment_short',
  'payout_repeated',
  'paid_too_much',
  'chain_differs',
] as const;
export type VerifyFault = (typeof verifyFaults)[number];

/** The first thing that is wrong. Thrown within the verifier, a value for its callers. */
export class Wrong extends Error {
  override readonly name = 'Wrong';
  readonly fault: VerifyFault;
  readonly epoch: bigint | undefined;

  /** @param text one sentence without a full stop, as the worker reads it */
  constructor(fault: VerifyFault, text: string, epoch?: bigint) {
    super(text);
    this.fault = fault;
    this.epoch = epoch;
  }
}

/** Where the published files are. */
export interface PublishedFiles {
  /** The text of a file; undefined when there is none. What it throws is not the pool's fault. */
  read(path: string): Promise<string | undefined>;
}

/** A log of a transaction. Everything in lower-case hex with 0x. */
export interface ChainLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
}

/** A transaction that a block holds. */
export interface ChainTransaction {
  readonly from: string;
  /** Undefined: it created a contract. */
  readonly to: string | undefined;
  readonly value: bigint;
  readonly input: string;
  readonly block: bigint;
  readonly succeeded: boolean;
  /** What it cost its sender. */
  readonly gasWei: bigint;
  readonly logs: readonly ChainLog[];
}

/** The few questions that are asked of a chain. What they throw is not the pool's fault. */
export interface VerifyChain {
  chainId(): Promise<bigint>;
  /** The newest block that will not be undone. */
  finalBlock(): Promise<bigint>;
  transaction(hash: string): Promise<ChainTransaction | undefined>;
  /** The contracts whose events count, in lower case; undefined where they are not known. */
  readonly contracts: {
    readonly ticketBroker: string | undefined;
    readonly bondingManager: string | undefined;
    readonly livepeerToken: string | undefined;
    readonly disperse: string;
  };
}

/** What the verifier is given by the program or page that it runs in. */
export interface VerifyParts {
  readonly files: PublishedFiles;
  /** Undefined: what stands on the chain is not looked at. */
  readonly chain: VerifyChain | undefined;
  readonly hashing: ProofHashing;
  readonly verifyEd25519: VerifyEd25519;
  readonly keccak256: Keccak256;
  readonly recover: RecoverAddress;
}

/** Whose pay is looked at. */
export interface VerifyRequest {
  /** The worker's name, payout address or id. */
  readonly worker: string;
  /** What the worker was given with its results, in any order; undefined: it kept none. */
  readonly receipts: readonly SignedReceipt[] | undefined;
  /** What was kept of the pool's files before: a record in it that was replaced since is looked at. */
  readonly kept?: PublishedFiles | undefined;
}

/** What held in one epoch. */
export interface CheckedEpoch {
  readonly epoch: bigint;
  readonly opensAt: number;
  readonly closesAt: number;
  readonly units: bigint;
  /** Own receipts that were looked at; undefined: none were given. */
  readonly receipts: number | undefined;
  readonly owed: Amounts;
  /** Payments of this worker that stand with this epoch. */
  readonly paid: Amounts;
  /** Whether the statement was recomputed: not in a private pool. */
  readonly recomputed: boolean;
}

/** What the verifier says. */
export type Verdict =
  | {
      readonly ok: true;
      readonly worker: string;
      readonly epochs: readonly CheckedEpoch[];
      /** Of all epochs. */
      readonly owed: Amounts;
      readonly paid: Amounts;
      /** What could not be looked at, and why. */
      readonly notes: readonly string[];
    }
  | {
      readonly ok: false;
      readonly fault: VerifyFault;
      readonly epoch: bigint | undefined;
      readonly text: string;
      /** Epochs in which everything held. */
      readonly epochs: readonly CheckedEpoch[];
    };
