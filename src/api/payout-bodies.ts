import { type AssetId, isAssetId } from '../base/asset.ts';
import { instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Payouts } from '../payouts/payouts.ts';

/** What somebody asks of payouts; each reader says in words what is wrong, as `setting_invalid`. */
export type Body = Readonly<Record<string, unknown>>;

/** A change of address with the signatures of both, as a body has it. */
export function signedIn(body: Body) {
  return {
    expiresAt: instant(Number(body.expiresAt)),
    oldSignature: text(body, 'oldSignature'),
    newSignature: text(body, 'newSignature'),
  };
}

export function text(body: Body, key: string): string {
  const value = optional(body, key);
  if (value === undefined) throw new TributaryError('setting_invalid', `${key} is missing`);
  return value;
}

export function optional(body: Body, key: string): string | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new TributaryError('setting_invalid', `${key} must be text`);
  return value;
}

export function demandIn(body: Body): Parameters<Payouts['preview']>[0] {
  const worker = optional(body, 'worker');
  if (worker !== undefined) return { worker };
  return body.demand === 'now' ? 'now' : 'schedule';
}

function asset(value: string): AssetId {
  if (isAssetId(value)) return value;
  throw new TributaryError('setting_invalid', 'asset must be the symbol of an asset');
}

export function assetIn(body: Body): AssetId | undefined {
  const value = optional(body, 'asset');
  return value === undefined ? undefined : asset(value);
}

function units(body: Body, key: string): bigint {
  const value = text(body, key);
  if (/^\d{1,39}$/.test(value)) return BigInt(value);
  throw new TributaryError('setting_invalid', `${key} must be a decimal integer`);
}

export function choiceIn(body: Body): Parameters<Payouts['choose']>[1] {
  const wanted = assetIn(body);
  const account = optional(body, 'fiatAccount');
  return {
    ...(wanted !== undefined && { asset: wanted }),
    ...(body.threshold !== undefined && { threshold: units(body, 'threshold') }),
    ...(account !== undefined && { fiatAccount: account }),
  };
}

export function rateIn(body: Body): Parameters<Payouts['setRate']>[0] {
  const [numerator, denominator] = [units(body, 'numerator'), units(body, 'denominator')];
  const note = text(body, 'note');
  if (numerator === 0n || denominator === 0n || !/^[ -~]{1,160}$/.test(note)) {
    throw new TributaryError('payout_choice_refused', 'A rate is more than nothing, with a note.');
  }
  return {
    from: asset(text(body, 'from')),
    to: asset(text(body, 'to')),
    numerator,
    denominator,
    note,
  };
}
