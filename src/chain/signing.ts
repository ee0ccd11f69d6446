import type { Hex } from 'viem';
import type { UnsignedTransaction } from './sign-transaction.ts';

/** What an account is for; what it may sign follows from it. */
export type SigningRole = 'node' | 'redeemer' | 'reward_caller';

/** An account whose key the signer holds. */
export interface SigningAccount {
  /** `0x` and 40 hex digits in lower case. */
  readonly address: Hex;
  readonly roles: readonly SigningRole[];
}

/** `refused` is for good: against the policy of the signer. `unavailable` is worth another try. */
export type SignedOrNot =
  | { readonly ok: true; readonly raw: Hex; readonly hash: Hex }
  | { readonly ok: false; readonly reason: 'refused' | 'unavailable'; readonly text: string };

/**
 * What holds the node's keys, as the rest of the pool sees it: a process of its own. Keys never
 * leave it, and it builds every message that it signs out of a typed request.
 *
 * Everything but {@link Signing.signTransaction} throws TributaryError `signer_unavailable` when the
 * signer does not answer in time, and `signer_refused` when it will not do what it was asked.
 */
export interface Signing {
  /** 20 bytes: the node account, `OrchestratorInfo.address`, which signs results. */
  readonly address: Uint8Array;
  /** Every account that may sign transactions, the node account first. */
  readonly accounts: readonly SigningAccount[];
  /**
   * 65 bytes over the concatenated rendition hashes, each of 32 bytes.
   * wire: go-livepeer server/segment_rpc.go:ServeSegment.
   */
  signResult(hashes: readonly Uint8Array[]): Promise<Uint8Array>;
  /**
   * The signature that answers a Ping; undefined when the value could mean something elsewhere: more
   * than 31 bytes, and no nonce of {@link Signing.selfCheckNonce}.
   * wire: go-livepeer server/rpc.go:ping.
   */
  signPing(value: Uint8Array): Promise<Uint8Array | undefined>;
  /** 32 random bytes that {@link Signing.signPing} takes once: the pool asks itself whether it is reachable. */
  selfCheckNonce(): Promise<Uint8Array>;
  /** Signs what the policy allows: chain, contract, method, recipient, amounts, gas. Never throws. */
  signTransaction(account: Hex, tx: UnsignedTransaction): Promise<SignedOrNot>;
  /**
   * 32 bytes derived from the node account's key (HKDF, a domain of its own), which seal secrets in
   * the database. The same for the same key; not a key of any account.
   */
  sealKey(): Promise<Uint8Array>;
  /** How often the signer signed and refused since it started. */
  figures(): Promise<SigningFigures>;
  /** Ends the connection, and the signer itself where it was started as a child. */
  close(): Promise<void>;
}

/** Counted since the start of the signer, over all who are connected to it. */
export interface SigningFigures {
  readonly signed: number;
  readonly refused: number;
}
