import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { BaseError, ContractFunctionRevertedError, maxUint256 } from 'viem';
import { type Anvil, startAnvil } from '../../src/chain/anvil.ts';
import { type DevnetClients, devnetClients } from '../../src/chain/devnet.ts';
import { type Artifact, compileContracts } from '../../src/chain/devnet-contracts.ts';
import { part, partOfRatio, ratio, type Scale, scales } from '../../src/chain/fractions.ts';

interface Question {
  readonly amount: bigint;
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly scale: Scale;
}

let anvil: Anvil;
let reader: DevnetClients['reader'];
let probe: Artifact;

before(async () => {
  probe = (await compileContracts()).FractionsProbe as Artifact;
  const mnemonic = 'test test test test test test test test test test test junk';
  anvil = await startAnvil({ port: 0, blockTime: 0, chainId: 31_337, mnemonic });
  reader = devnetClients(anvil.url).reader;
});
after(() => anvil?.stop());

/** Small numbers, stakes, factors and whatever fits besides. */
const number = (min: bigint) =>
  fc.oneof(
    fc.bigInt({ min, max: 1_000n }),
    fc.bigInt({ min, max: 10n ** 27n }),
    fc.bigInt({ min, max: 2n ** 80n }),
  );
const question: fc.Arbitrary<Question> = fc
  .record({
    amount: number(0n),
    numerator: number(0n),
    denominator: number(1n),
    scale: fc.constantFrom(...Object.values(scales)),
  })
  .filter(fits);

/** Whether every product on the way stays within 256 bits. */
function fits({ amount, numerator, denominator, scale }: Question): boolean {
  const products = [amount * ratio(numerator, denominator, scale), numerator * scale];
  return [...products, amount * numerator].every((product) => product <= maxUint256);
}

test('fractions are the same here and in the contracts, to the wei', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(question, { minLength: 50, maxLength: 100 }), async (questions) => {
      const expected = questions.map(({ amount, numerator, denominator, scale }) => ({
        ratio: ratio(numerator, denominator, scale),
        part: part(amount, numerator, scale),
        partOfRatio: partOfRatio(amount, numerator, denominator, scale),
      }));
      assert.deepEqual(await ask(questions), expected);
    }),
    { numRuns: 20 },
  );
});

test('a denominator of zero and a product that does not fit stop the contracts', async () => {
  const sound = { amount: 1n, numerator: 1n, denominator: 1n, scale: scales.precise };
  assert.equal(await panicOf(ask([{ ...sound, denominator: 0n }])), 0x12n);
  assert.equal(await panicOf(ask([{ ...sound, numerator: 2n ** 255n }])), 0x11n);
  assert.equal(await panicOf(ask([{ ...sound, amount: 2n ** 255n, numerator: 2n }])), 0x11n);
});

function ask(questions: readonly Question[]): Promise<unknown> {
  return reader.readContract({
    abi: probe.abi,
    code: probe.bytecode,
    functionName: 'ask',
    args: [questions],
  } as never);
}

async function panicOf(answer: Promise<unknown>): Promise<unknown> {
  try {
    await answer;
  } catch (error) {
    const revert =
      error instanceof BaseError &&
      error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    if (revert instanceof ContractFunctionRevertedError) return revert.data?.args?.[0];
    throw error;
  }
  return undefined;
}
