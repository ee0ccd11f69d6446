import { z } from 'zod';
import { TributaryError } from '../base/errors.ts';
import { capabilityKey, parsePrice, showPrice } from '../payments/price.ts';
import type { PriceDesk } from '../payments/price-desk.ts';
import { pipelineOf, pricedCapability, pricedPipelines } from '../payments/price-lists.ts';
import type { PriceScope } from '../payments/price-store.ts';
import { rationalText } from '../payments/rational.ts';
import { checksumAddress, parseAddress } from '../protocol/signature.ts';
import { defineRoute, type Route, serve } from './route.ts';

export interface PricesRoutesParts {
  /** Undefined: nobody pays off chain. */
  readonly prices: PriceDesk | undefined;
}

/** Gateways compare models as text; none is longer. */
const MODEL_CHARS_MAX = 200;

const priceList = z.object({
  prices: z.array(
    z.object({
      gateway: z.string().optional(),
      pipeline: z.string().optional(),
      model: z.string().optional(),
      price: z.string(),
      weiPerUnit: z.string(),
      setAt: z.string().optional(),
      settings: z.string().optional().describe('What the settings ask where another was set.'),
    }),
  ),
  pipelines: z.array(z.string()).describe('Those that can have a price of their own.'),
});

const scope = z.object({
  gateway: z.unknown().optional(),
  pipeline: z.unknown().optional(),
  model: z.unknown().optional(),
});

export const pricesApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/prices',
    access: 'viewer',
    summary: 'What is asked of whom for what.',
    reply: priceList,
  }),
  set: defineRoute({
    method: 'POST',
    path: '/api/v1/prices',
    access: 'finance',
    summary: 'Set a price from now on.',
    body: scope.extend({ price: z.unknown().optional() }),
    reply: priceList,
  }),
  reset: defineRoute({
    method: 'POST',
    path: '/api/v1/prices/reset',
    access: 'finance',
    summary: 'Ask again what the settings say.',
    body: scope,
    reply: priceList,
  }),
} as const;

/** `/api/v1/prices`: what is asked of whom for what, and the change of it while the pool runs. */
export function pricesRoutes({ prices }: PricesRoutesParts): readonly Route[] {
  const on = (): PriceDesk => {
    if (prices) return prices;
    throw new TributaryError('chain_off', 'This pool works off chain.');
  };
  const list = () => ({ prices: on().list().map(viewOf), pipelines: [...pricedPipelines] });
  return [
    serve(pricesApi.list, async () => list()),
    serve(pricesApi.set, async ({ body, note }) => {
      const read = parsePrice(String(body.price));
      if (!read.ok) throw invalid('price must be such as 1000wei or 0.05USD per 1e12 pixels');
      const before = on().list().map(viewOf);
      await on().set(scopeIn(body), read.price);
      note({ before, after: on().list().map(viewOf) });
      return list();
    }),
    serve(pricesApi.reset, async ({ body, note }) => {
      const before = on().list().map(viewOf);
      if (!(await on().reset(scopeIn(body)))) {
        throw new TributaryError('price_not_set', 'No price was set for that.');
      }
      note({ before, after: on().list().map(viewOf) });
      return list();
    }),
  ];
}

function viewOf({
  gateway,
  capability,
  price,
  wei,
  setAt,
  settings,
}: ReturnType<PriceDesk['list']>[number]) {
  return {
    ...(gateway === '' ? {} : { gateway: checksumAddress(Buffer.from(gateway, 'hex')) }),
    ...(capability === '' ? {} : pipelineOf(capability)),
    price: showPrice(price),
    weiPerUnit: rationalText(wei),
    ...(setAt === undefined ? {} : { setAt: new Date(setAt).toISOString() }),
    ...(settings === undefined ? {} : { settings: showPrice(settings) }),
  };
}

function scopeIn({ gateway, pipeline, model }: Readonly<Record<string, unknown>>): PriceScope {
  const address = gateway === undefined ? undefined : parseAddress(String(gateway));
  if (gateway !== undefined && !address) throw invalid('gateway must be an address');
  if (String(model ?? '').length > MODEL_CHARS_MAX) throw invalid('model is too long');
  if (pipeline === undefined && model !== undefined) throw invalid('a model needs its pipeline');
  const asked = pipeline === undefined ? undefined : pricedCapability(pipeline, model);
  if (pipeline !== undefined && !asked) throw invalid('there is no such pipeline');
  return {
    gateway: address ? Buffer.from(address).toString('hex') : '',
    capability: asked ? capabilityKey(asked) : '',
  };
}

function invalid(text: string): TributaryError {
  return new TributaryError('setting_invalid', text);
}
