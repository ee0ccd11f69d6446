import fc from 'fast-check';
import { nodeHashing } from './node-hashing.ts';
import { nodeEd25519 } from './node-signatures.ts';
import { encodeReceipt, type Receipt, receiptHash, type SignedReceipt } from './receipt.ts';
import type { PoolIdentity } from './statement.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const below = (bits: bigint) => fc.bigInt({ min: 0n, max: 2n ** bits - 1n });
const priced = fc.record({
  basis: fc.constantFrom('gateway_price' as const, 'terms_rate' as const),
  asset: fc.stringMatching(/^[A-Z][A-Z0-9]{0,11}$/),
});
const unpriced = fc.constant({ basis: 'none' as const, asset: '' });

/** Any receipt that its bytes can hold; sums and amounts need not be right. */
export const anyReceipt: fc.Arbitrary<Receipt> = fc
  .record({
    pool: bytes(20),
    chainId: below(64n),
    key: bytes(32),
    epoch: below(64n),
    worker: fc.stringMatching(/^[a-z2-7]{10}$/),
    sequence: below(64n),
    job: bytes(16),
    kind: fc.nat(0xffff),
    units: below(128n),
    terms: fc.oneof(priced, unpriced),
    priceNumerator: below(128n),
    priceDenominator: fc.bigInt({ min: 1n, max: 2n ** 128n - 1n }),
    amount: below(128n),
    epochUnits: below(128n),
    epochAmount: below(128n),
    inputHash: bytes(32),
    outputsHash: bytes(32),
    gatewaySignatureHash: bytes(32),
    deviceMs: fc.nat(0xffff_ffff),
    verdict: fc.constant('credited' as const),
    at: fc.maxSafeNat(),
    previous: bytes(32),
  })
  .map(({ terms, ...rest }) => ({ ...rest, ...terms }));

/** Who the receipts of {@link workerReceipts} are of. */
export const testIdentity: PoolIdentity = { pool: new Uint8Array(20).fill(0xaa), chainId: 42_161n };
export const testKey = nodeEd25519(new Uint8Array(32).fill(1));

/** How one receipt of a chain differs from the plain one. */
export type ReceiptChange = Partial<Receipt>;

/** Signs a receipt with the key of the tests. */
export function signReceipt(receipt: Receipt, key: typeof testKey = testKey): SignedReceipt {
  const body = encodeReceipt(receipt);
  return { receipt, body, signature: key.sign(body) };
}

/**
 * A right chain of one worker: an epoch for every `perEpoch` receipts, units that differ.
 *
 * @param change is put into a receipt before it is signed, and the chain goes on from there
 */
export function workerReceipts(
  count: number,
  options: {
    readonly worker?: string;
    readonly perEpoch?: number;
    readonly change?: (sequence: number, receipt: Receipt) => ReceiptChange;
  } = {},
): SignedReceipt[] {
  const { worker = 'abcdefghij', perEpoch = 10, change = () => ({}) } = options;
  const chain: SignedReceipt[] = [];
  let previous: Uint8Array = new Uint8Array(32);
  let [epochUnits, epochAmount] = [0n, 0n];
  for (let sequence = 1; sequence <= count; sequence += 1) {
    const epoch = BigInt(1 + Math.floor((sequence - 1) / perEpoch));
    if (epoch !== chain.at(-1)?.receipt.epoch) [epochUnits, epochAmount] = [0n, 0n];
    const units = BigInt(1_000 + sequence * 37);
    const amount = (units * 7n) / 3n;
    epochUnits += units;
    epochAmount += amount;
    const plain: Receipt = {
      ...testIdentity,
      key: testKey.publicKey,
      epoch,
      worker,
      sequence: BigInt(sequence),
      job: nodeHashing.sha256(new TextEncoder().encode(`${worker} ${sequence}`)).slice(0, 16),
      kind: 1,
      units,
      basis: 'gateway_price',
      asset: 'ETH',
      priceNumerator: 7n,
      priceDenominator: 3n,
      amount,
      epochUnits,
      epochAmount,
      inputHash: new Uint8Array(32).fill(1),
      outputsHash: new Uint8Array(32).fill(2),
      gatewaySignatureHash: new Uint8Array(32).fill(3),
      deviceMs: 400,
      verdict: 'credited',
      at: 1_800_000_000_000 + sequence * 2_000,
      previous,
    };
    const signed = signReceipt({ ...plain, ...change(sequence, plain) });
    chain.push(signed);
    previous = receiptHash(signed.body, nodeHashing);
  }
  return chain;
}
