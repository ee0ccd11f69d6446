import { randomBytes } from 'node:crypto';
import { ownReceipts } from '../src/epochs/verify-receipts.ts';
import { nodeHashing } from '../src/proofs/node-hashing.ts';
import { nodeEd25519, nodeVerifyEd25519 } from '../src/proofs/node-signatures.ts';
import { encodeReceipt, joinSigned, receiptHash } from '../src/proofs/receipt.ts';
import { readReceiptsFile } from '../src/proofs/receipts-file.ts';

// claim: a worker checks 100,000 receipts of its own in 2 s; floor: SHA-256 of the same bytes.
const COUNT = 100_000;
const LIMIT_MS = 2_000;

const key = nodeEd25519(randomBytes(32));
const identity = { pool: new Uint8Array(20), chainId: 0n };
const worker = 'abcdefghij';
const zeros = new Uint8Array(32);

function makeFile(): { readonly file: Uint8Array; readonly last: Uint8Array } {
  const pieces: Uint8Array[] = [];
  let previous: Uint8Array = zeros;
  const nobody = new Uint8Array(64);
  for (let sequence = 1n; sequence <= BigInt(COUNT); sequence += 1n) {
    const body = encodeReceipt({
      ...identity,
      key: key.publicKey,
      epoch: 1n,
      worker,
      sequence,
      job: new Uint8Array(16),
      kind: 1,
      units: 1_000n,
      basis: 'gateway_price',
      asset: 'ETH',
      priceNumerator: 3n,
      priceDenominator: 1n,
      amount: 3_000n,
      epochUnits: sequence * 1_000n,
      epochAmount: sequence * 3_000n,
      inputHash: zeros,
      outputsHash: zeros,
      gatewaySignatureHash: zeros,
      deviceMs: 700,
      verdict: 'credited',
      at: 1_700_000_000_000,
      previous,
    });
    // The last signature stands for all before it, so no other one has to be right here.
    const isLast = sequence === BigInt(COUNT);
    pieces.push(joinSigned(body, isLast ? key.sign(body) : nobody));
    previous = receiptHash(body, nodeHashing);
  }
  return { file: Buffer.concat(pieces), last: previous };
}

const { file, last } = makeFile();
const rules = {
  identity,
  worker,
  keys: new Set([Buffer.from(key.publicKey).toString('hex')]),
  hashing: nodeHashing,
  verifyEd25519: nodeVerifyEd25519,
};
const leaf = {
  worker,
  units: BigInt(COUNT) * 1_000n,
  amounts: {},
  lastSequence: BigInt(COUNT),
  lastReceipt: Buffer.from(last).toString('hex'),
};

/** Of this process alone: a busy machine changes the wall clock and not this. */
function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

function check(): number {
  const startedAt = process.cpuUsage();
  const read = readReceiptsFile(file);
  if (!read.ok) throw new Error(read.text);
  ownReceipts(read.receipts, rules).check(1n, leaf, undefined);
  return cpuMs(startedAt);
}

function floor(): number {
  const startedAt = process.cpuUsage();
  for (let at = 0; at < file.length; at += 426) nodeHashing.sha256(file.subarray(at, at + 362));
  return cpuMs(startedAt);
}

floor();
const ours = Math.min(check(), check(), check());
const hashed = Math.min(floor(), floor(), floor());
console.log(
  `100,000 receipts checked, ours ${ours.toFixed(0)} ms of CPU, limit ${LIMIT_MS} ms, bare sha256 ${hashed.toFixed(0)} ms, ratio ${(ours / hashed).toFixed(1)}`,
);
if (ours > LIMIT_MS) process.exitCode = 1;
