import { type Hex, maxUint256 } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { type Devnet, devnetClients, startDevnet } from '../src/chain/devnet.ts';
import { DISPERSE, disperseEtherData, disperseTokenData } from '../src/chain/disperse.ts';
import { newRecipient, rpc } from '../src/chain/transactions.test-kit.ts';
import { encodeApprove, encodeTransfer } from '../src/payouts/erc20.ts';
import { report } from './report.ts';

// The gas of paying many with the batch contract, against a transaction for each: ether and a token, to
// accounts that were there and to new ones. The table is in docs/explanations/payouts.md, and the
// figures of src/payouts/gather.ts come from it.
//
//   node bench/payout-gas.ts             # half a minute

const COUNTS = [1, 2, 5, 10, 50, 100];
const GAS_MAX = 25_000_000n;

const devnet = await startDevnet();
const { reader, wallet } = devnetClients(devnet.url);
const payer = wallet(privateKeyToAccount(devnet.accounts[8]?.privateKey as Hex));
const token = devnet.addresses.UsdToken;

async function sent(tx: { to: Hex; value?: bigint; data?: Hex }): Promise<bigint> {
  const hash = await payer.sendTransaction({ gas: GAS_MAX, ...tx });
  const { gasUsed, status } = await reader.waitForTransactionReceipt({ hash });
  if (status !== 'success') throw new Error('a payment failed');
  return gasUsed;
}

/** Accounts that hold a wei and a token, or nobody's. */
async function recipients(count: number, kind: 'there' | 'new'): Promise<readonly Hex[]> {
  const all = Array.from({ length: count }, () => newRecipient());
  if (kind === 'new') return all;
  for (const one of all) {
    await rpc(devnet.url, 'anvil_setBalance', one, '0x1');
    await sent({ to: token, data: encodeTransfer(one, 1n) });
  }
  return all;
}

async function prepare({ abis }: Devnet): Promise<void> {
  const mint = { address: token, abi: abis.UsdToken, functionName: 'mint' } as const;
  const hash = await payer.writeContract({ ...mint, args: [payer.account.address, 10n ** 12n] });
  await reader.waitForTransactionReceipt({ hash });
  await sent({ to: token, data: encodeApprove(DISPERSE, maxUint256) });
}

async function gasOf(asset: 'ETH' | 'ERC-20', kind: 'there' | 'new', count: number) {
  const amount = 1_000n;
  let alone = 0n;
  for (const to of await recipients(count, kind)) {
    alone += await sent(
      asset === 'ETH' ? { to, value: amount } : { to: token, data: encodeTransfer(to, amount) },
    );
  }
  const shares = (await recipients(count, kind)).map((to) => ({ to, amount }));
  const id: Hex = `0x${BigInt(count).toString(16).padStart(64, '0')}`;
  const together = await sent(
    asset === 'ETH'
      ? { to: DISPERSE, value: amount * BigInt(count), data: disperseEtherData(id, shares) }
      : { to: DISPERSE, data: disperseTokenData(id, token, shares) },
  );
  return { asset, kind, count, alone: Number(alone), together: Number(together) };
}

try {
  await prepare(devnet);
  const rows = [];
  for (const asset of ['ETH', 'ERC-20'] as const) {
    for (const kind of ['there', 'new'] as const) {
      for (const count of COUNTS) rows.push(await gasOf(asset, kind, count));
    }
  }
  report(
    rows.map(({ asset, kind, count, alone, together }) => ({
      claim: `${asset} to ${count} ${kind === 'new' ? 'new accounts' : 'accounts'} in a batch (gas)`,
      ours: together,
      other: { name: 'peer', value: alone },
    })),
  );
} finally {
  await devnet.stop();
}
