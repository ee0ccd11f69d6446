import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCapabilityPrices, parseGatewayPrices, pipelineOf } from './price-lists.ts';
import { rational } from './rational.ts';

test('prices of gateways are read by address, exactly', () => {
  const outcome = parseGatewayPrices(`{"gateways":[
    {"ethaddress":"0xAbCdEf0123456789abcdef0123456789ABCDEF01","priceperunit":0.5,"currency":"USD","pixelsperunit":1000000000000},
    {"ethaddress":"0000000000000000000000000000000000000002","priceperunit":"1200","pixelsperunit":"3"}]}`);
  assert.ok(outcome.ok);
  assert.deepEqual(
    [...outcome.value.perGateway],
    [
      [
        'abcdef0123456789abcdef0123456789abcdef01',
        { perUnit: rational(1n, 2n * 10n ** 12n), currency: 'USD' },
      ],
      ['0000000000000000000000000000000000000002', { perUnit: rational(400n), currency: 'wei' }],
    ],
  );
});

test('a gateway may have prices of its own for single capabilities and models', () => {
  const gateway = 'ab'.repeat(20);
  const outcome = parseGatewayPrices(`{"gateways":[
    {"ethaddress":"0x${gateway}","priceperunit":700},
    {"ethaddress":"0x${gateway}","priceperunit":5,"pipeline":"text-to-image","model_id":"a/b_c"},
    {"ethaddress":"0x${gateway}","priceperunit":9,"pipeline":"llm"}]}`);
  assert.ok(outcome.ok);
  assert.deepEqual(outcome.value.perGateway.get(gateway)?.perUnit, rational(700n));
  assert.deepEqual(
    [...(outcome.value.perGatewayCapability.get(gateway) ?? [])].map(([key, { perUnit }]) => [
      key,
      pipelineOf(key),
      perUnit,
    ]),
    [
      ['27_a/b_c', { pipeline: 'text-to-image', model: 'a/b_c' }, rational(5n)],
      ['33_default', { pipeline: 'llm', model: 'default' }, rational(9n)],
    ],
  );
  const wrong = [`"pipeline":"none"`, `"model_id":"m"`];
  for (const entry of wrong) {
    const json = `{"gateways":[{"ethaddress":"0x${gateway}","priceperunit":5,${entry}}]}`;
    assert.ok(!parseGatewayPrices(json).ok, entry);
  }
});

test('prices of capabilities are read by pipeline and model', () => {
  const outcome = parseCapabilityPrices(`{"capabilities_prices":[
    {"pipeline":"text-to-image","model_id":"stabilityai/sd-turbo","price_per_unit":1000,"pixels_per_unit":1},
    {"pipeline":"segment-anything-2","price_per_unit":2e3,"pixels_per_unit":4},
    {"pipeline":"llm","model_id":"default","price_per_unit":1e-7,"currency":"eth"}]}`);
  assert.ok(outcome.ok);
  assert.deepEqual(
    [...outcome.value].map(([key, { perUnit }]) => [key, perUnit]),
    [
      ['27_stabilityai/sd-turbo', rational(1000n)],
      ['32_default', rational(500n)],
      ['33_default', rational(10n ** 11n)],
    ],
  );
});

test('what is no such list is refused with the place of the fault', () => {
  const faults: readonly (readonly [string, RegExp])[] = [
    ['{', /no JSON/],
    ['[]', /no list "gateways"/],
    ['null', /no list "gateways"/],
    ['{"gateways":[{}]}', /entry 1/],
    ['{"gateways":[3]}', /entry 1/],
    [
      '{"gateways":[{"ethaddress":"0x12","priceperunit":1,"pixelsperunit":1}]}',
      /entry 1 of "gateways"/,
    ],
    [
      `{"gateways":[{"ethaddress":"0x${'1'.repeat(40)}","priceperunit":1,"pixelsperunit":0}]}`,
      /entry 1/,
    ],
    [`{"gateways":[{"ethaddress":"0x${'1'.repeat(40)}","priceperunit":-1}]}`, /entry 1/],
  ];
  for (const [json, text] of faults) {
    const outcome = parseGatewayPrices(json);
    assert.ok(!outcome.ok, json);
    assert.match(outcome.text, text);
  }
  assert.ok(!parseCapabilityPrices('{"capabilities_prices":[{"pipeline":"x"}]}').ok);
});
