import { concat, equalBytes, readU128 } from './bytes.ts';
import type { ProofHashing } from './hashing.ts';

/**
 * What the pool says about one accepted contribution. Encoded at fixed width ({@link
 * RECEIPT_LAYOUT}), signed with Ed25519, chained per worker by `previous`: whoever holds the latest
 * one holds a signature over all before it.
 */
export interface Receipt {
  /** 20 bytes: the orchestrator's address, zeros off-chain. */
  readonly pool: Uint8Array;
  /** 0 off-chain. */
  readonly chainId: bigint;
  /** 32 bytes: the Ed25519 public key that signs this receipt. */
  readonly key: Uint8Array;
  readonly epoch: bigint;
  /** The worker's public id: 10 characters of a-z2-7. */
  readonly worker: string;
  /** From 1, gapless over the worker's life. */
  readonly sequence: bigint;
  /** 16 bytes: the UUID of the job. */
  readonly job: Uint8Array;
  /** What kind of work it was: 1 is a video segment, counted in pixels. */
  readonly kind: number;
  readonly units: bigint;
  /** By what the amount was reckoned: nothing, the gateway's price, or a rate of the terms. */
  readonly basis: ReceiptBasis;
  /** The asset of the amounts; empty for basis `none`. */
  readonly asset: string;
  /** Base units per unit, as numerator and denominator; 0 / 1 for basis `none`. */
  readonly priceNumerator: bigint;
  readonly priceDenominator: bigint;
  /** `units * numerator / denominator`, rounded down: see {@link amountFor}. */
  readonly amount: bigint;
  /** Units of all receipts of this worker in this epoch, this one included. */
  readonly epochUnits: bigint;
  /** Amounts of all receipts of this worker in this epoch with this asset, this one included. */
  readonly epochAmount: bigint;
  /** Keccak-256 of the input as the protocol hashes it; zeros where there is none. 32 bytes. */
  readonly inputHash: Uint8Array;
  /** Keccak-256 over the output hashes as the protocol hashes them; zeros where there is none. */
  readonly outputsHash: Uint8Array;
  /** SHA-256 of the gateway's signature of the job; zeros where there is none. */
  readonly gatewaySignatureHash: Uint8Array;
  /** Milliseconds for which the worker had the task. */
  readonly deviceMs: number;
  readonly verdict: 'credited';
  /** When it was credited: milliseconds since 1970. */
  readonly at: number;
  /** Hash of the worker's receipt before this one; zeros for the first. */
  readonly previous: Uint8Array;
}

/** By what an amount was reckoned. */
export type ReceiptBasis = 'none' | 'gateway_price' | 'terms_rate';

const BASES: readonly ReceiptBasis[] = ['none', 'gateway_price', 'terms_rate'];
const CREDITED = 1;
const U64_MAX = 2n ** 64n - 1n;
const MAGIC = new TextEncoder().encode('TRIBRCP1');
const WORKER = /^[a-z2-7]{10}$/;
const ASSET = /^(?:[A-Z][A-Z0-9]{0,11})?$/;

/** Where each field lies: offset and bytes. Numbers are unsigned and big-endian. */
export const RECEIPT_LAYOUT = {
  magic: [0, 8],
  pool: [8, 20],
  chainId: [28, 8],
  key: [36, 32],
  epoch: [68, 8],
  worker: [76, 10],
  sequence: [86, 8],
  job: [94, 16],
  kind: [110, 2],
  units: [112, 16],
  basis: [128, 1],
  asset: [129, 12],
  priceNumerator: [141, 16],
  priceDenominator: [157, 16],
  amount: [173, 16],
  epochUnits: [189, 16],
  epochAmount: [205, 16],
  inputHash: [221, 32],
  outputsHash: [253, 32],
  gatewaySignatureHash: [285, 32],
  deviceMs: [317, 4],
  verdict: [321, 1],
  at: [322, 8],
  previous: [330, 32],
} as const;

