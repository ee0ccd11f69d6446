import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { hex } from '../base/bytes.ts';
import { signTransaction, transactionHash } from './sign-transaction.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const wei = fc.bigInt({ min: 0n, max: 2n ** 96n });

test('the bytes are those that viem signs, for any transaction', async () => {
  const key = Buffer.alloc(32, 7);
  const account = privateKeyToAccount(`0x${hex(key)}`);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        chainId: fc.integer({ min: 1, max: 2 ** 31 }),
        nonce: fc.nat(),
        to: bytes(20).map((address): Hex => `0x${hex(address)}`),
        value: wei,
        data: fc.uint8Array({ maxLength: 300 }).map((data): Hex => `0x${hex(data)}`),
        gasLimit: fc.bigInt({ min: 21_000n, max: 2n ** 40n }),
        maxPriorityFeePerGas: fc.bigInt({ min: 0n, max: 2n ** 40n }),
        headroom: wei,
      }),
      async ({ headroom, ...fields }) => {
        const tx = { ...fields, maxFeePerGas: fields.maxPriorityFeePerGas + headroom };
        const { raw, hash } = signTransaction(key, tx);
        const { gasLimit: gas, ...rest } = tx;
        assert.equal(raw, await account.signTransaction({ ...rest, gas, type: 'eip1559' }));
        assert.equal(hash, transactionHash(raw));
      },
    ),
    { numRuns: 25 },
  );
});
