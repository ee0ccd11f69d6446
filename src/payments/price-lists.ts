import { Capability } from '../protocol/capabilities.ts';
import { capabilityKey, type Price, parsePrice } from './price.ts';

/** More than anybody negotiates; a longer list is a mistake. */
const ENTRIES_MAX = 10_000;

/** A list as read, or the sentence that says what is wrong with it. */
export type PriceListOutcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly text: string };

/**
 * Reads `{"gateways":[{"ethaddress":"0x…","priceperunit":0.5,"currency":"USD","pixelsperunit":1e12}]}`
 * into prices by address (40 lower-case hex digits). Wire: go-livepeer
 * cmd/livepeer/starter/starter.go:getGatewayPrices.
 */
export function parseGatewayPrices(json: string): PriceListOutcome<ReadonlyMap<string, Price>> {
  return readList(json, 'gateways', (entry) => {
    const digits = /^(?:0x)?([0-9a-fA-F]{40})$/.exec(String(entry.ethaddress))?.[1];
    const price = priceOf(entry.priceperunit, entry.currency, entry.pixelsperunit);
    return digits && price ? [digits.toLowerCase(), price] : undefined;
  });
}

/**
 * Reads `{"capabilities_prices":[{"pipeline":"text-to-image","model_id":"…","price_per_unit":1000,
 * "pixels_per_unit":1,"currency":"wei"}]}` into prices by {@link capabilityKey}. A model that is
 * missing is `default`. Wire: go-livepeer cmd/livepeer/starter/starter.go:getCapabilityPrices.
 */
export function parseCapabilityPrices(json: string): PriceListOutcome<ReadonlyMap<string, Price>> {
  return readList(json, 'capabilities_prices', (entry) => {
    const capability = pipelines.get(String(entry.pipeline));
    const model = String(entry.model_id || 'default');
    const price = priceOf(entry.price_per_unit, entry.currency, entry.pixels_per_unit);
    if (capability === undefined || !price) return undefined;
    return [capabilityKey({ capability, model }), price];
  });
}

/** Capability numbers by the names of pipelines: `text-to-image`, `llm`, `segment-anything-2`. */
const pipelines: ReadonlyMap<string, number> = new Map(
  Object.entries(Capability)
    .filter(([, number]) => number >= Capability.TextToImage)
    .map(([name, number]) => [name.replace(/([a-z])([A-Z0-9])/g, '$1-$2').toLowerCase(), number]),
);

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
