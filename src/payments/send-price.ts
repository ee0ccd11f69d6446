import type { PriceInfo } from '../protocol/gen/lp_rpc_pb.ts';
import type { VideoProfile } from '../protocol/video-profile.ts';
import { hasMoreThanDoubled } from './price.ts';
import { compare, multiply, type Rational, rational, rationalText } from './rational.ts';

/** Rather a little too much than too little. Wire: go-livepeer server/segment_rpc.go. */
const ESTIMATE_FACTOR = rational(51n, 50n);
/** Frames per second of a rendition that keeps its source's. Wire: as above. */
const FPS_ASSUMED = 60;

/** Wei per pixel, or why an orchestrator's price is not paid. */
export type SendPriceOutcome =
  | { readonly ok: true; readonly price: Rational }
  | {
      readonly ok: false;
      readonly reason: 'price_missing' | 'price_malformed' | 'price_too_high' | 'price_doubled';
      readonly text: string;
    };

/**
 * Whether an orchestrator's price is one to pay: not above the most that this gateway pays, nor
 * above twice what the session began with. Wire: go-livepeer server/segment_rpc.go:validatePrice.
 */
export function checkPrice(
  offered: PriceInfo | undefined,
  rule: { readonly initial: Rational | undefined; readonly max: Rational | undefined },
): SendPriceOutcome {
  if (!offered) return refused('price_missing', 'missing orchestrator price');
  const { pricePerUnit, pixelsPerUnit } = offered;
  if (pixelsPerUnit === 0n) return refused('price_malformed', 'pixels per unit is 0');
  if (pricePerUnit < 0n || pixelsPerUnit < 0n) {
    return refused('price_malformed', 'the price is negative');
  }
  const price = rational(pricePerUnit, pixelsPerUnit);
  if (rule.max && compare(price, rule.max) > 0) {
    const text = `Orchestrator price ${rationalText(price)} > max price ${rationalText(rule.max)}`;
    return refused('price_too_high', text);
  }
  if (rule.initial && hasMoreThanDoubled(rule.initial, price)) {
    const text = `Orchestrator price has more than doubled, Orchestrator price: ${rationalText(price)}, Orchestrator initial price: ${rationalText(rule.initial)}`;
    return refused('price_doubled', text);
  }
  return { ok: true, price };
}

/**
 * What a segment will cost at most, as far as can be told from its ladder.
 * Wire: go-livepeer server/segment_rpc.go:estimateFee.
 */
export function estimateFee(
  profiles: readonly VideoProfile[],
  durationMs: number,
  price: Rational,
): Rational {
  const seconds = Math.ceil(durationMs / 1000);
  let count = 0n;
  for (const { width, height, fps, fpsDen } of profiles) {
    const frames = Math.ceil(fps === 0 ? FPS_ASSUMED : fps / Math.max(1, fpsDen)) * seconds;
    count += BigInt(width) * BigInt(height) * BigInt(frames);
  }
  return multiply(multiply(rational(count), ESTIMATE_FACTOR), price);
}

function refused(
  reason: Extract<SendPriceOutcome, { ok: false }>['reason'],
  text: string,
): SendPriceOutcome {
  return { ok: false, reason, text };
}
