import { type Hex, parseTransaction, recoverTransactionAddress } from 'viem';
import type { JournalAccount } from './journal-store.ts';
import type { SignFailure, SignRequest } from './journal-types.ts';
import { transactionHash, type UnsignedTransaction } from './sign-transaction.ts';

/** What signs: a part of `Signing`. */
export interface TransactionSigner {
  signTransaction(
    account: Hex,
    tx: UnsignedTransaction,
  ): Promise<
    | { readonly ok: true; readonly raw: Hex; readonly hash: Hex }
    | { readonly ok: false; readonly reason: SignFailure; readonly text: string }
  >;
}

/** Signed bytes that are what was asked for; `wrong`: they are not, so nobody may send them. */
export type Signed =
  | { readonly ok: true; readonly raw: Hex; readonly hash: Hex }
  | { readonly ok: false; readonly reason: SignFailure | 'wrong' };

/** Has a transaction signed, and believes nothing but the bytes. */
export async function signRequest(
  signing: TransactionSigner,
  { chainId, address }: JournalAccount,
  request: SignRequest,
): Promise<Signed> {
  const { nonce, to, value, data, gasLimit, maxFeePerGas, maxPriorityFeePerGas } = request;
  const fees = { maxFeePerGas, maxPriorityFeePerGas };
  const wanted: UnsignedTransaction = { chainId, nonce, to, value, data, gasLimit, ...fees };
  try {
    const signed = await signing.signTransaction(address, wanted);
    if (!signed.ok) return { ok: false, reason: signed.reason };
    if (!(await isWhatWasWanted(signed.raw, wanted, address)))
      return { ok: false, reason: 'wrong' };
    return { ok: true, raw: signed.raw, hash: transactionHash(signed.raw) };
  } catch {
    return { ok: false, reason: 'unavailable' };
  }
}

async function isWhatWasWanted(
  raw: Hex,
  wanted: UnsignedTransaction,
  address: Hex,
): Promise<boolean> {
  if (!raw.startsWith('0x02')) return false;
  const bytes = raw as `0x02${string}`;
  const tx = parseTransaction(bytes);
  const same =
    tx.chainId === wanted.chainId &&
    (tx.nonce ?? 0) === wanted.nonce &&
    tx.to?.toLowerCase() === wanted.to.toLowerCase() &&
    (tx.value ?? 0n) === wanted.value &&
    (tx.data ?? '0x').toLowerCase() === wanted.data.toLowerCase() &&
    (tx.gas ?? 0n) === wanted.gasLimit &&
    (tx.maxFeePerGas ?? 0n) === wanted.maxFeePerGas &&
    (tx.maxPriorityFeePerGas ?? 0n) === wanted.maxPriorityFeePerGas;
  if (!same) return false;
  const signer = await recoverTransactionAddress({ serializedTransaction: bytes });
  return signer.toLowerCase() === address.toLowerCase();
}
