import {
  formatTransaction,
  type Hex,
  type RpcTransaction,
  recoverTransactionAddress,
  serializeTransaction,
  type TransactionSerializable,
} from 'viem';
import type { JournalAccount } from './journal-store.ts';
import type { Finality } from './networks.ts';
import type { Providers } from './providers.ts';
import { transactionHash } from './sign-transaction.ts';
import { field, hashOf, lowest, quantity, toHex } from './transactions-look.ts';

/**
 * The transaction with this nonce that is final: signed by the account, and in the same final block
 * for every provider that answers. Undefined when any of that cannot be shown.
 *
 * @throws TributaryError `rpc_unavailable` or `rpc_refused`, as for nodes without old states
 */
export async function findFinal(
  providers: Providers,
  account: JournalAccount,
  nonce: number,
  finality: Finality,
): Promise<Hex | undefined> {
  const final = await finalBlock(providers, finality);
  if (final === undefined) return undefined;
  const block = await blockOfNonce(providers, account.address, nonce, final);
  if (block === undefined) return undefined;
  const found = await providers.request('eth_getBlockByNumber', [toHex(block), true]);
  const transactions = field(found, 'transactions');
  if (!Array.isArray(transactions)) return undefined;
  const own = transactions.find(
    (tx) =>
      String(field(tx, 'from')).toLowerCase() === account.address.toLowerCase() &&
      quantity(field(tx, 'nonce')) === BigInt(nonce),
  );
  const hash = hashOf(field(own, 'hash'));
  if (!hash || !(await signedByAccount(account, own as RpcTransaction, hash))) return undefined;
  return (await isInAll(providers, hash, block)) ? hash : undefined;
}

/** The lowest of what the providers take for final. */
export async function finalBlock(
  providers: Providers,
  finality: Finality,
): Promise<bigint | undefined> {
  const tag = 'tag' in finality ? finality.tag : 'latest';
  const answers = await providers.requestAll('eth_getBlockByNumber', [tag, false]);
  const numbers = answers.flatMap((answer) => {
    const number = answer.ok ? quantity(field(answer.value, 'number')) : undefined;
    return number === undefined ? [] : [number];
  });
  const known = lowest(numbers);
  if (known === undefined) return undefined;
  const final = known - ('depth' in finality ? BigInt(finality.depth) : 0n);
  return final < 0n ? undefined : final;
}

/** The block in which the account's count of transactions went past a nonce; looks near the end first. */
async function blockOfNonce(
  providers: Providers,
  address: Hex,
  nonce: number,
  final: bigint,
): Promise<bigint | undefined> {
  const isPast = async (block: bigint) => {
    const count = await providers.request('eth_getTransactionCount', [address, toHex(block)]);
    return (quantity(count) ?? 0n) > BigInt(nonce);
  };
  if (!(await isPast(final))) return undefined;
  let past = final;
  let before = -1n;
  for (let stride = 1n; past > 0n && before < 0n; stride *= 2n) {
    const at = past > stride ? past - stride : 0n;
    if (await isPast(at)) past = at;
    else before = at;
  }
  while (past - before > 1n) {
    const middle = (past + before) / 2n;
    if (await isPast(middle)) past = middle;
    else before = middle;
  }
  return past;
}

/** A transaction that an account signed, as it was sent. */
export interface SignedByAccount {
  readonly raw: Hex;
  readonly to: Hex | undefined;
  readonly value: bigint;
  readonly data: Hex;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/**
 * The bytes of a transaction as a node describes it; undefined when the account did not sign them.
 * Nobody else can make such a signature; the hash says that it is of exactly this transaction.
 */
export async function signedByAccount(
  { chainId, address }: JournalAccount,
  rpc: RpcTransaction,
  hash: Hex,
): Promise<SignedByAccount | undefined> {
  try {
    const { r, s, v, yParity, ...tx } = formatTransaction(rpc);
    const unsigned = { ...tx, chainId: tx.chainId ?? chainId, data: tx.input };
    // A price per gas is shown for the newer types, too, which do not carry one.
    if (tx.type !== 'legacy' && tx.type !== 'eip2930') Reflect.deleteProperty(unsigned, 'gasPrice');
    const signature = tx.type === 'legacy' ? { r, s, v } : { r, s, yParity: yParity ?? Number(v) };
    const raw = serializeTransaction(
      unsigned as TransactionSerializable,
      signature as { r: Hex; s: Hex; yParity: number },
    );
    if (transactionHash(raw) !== hash) return undefined;
    const signer = await recoverTransactionAddress({
      serializedTransaction: raw as `0x02${string}`,
    });
    if (signer.toLowerCase() !== address.toLowerCase()) return undefined;
    const price = tx.gasPrice ?? 0n;
    return {
      raw,
      to: tx.to?.toLowerCase() as Hex | undefined,
      value: tx.value,
      data: tx.input,
      maxFeePerGas: tx.maxFeePerGas ?? price,
      maxPriorityFeePerGas: tx.maxPriorityFeePerGas ?? price,
    };
  } catch {
    // A type that is unknown here proves nothing.
    return undefined;
  }
}

async function isInAll(providers: Providers, hash: Hex, block: bigint): Promise<boolean> {
  const answers = await providers.requestAll('eth_getTransactionReceipt', [hash]);
  const said = answers.flatMap((answer) => (answer.ok ? [answer.value] : []));
  const [first] = said;
  return (
    said.length > 0 &&
    said.every(
      (receipt) =>
        hashOf(field(receipt, 'transactionHash')) === hash &&
        quantity(field(receipt, 'blockNumber')) === block &&
        hashOf(field(receipt, 'blockHash')) === hashOf(field(first, 'blockHash')),
    )
  );
}
