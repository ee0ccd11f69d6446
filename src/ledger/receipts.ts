import { type AssetId, ETH } from '../base/asset.ts';
import { parseHex } from '../base/bytes.ts';
import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import { keccak256 } from '../base/keccak.ts';
import { ZERO_HASH } from '../proofs/hashing.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { amountFor, encodeReceipt, type ReceiptBasis, receiptHash } from '../proofs/receipt.ts';
import type { Terms } from '../terms/terms.ts';
import type {
  Contribution,
  ContributionId,
  CreditedContribution,
  Timings,
} from './contribution.ts';

/** Kind 1 of receipts: a video segment, counted in pixels. */
const VIDEO_SEGMENT = 1;
/** Receipts hold it in 4 bytes. */
const DEVICE_MS_MAX = 2 ** 32 - 1;

/** Base units of an asset for each unit of work, by the terms of an epoch. */
export interface TermsRate {
  readonly asset: AssetId;
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/**
 * The rate that receipts are reckoned by under these terms; undefined where pay depends on income, on
 * time, or on which group a worker turns out to belong to.
 */
export function rateOfTerms({ model, groups }: Terms): TermsRate | undefined {
  if (model.kind !== 'fixed_rate' || model.per !== 'pixel') return undefined;
  if (groups.some((group) => group.model !== undefined)) return undefined;
  const { asset, amount, count } = model.rate;
  return { asset, numerator: amount, denominator: count };
}

/** In whose name receipts are given. */
export interface ReceiptIssuer {
  /** 20 bytes: the orchestrator's address, zeros off-chain. */
  readonly pool: Uint8Array;
  /** 0 off-chain. */
  readonly chainId: bigint;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** Where the receipts of a worker stand, in the epoch that is open. */
export interface ReceiptHead {
  readonly worker: WorkerId;
  readonly epoch: bigint;
  readonly units: bigint;
  /** The asset of `amount`; undefined where nothing had a price yet. */
  readonly asset: AssetId | undefined;
  readonly amount: bigint;
  readonly lastSequence: bigint;
  /** 32 bytes. */
  readonly lastHash: Uint8Array;
}

/** A receipt that is to be stored. */
export interface NewReceipt {
  readonly contribution: ContributionId;
  readonly worker: WorkerId;
  readonly sequence: bigint;
  readonly body: Uint8Array;
}

/** A head after new receipts, and what they added. */
export interface MovedHead extends ReceiptHead {
  readonly addedJobs: number;
  readonly addedSourceMs: number;
  readonly addedDeviceMs: number;
  readonly addedFailedAttempts: number;
}

/** What a batch of stored contributions brings. */
export interface Credits {
  readonly receipts: readonly NewReceipt[];
  readonly heads: readonly MovedHead[];
}

/**
 * The receipts of contributions in the order given, and where the heads of their workers stand then.
 * A contribution that earned nothing is counted where it failed. Throws `internal` when a head is
 * missing, or one epoch would price a worker's jobs in two assets.
 */
export function creditBatch(
  issuer: ReceiptIssuer,
  rate: TermsRate | undefined,
  heads: ReadonlyMap<WorkerId, ReceiptHead>,
  entries: readonly { readonly id: ContributionId; readonly contribution: Contribution }[],
): Credits {
  const moved = new Map<WorkerId, MovedHead>();
  const receipts: NewReceipt[] = [];
  for (const { id, contribution } of entries) {
    if (!countsForReceipts(contribution)) continue;
    const { worker } = contribution;
    const head = moved.get(worker) ?? begin(heads.get(worker));
    if (contribution.verdict !== 'credited') {
      moved.set(worker, { ...head, addedFailedAttempts: head.addedFailedAttempts + 1 });
      continue;
    }
    const { next, body } = credit(issuer, rate, head, contribution);
    moved.set(worker, next);
    receipts.push({ contribution: id, worker, sequence: next.lastSequence, body });
  }
  return { receipts, heads: [...moved.values()] };
}

/** Whether a contribution changes the totals of its worker: a hedge that came second does not. */
export function countsForReceipts({ verdict }: Contribution): boolean {
  return verdict !== 'superseded';
}

function begin(head: ReceiptHead | undefined): MovedHead {
  if (!head) throw new TributaryError('internal', 'the receipts of a worker have no head');
  return { ...head, addedJobs: 0, addedSourceMs: 0, addedDeviceMs: 0, addedFailedAttempts: 0 };
}

function credit(
  issuer: ReceiptIssuer,
  rate: TermsRate | undefined,
  head: MovedHead,
  contribution: CreditedContribution,
): { readonly next: MovedHead; readonly body: Uint8Array } {
  const units: bigint = contribution.pixels;
  const priced = priceOf(contribution, rate);
  const amount = amountFor(units, priced);
  if (priced.asset && head.asset && priced.asset !== head.asset) {
    throw new TributaryError('internal', 'one epoch prices the work of a worker in two assets');
  }
  const sequence = head.lastSequence + 1n;
  const deviceMs = deviceTime(contribution.timings);
  const epochUnits = head.units + units;
  const epochAmount = head.amount + amount;
  const body = encodeReceipt({
    pool: issuer.pool,
    chainId: issuer.chainId,
    key: issuer.publicKey,
    epoch: head.epoch,
    worker: head.worker,
    sequence,
    job: uuidBytes(contribution.job),
    kind: VIDEO_SEGMENT,
    units,
    basis: priced.basis,
    asset: priced.asset ?? '',
    priceNumerator: priced.priceNumerator,
    priceDenominator: priced.priceDenominator,
    amount,
    epochUnits,
    epochAmount: priced.asset ? epochAmount : 0n,
    inputHash: contribution.sourceHash,
    outputsHash: outputsHash(contribution),
    gatewaySignatureHash: contribution.gatewaySignatureHash ?? ZERO_HASH,
    deviceMs,
    verdict: 'credited',
    at: contribution.at,
    previous: head.lastHash,
  });
  const next: MovedHead = {
    ...head,
    units: epochUnits,
    asset: head.asset ?? priced.asset,
    amount: epochAmount,
    lastSequence: sequence,
    lastHash: receiptHash(body, nodeHashing),
    addedJobs: head.addedJobs + 1,
    addedSourceMs: head.addedSourceMs + Math.round(contribution.sourceDurationMs),
    addedDeviceMs: head.addedDeviceMs + deviceMs,
  };
  return { next, body };
}

interface Priced {
  readonly basis: ReceiptBasis;
  readonly asset: AssetId | undefined;
  readonly priceNumerator: bigint;
  readonly priceDenominator: bigint;
}

/** A fixed rate of the terms goes before what the gateway pays; off-chain there may be neither. */
function priceOf({ price }: CreditedContribution, rate: TermsRate | undefined): Priced {
  const [basis, asset, ratio] = rate
    ? (['terms_rate', rate.asset, rate] as const)
    : price
      ? (['gateway_price', ETH, price] as const)
      : (['none', undefined, NO_PRICE] as const);
  return {
    basis,
    asset,
    priceNumerator: ratio.numerator,
    priceDenominator: ratio.denominator,
  };
}

const NO_PRICE = { numerator: 0n, denominator: 1n };

/**
 * Milliseconds from the last byte of the source to the last byte of the result: what the worker's
 * device and its way back took. How long the source was on its way there does not count.
 */
export function deviceTime({ queuedMs = 0, fetchedMs = queuedMs, uploadedMs }: Timings): number {
  if (uploadedMs === undefined) return 0;
  return Math.min(DEVICE_MS_MAX, Math.max(0, Math.round(uploadedMs) - Math.round(fetchedMs)));
}

/** wire: go-livepeer core/orchestrator.go: the hash that is signed, over the hashes of renditions. */
function outputsHash({ profiles }: CreditedContribution): Uint8Array {
  return keccak256(Buffer.concat(profiles.map(({ hash }) => hash)));
}

function uuidBytes(uuid: string): Uint8Array {
  return parseHex(uuid.replaceAll('-', '')) as Uint8Array;
}
