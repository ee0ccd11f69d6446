import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import {
  type Abi,
  encodeDeployData,
  type Hex,
  keccak256,
  maxUint256,
  parseEther,
  parseEventLogs,
  toHex,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { disperseCode as writeCode } from '../../scripts/disperse-code.ts';
import { disperseAbi } from '../../src/chain/abi/disperse.ts';
import { devnetClients, startDevnet } from '../../src/chain/devnet.ts';
import { compileContracts } from '../../src/chain/devnet-contracts.ts';
import {
  DISPERSE,
  disperseEtherData,
  disperseTokenData,
  type Share,
} from '../../src/chain/disperse.ts';

const devnet = await startDevnet();
after(() => devnet.stop());
const artifacts = await compileContracts();
const { reader, wallet } = devnetClients(devnet.url);
const payer = privateKeyToAccount(devnet.accounts[1]?.privateKey as Hex);
const from = wallet(payer);
const BATCH: Hex = `0x${'ab'.repeat(32)}`;
const GAS = 5_000_000n;
let people = 0;

/** An address that nobody used. */
const stranger = (): Hex => `0x${keccak256(toHex(`person ${people++}`)).slice(-40)}`;

async function deploy(name: string, ...args: readonly unknown[]): Promise<Hex> {
  const { abi, bytecode } = artifacts[name] ?? { abi: [], bytecode: '0x' };
  const data = encodeDeployData({ abi: abi as Abi, bytecode, args } as never);
  const hash = await from.sendTransaction({ data, gas: GAS });
  const { contractAddress } = await reader.waitForTransactionReceipt({ hash });
  assert.ok(contractAddress);
  return contractAddress;
}

async function send(to: Hex, data: Hex, value = 0n) {
  const hash = await from.sendTransaction({ to, data, value, gas: GAS });
  const receipt = await reader.waitForTransactionReceipt({ hash });
  const events = parseEventLogs({ abi: disperseAbi, logs: receipt.logs });
  return { receipt, paid: events.map(({ args }) => args.paid) };
}

const call = async (contract: string, to: Hex, functionName: string, ...args: unknown[]) => {
  const { abi } = artifacts[contract] ?? { abi: [] };
  const hash = await from.writeContract({ address: to, abi: abi as Abi, functionName, args });
  await reader.waitForTransactionReceipt({ hash });
};
const tokensOf = (token: Hex, account: Hex) =>
  reader.readContract({
    address: token,
    abi: artifacts.HostileToken?.abi as Abi,
    functionName: 'balanceOf',
    args: [account],
  });

/** A token with a manner of its own, of which the payer has 1,000 and allows Disperse all. */
async function token(manner: number): Promise<Hex> {
  const address = await deploy('HostileToken', manner);
  await call('HostileToken', address, 'mint', payer.address, 1_000n);
  await call('HostileToken', address, 'approve', DISPERSE, maxUint256);
  return address;
}

const payTokens = (address: Hex, shares: readonly Share[]) =>
  send(DISPERSE, disperseTokenData(BATCH, address, shares));

test('the code that is kept is what the compiler makes of the source', async () => {
  const kept = readFileSync(new URL('../../src/chain/disperse-code.ts', import.meta.url), 'utf8');
  const code = (text: string) => /0x[0-9a-f]{100,}/.exec(text)?.[0];
  assert.equal(code(kept), code(await writeCode()));
  assert.equal(devnet.addresses.Disperse.toLowerCase(), DISPERSE.toLowerCase());
});

test('one that rejects, burns gas or answers at length does not stop the others', async () => {
  const wallet = await deploy('ContractWallet', payer.address);
  const recipients = [
    stranger(),
    await deploy('RejectingRecipient'),
    wallet,
    await deploy('GasBurner'),
    await deploy('LongAnswer'),
    stranger(),
  ];
  const shares = recipients.map((to, index) => ({ to, amount: parseEther('0.1') + BigInt(index) }));
  const value = shares.reduce((sum, { amount }) => sum + amount, 0n);
  const before = await reader.getBalance({ address: payer.address });
  const { receipt, paid } = await send(DISPERSE, disperseEtherData(BATCH, shares), value);

  assert.equal(receipt.status, 'success');
  assert.deepEqual(paid, [true, false, true, false, false, true]);
  const balances = await Promise.all(recipients.map((address) => reader.getBalance({ address })));
  const expected = shares.map(({ amount }, index) => (paid[index] ? amount : 0n));
  assert.deepEqual(balances, expected);
  assert.equal(await reader.getBalance({ address: DISPERSE }), 0n);
  const spent = expected.reduce((sum, amount) => sum + amount, 0n);
  const gas = receipt.gasUsed * receipt.effectiveGasPrice;
  assert.equal(await reader.getBalance({ address: payer.address }), before - spent - gas);
});

test('a recipient cannot have it said that it got nothing', async () => {
  const forger = await deploy('Forger');
  await call('Forger', forger, 'prepare', BATCH, 7n);
  const data = disperseEtherData(BATCH, [{ to: forger, amount: 7n }]);
  const { receipt, paid } = await send(DISPERSE, data, 7n);
  const said = parseEventLogs({ abi: disperseAbi, logs: receipt.logs });
  // With the gas of a recipient the contract does nothing for it.
  assert.deepEqual(paid, [false]);
  assert.deepEqual(
    said.map(({ args }) => args.payer),
    [payer.address],
  );
  assert.equal(await reader.getBalance({ address: forger }), 0n);
});

test('with too little gas it pays nobody, and blames nobody', async () => {
  const shares = [1, 2, 3].map(() => ({ to: stranger(), amount: 5n }));
  const data = disperseEtherData(BATCH, shares);
  const hash = await from.sendTransaction({ to: DISPERSE, data, value: 15n, gas: 210_000n });
  const { status } = await reader.waitForTransactionReceipt({ hash });
  assert.equal(status, 'reverted');
  const balances = await Promise.all(shares.map(({ to }) => reader.getBalance({ address: to })));
  assert.deepEqual(balances, [0n, 0n, 0n]);
});

test('what is left over comes back; more than was brought is refused', async () => {
  const to = stranger();
  const more = await send(DISPERSE, disperseEtherData(BATCH, [{ to, amount: 5n }]), 9n);
  assert.deepEqual(more.paid, [true]);
  assert.equal(await reader.getBalance({ address: DISPERSE }), 0n);
  const less = await send(DISPERSE, disperseEtherData(BATCH, [{ to, amount: 5n }]), 4n);
  assert.equal(less.receipt.status, 'reverted');
});

test('a token that answers false, or has an account on its list, is told for that account', async () => {
  const shares = [stranger(), stranger()].map((to) => ({ to, amount: 10n }));
  const answersFalse = await token(0);
  assert.deepEqual((await payTokens(answersFalse, shares)).paid, [false, false]);

  const blacklisting = await token(1);
  await call('HostileToken', blacklisting, 'list', shares[0]?.to, true);
  assert.deepEqual((await payTokens(blacklisting, shares)).paid, [false, true]);
  assert.equal(await tokensOf(blacklisting, shares[1]?.to as Hex), 10n);
});

test('a token that answers nothing has moved', async () => {
  const silent = await token(3);
  const to = stranger();
  assert.deepEqual((await payTokens(silent, [{ to, amount: 10n }])).paid, [true]);
  assert.equal(await tokensOf(silent, to), 10n);
});

test('where there is no token nothing is said to be paid', async () => {
  const { receipt } = await payTokens(stranger(), [{ to: stranger(), amount: 1n }]);
  assert.equal(receipt.status, 'reverted');
});

test('nobody spends the allowance of somebody else', async () => {
  const address = await token(3);
  const thief = wallet(privateKeyToAccount(devnet.accounts[2]?.privateKey as Hex));
  const data = disperseTokenData(BATCH, address, [{ to: stranger(), amount: 10n }]);
  const hash = await thief.sendTransaction({ to: DISPERSE, data, gas: GAS });
  const { logs } = await reader.waitForTransactionReceipt({ hash });
  const events = parseEventLogs({ abi: disperseAbi, logs });
  assert.deepEqual(
    events.map(({ args }) => args.paid),
    [false],
  );
  assert.equal(await tokensOf(address, payer.address), 1_000n);
});
