import { Capability } from '../protocol/capabilities.ts';
import { capabilityKey, type Price, type PricedCapability, parsePrice } from './price.ts';

/** More than anybody negotiates; a longer list is a mistake. */
const ENTRIES_MAX = 10_000;

/** A list as read, or the sentence that says what is wrong with it. */
export type PriceListOutcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly text: string };

/** Prices of single gateways, by address (40 lower-case hex digits). */
export interface GatewayPrices {
  /** For video, and for whatever has no price of its own. */
  readonly perGateway: ReadonlyMap<string, Price>;
  /** By {@link capabilityKey}. */
  readonly perGatewayCapability: ReadonlyMap<string, ReadonlyMap<string, Price>>;
}

/**
 * Reads `{"gateways":[{"ethaddress":"0x…","priceperunit":0.5,"currency":"USD","pixelsperunit":1e12}]}`
 * as go-livepeer does (cmd/livepeer/starter/starter.go:getGatewayPrices). An entry with `pipeline`, and
 * perhaps `model_id`, is the price of that capability for that gateway alone.
 */
export function parseGatewayPrices(json: string): PriceListOutcome<GatewayPrices> {
  const list = readList(json, 'gateways', (entry) => {
    const digits = /^(?:0x)?([0-9a-fA-F]{40})$/.exec(String(entry.ethaddress))?.[1];
    const price = priceOf(entry.priceperunit, entry.currency, entry.pixelsperunit);
    const named = entry.pipeline !== undefined || entry.model_id !== undefined;
    const asked = named ? pricedCapability(entry.pipeline, entry.model_id) : 'video';
    if (!digits || !price || !asked) return undefined;
    return [`${digits.toLowerCase()} ${asked === 'video' ? '' : capabilityKey(asked)}`, price];
  });
  if (!list.ok) return list;
  const perGateway = new Map<string, Price>();
  const perGatewayCapability = new Map<string, Map<string, Price>>();
  for (const [name, price] of list.value) {
    const [gateway, key] = [name.slice(0, 40), name.slice(41)];
    const own = perGatewayCapability.get(gateway) ?? new Map<string, Price>();
    if (key === '') perGateway.set(gateway, price);
    else perGatewayCapability.set(gateway, own.set(key, price));
  }
  return { ok: true, value: { perGateway, perGatewayCapability } };
}

/**
 * Reads `{"capabilities_prices":[{"pipeline":"text-to-image","model_id":"…","price_per_unit":1000,
 * "pixels_per_unit":1,"currency":"wei"}]}` into prices by {@link capabilityKey}. A model that is
 * missing is `default`. Wire: go-livepeer cmd/livepeer/starter/starter.go:getCapabilityPrices.
 */
export function parseCapabilityPrices(json: string): PriceListOutcome<ReadonlyMap<string, Price>> {
  return readList(json, 'capabilities_prices', (entry) => {
    const asked = pricedCapability(entry.pipeline, entry.model_id);
    const price = priceOf(entry.price_per_unit, entry.currency, entry.pixels_per_unit);
    return asked && price ? [capabilityKey(asked), price] : undefined;
  });
}

/** A capability by the name of its pipeline; undefined for a name that is none. */
export function pricedCapability(pipeline: unknown, model: unknown): PricedCapability | undefined {
  const capability = pipelines.get(String(pipeline));
  return capability === undefined ? undefined : { capability, model: String(model || 'default') };
}

/** The name of a capability's pipeline, and its model; the reverse of {@link pricedCapability}. */
export function pipelineOf(key: string): { readonly pipeline: string; readonly model: string } {
  const mark = key.indexOf('_');
  const number = Number(key.slice(0, mark));
  const found = [...pipelines].find(([, capability]) => capability === number);
  return { pipeline: found?.[0] ?? `${number}`, model: key.slice(mark + 1) };
}

/** Capability numbers by the names of pipelines: `text-to-image`, `llm`, `segment-anything-2`. */
const pipelines: ReadonlyMap<string, number> = new Map(
  Object.entries(Capability)
    .filter(([, number]) => number >= Capability.TextToImage)
    .map(([name, number]) => [name.replace(/([a-z])([A-Z0-9])/g, '$1-$2').toLowerCase(), number]),
);

/** Every pipeline that can have a price of its own. */
export const pricedPipelines: readonly string[] = [...pipelines.keys()].toSorted();

function readList<Value>(
  json: string,
  name: string,
  read: (entry: Readonly<Record<string, unknown>>) => readonly [string, Value] | undefined,
): PriceListOutcome<ReadonlyMap<string, Value>> {
  let list: unknown;
  try {
    list = (JSON.parse(json) as Record<string, unknown> | null)?.[name];
  } catch {
    return { ok: false, text: 'it is no JSON' };
  }
  if (!Array.isArray(list) || list.length > ENTRIES_MAX) {
    return { ok: false, text: `it has no list "${name}"` };
  }
  const found = new Map<string, Value>();
  for (const [index, entry] of list.entries()) {
    const pair = typeof entry === 'object' && entry !== null ? read(entry) : undefined;
    if (!pair) return { ok: false, text: `entry ${index + 1} of "${name}" cannot be read` };
    found.set(...pair);
  }
  return { ok: true, value: found };
}

/** Numbers may be written as text, too, to be exact. */
function priceOf(amount: unknown, currency: unknown, units: unknown): Price | undefined {
  const outcome = parsePrice(`${amount}${currency ?? ''} per ${units ?? 1} pixels`);
  return outcome.ok ? outcome.price : undefined;
}