/** Bytes of an encoded receipt, without its signature. */
export const RECEIPT_BYTES = 362;
/** Bytes of an Ed25519 signature. */
export const RECEIPT_SIGNATURE_BYTES = 64;
/** Bytes of a receipt with its signature: how it travels and how it is kept. */
export const SIGNED_RECEIPT_BYTES: number = RECEIPT_BYTES + RECEIPT_SIGNATURE_BYTES;

type Field = keyof typeof RECEIPT_LAYOUT;

/** `units * numerator / denominator` rounded down: the amount of a receipt. */
export function amountFor(
  units: bigint,
  price: { readonly priceNumerator: bigint; readonly priceDenominator: bigint },
): bigint {
  return (units * price.priceNumerator) / price.priceDenominator;
}

/** The bytes that are hashed and signed. Throws RangeError when a field does not fit its place. */
export function encodeReceipt(receipt: Receipt): Uint8Array {
  const body = new Uint8Array(RECEIPT_BYTES);
  const view = new DataView(body.buffer);
  const putBytes = (field: Field, bytes: Uint8Array) => {
    const [offset, length] = RECEIPT_LAYOUT[field];
    if (bytes.length !== length) throw unfit(field, `${bytes.length} bytes, not ${length}`);
    body.set(bytes, offset);
  };
  const putText = (field: Field, text: string, rule: RegExp) => {
    if (!rule.test(text)) throw unfit(field, 'not such a name');
    for (let at = 0; at < text.length; at += 1) {
      body[RECEIPT_LAYOUT[field][0] + at] = text.charCodeAt(at);
    }
  };
  const putNumber = (field: Field, value: bigint | number) => {
    const [offset, length] = RECEIPT_LAYOUT[field];
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw unfit(field, `${value}`);
    const whole = BigInt(value);
    if (whole < 0n || whole >> BigInt(length * 8) !== 0n) throw unfit(field, `${value}`);
    if (length === 16) view.setBigUint64(offset, whole >> 64n);
    if (length === 16) view.setBigUint64(offset + 8, whole & U64_MAX);
    else if (length === 8) view.setBigUint64(offset, whole);
    else if (length === 4) view.setUint32(offset, Number(whole));
    else if (length === 2) view.setUint16(offset, Number(whole));
    else view.setUint8(offset, Number(whole));
  };
  if ((receipt.basis === 'none') !== (receipt.asset === '')) throw unfit('asset', 'and basis');
  if (receipt.priceDenominator === 0n) throw unfit('priceDenominator', '0');
  putBytes('magic', MAGIC);
  putBytes('pool', receipt.pool);
  putNumber('chainId', receipt.chainId);
  putBytes('key', receipt.key);
  putNumber('epoch', receipt.epoch);
  putText('worker', receipt.worker, WORKER);
  putNumber('sequence', receipt.sequence);
  putBytes('job', receipt.job);
  putNumber('kind', receipt.kind);
  putNumber('units', receipt.units);
  putNumber('basis', BASES.indexOf(receipt.basis));
  putText('asset', receipt.asset, ASSET);
  putNumber('priceNumerator', receipt.priceNumerator);
  putNumber('priceDenominator', receipt.priceDenominator);
  putNumber('amount', receipt.amount);
  putNumber('epochUnits', receipt.epochUnits);
  putNumber('epochAmount', receipt.epochAmount);
  putBytes('inputHash', receipt.inputHash);
  putBytes('outputsHash', receipt.outputsHash);
  putBytes('gatewaySignatureHash', receipt.gatewaySignatureHash);
  putNumber('deviceMs', receipt.deviceMs);
  view.setUint8(RECEIPT_LAYOUT.verdict[0], CREDITED);
  putNumber('at', receipt.at);
  putBytes('previous', receipt.previous);
  return body;
}

function unfit(field: string, text: string): RangeError {
  return new RangeError(`the receipt's ${field} does not fit: ${text}`);
}

