import { hash } from 'node:crypto';
import { isAssetId } from '../base/asset.ts';
import { instant } from '../base/clock.ts';
import { canonicalJson } from '../proofs/canonical.ts';
import type { Plan, PlanBatch, PlanLine, PlanShare, Recipient } from './plan-types.ts';

const FORMAT = 'tributary-payout-plan-1';
const METHODS: readonly string[] = ['eth', 'erc20', 'disperse_eth', 'disperse_erc20', 'fiat'];

/** What of a plan goes out, as it is kept: without what is held, since that does nothing. */
export type Outgoing = Pick<Plan, 'at' | 'termsVersion' | 'batches'>;

/** The one text of what a plan sends: canonical JSON, amounts as decimal text. */
export function planText({ at, termsVersion, batches }: Outgoing): string {
  return canonicalJson({
    format: FORMAT,
    at,
    termsVersion,
    batches: batches.map(({ method, asset, token, feeWei, shares }) => ({
      method,
      asset,
      token: token ?? null,
      feeWei: String(feeWei),
      shares: shares.map((share) => ({
        worker: share.worker,
        name: share.name,
        to: share.to ?? null,
        fiatAccount: share.fiatAccount ?? null,
        amount: String(share.amount),
        lines: share.lines.map(({ asset: owed, amount, quote }) => ({
          asset: owed,
          amount: String(amount),
          quote: quote
            ? {
                numerator: String(quote.numerator),
                denominator: String(quote.denominator),
                source: quote.source,
                at: quote.at,
              }
            : null,
        })),
      })),
    })),
  });
}

/** 64 hex digits that name a plan: SHA-256 of its text. */
export function planDigest(text: string): string {
  return hash('sha256', text, 'hex');
}

/** Reads a text that {@link planText} wrote; what the database gave back must have its digest. */
export function parsePlan(text: string): Outgoing {
  const { format, at, termsVersion, batches } = JSON.parse(text) as Record<string, unknown>;
  if (format !== FORMAT || typeof termsVersion !== 'number') throw new RangeError('no plan');
  return { at: instant(Number(at)), termsVersion, batches: (batches as unknown[]).map(batchIn) };
}

type Fields = Readonly<Record<string, unknown>>;

function batchIn(value: unknown): PlanBatch {
  const { method, asset, token, feeWei, shares } = value as Fields;
  if (!METHODS.includes(String(method)) || !isAssetId(String(asset)))
    throw new RangeError('no plan');
  return {
    method: method as PlanBatch['method'],
    asset: asset as PlanBatch['asset'],
    token: (token ?? undefined) as Recipient | undefined,
    feeWei: BigInt(feeWei as string),
    shares: (shares as unknown[]).map(shareIn),
  };
}

function shareIn(value: unknown): PlanShare {
  const { worker, name, to, fiatAccount, amount, lines } = value as Fields;
  return {
    worker: String(worker),
    name: String(name),
    to: (to ?? undefined) as Recipient | undefined,
    fiatAccount: (fiatAccount ?? undefined) as string | undefined,
    amount: BigInt(amount as string),
    lines: (lines as unknown[]).map(lineIn),
  };
}

function lineIn(value: unknown): PlanLine {
  const { asset, amount, quote } = value as Fields;
  const { numerator, denominator, source, at } = (quote ?? {}) as Fields;
  return {
    asset: asset as PlanLine['asset'],
    amount: BigInt(amount as string),
    quote: quote
      ? {
          numerator: BigInt(numerator as string),
          denominator: BigInt(denominator as string),
          source: String(source),
          at: instant(Number(at)),
        }
      : undefined,
  };
}
