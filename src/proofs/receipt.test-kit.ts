import fc from 'fast-check';
import type { Receipt } from './receipt.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const below = (bits: bigint) => fc.bigInt({ min: 0n, max: 2n ** bits - 1n });
const priced = fc.record({
  basis: fc.constantFrom('gateway_price' as const, 'terms_rate' as const),
  asset: fc.stringMatching(/^[A-Z][A-Z0-9]{0,11}$/),
});
const unpriced = fc.constant({ basis: 'none' as const, asset: '' });

/** Any receipt that its bytes can hold; sums and amounts need not be right. */
export const anyReceipt: fc.Arbitrary<Receipt> = fc
  .record({
    pool: bytes(20),
    chainId: below(64n),
    key: bytes(32),
    epoch: below(64n),
    worker: fc.stringMatching(/^[a-z2-7]{10}$/),
    sequence: below(64n),
    job: bytes(16),
    kind: fc.nat(0xffff),
    units: below(128n),
    terms: fc.oneof(priced, unpriced),
    priceNumerator: below(128n),
    priceDenominator: fc.bigInt({ min: 1n, max: 2n ** 128n - 1n }),
    amount: below(128n),
    epochUnits: below(128n),
    epochAmount: below(128n),
    inputHash: bytes(32),
    outputsHash: bytes(32),
    gatewaySignatureHash: bytes(32),
    deviceMs: fc.nat(0xffff_ffff),
    verdict: fc.constant('credited' as const),
    at: fc.maxSafeNat(),
    previous: bytes(32),
  })
  .map(({ terms, ...rest }) => ({ ...rest, ...terms }));