/**
 * Reads the bytes of a receipt; undefined when they are none: another length or magic, an unknown
 * basis or verdict, a name that is not one, bytes where zeros belong. Whatever it reads encodes to
 * the same bytes again, and its byte fields are parts of them. Whether amounts and sums are right is
 * for the check of the chain.
 */
export function decodeReceipt(body: Uint8Array): Receipt | undefined {
  if (body.length !== RECEIPT_BYTES || !equalBytes(body.subarray(0, 8), MAGIC)) return undefined;
  // Parts of the body, not copies: a verifier reads 10^5 of them while somebody waits.
  const own = new Uint8Array(body.buffer, body.byteOffset, body.length);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const bytes = (field: Field) => {
    const [offset, length] = RECEIPT_LAYOUT[field];
    return own.subarray(offset, offset + length);
  };
  const long = (field: Field) => view.getBigUint64(RECEIPT_LAYOUT[field][0]);
  const quantity = (field: Field) => readU128(view, RECEIPT_LAYOUT[field][0]);
  const basis = BASES[view.getUint8(RECEIPT_LAYOUT.basis[0])];
  const worker = textIn(own, 'worker');
  const asset = textIn(own, 'asset');
  const at = Number(long('at'));
  const priceDenominator = quantity('priceDenominator');
  if (basis === undefined || view.getUint8(RECEIPT_LAYOUT.verdict[0]) !== CREDITED)
    return undefined;
  if (!WORKER.test(worker) || !ASSET.test(asset)) return undefined;
  if ((basis === 'none') !== (asset === '')) return undefined;
  if (!Number.isSafeInteger(at) || priceDenominator === 0n) return undefined;
  return {
    pool: bytes('pool'),
    chainId: long('chainId'),
    key: bytes('key'),
    epoch: long('epoch'),
    worker,
    sequence: long('sequence'),
    job: bytes('job'),
    kind: view.getUint16(RECEIPT_LAYOUT.kind[0]),
    units: quantity('units'),
    basis,
    asset,
    priceNumerator: quantity('priceNumerator'),
    priceDenominator,
    amount: quantity('amount'),
    epochUnits: quantity('epochUnits'),
    epochAmount: quantity('epochAmount'),
    inputHash: bytes('inputHash'),
    outputsHash: bytes('outputsHash'),
    gatewaySignatureHash: bytes('gatewaySignatureHash'),
    deviceMs: view.getUint32(RECEIPT_LAYOUT.deviceMs[0]),
    verdict: 'credited',
    at,
    previous: bytes('previous'),
  };
}

/** Up to the zeros at the end of the field. */
function textIn(body: Uint8Array, field: Field): string {
  const [offset, length] = RECEIPT_LAYOUT[field];
  let end = offset + length;
  while (end > offset && body[end - 1] === 0) end -= 1;
  let text = '';
  for (let at = offset; at < end; at += 1) text += String.fromCharCode(body[at] as number);
  return text;
}

/** SHA-256 of a receipt's body: what the next one names as `previous`. The signature is not in it. */
export function receiptHash(body: Uint8Array, hashing: ProofHashing): Uint8Array {
  return hashing.sha256(body);
}

/** Body and signature in one: what the header carries in base64, and what a receipts file repeats. */
export function joinSigned(body: Uint8Array, signature: Uint8Array): Uint8Array {
  return concat(body, signature);
}

/** A receipt as it came: its fields, and the bytes that were signed. */
export interface SignedReceipt {
  readonly receipt: Receipt;
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Takes body and signature apart, without copying; undefined when they are not a receipt's. Checks no
 * signature.
 */
export function splitSigned(bytes: Uint8Array): SignedReceipt | undefined {
  if (bytes.length !== SIGNED_RECEIPT_BYTES) return undefined;
  const { buffer, byteOffset } = bytes;
  const body = new Uint8Array(buffer, byteOffset, RECEIPT_BYTES);
  const signature = new Uint8Array(buffer, byteOffset + RECEIPT_BYTES, RECEIPT_SIGNATURE_BYTES);
  const receipt = decodeReceipt(body);
  return receipt && { receipt, body, signature };
}
