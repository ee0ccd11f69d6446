import type { Address, Hex } from 'viem';
import { hex } from '../../base/bytes.ts';
import { TributaryError } from '../../base/errors.ts';
import type { Contracts } from '../../chain/contracts.ts';
import { CREATOR, DISPERSE, deployDisperseData } from '../../chain/disperse.ts';
import type { IntentId } from '../../chain/journal-types.ts';
import type { Providers } from '../../chain/providers.ts';
import type { Signing } from '../../chain/signing.ts';
import type { Transactions } from '../../chain/transactions.ts';
import { createFeesOnChain, type FeesOnChain } from '../../payouts/fees-on-chain.ts';
import { type FundingParts, readDeposits } from '../../payouts/funding.ts';
import { createPayoutChain, type PayoutChain } from '../../payouts/payout-chain.ts';
import type { Recipient } from '../../payouts/plan-types.ts';
import { createStakeOnChain, type StakeOnChain } from '../../payouts/stake-on-chain.ts';
import type { ChainAccounts } from './chain-accounts.ts';

/** What payouts do on chain, and whose money they move. */
export interface ChainPaying {
  /** Undefined: the signer has no account for payouts. */
  readonly chain: PayoutChain | undefined;
  /** The accounts whose money is the pool's: the node's, and that for payouts. In lower case. */
  readonly treasury: readonly Recipient[];
  /** Accounts and contracts of the pool and of the protocol: nobody is paid there. */
  readonly ownAddresses: readonly Recipient[];
  readonly fees: FeesOnChain;
  readonly stake: StakeOnChain;
  /** The address of LPT. */
  readonly protocolToken: Address;
  /** See payouts/funding.ts. */
  deposits(transaction: string, assets: FundingParts['assets']): ReturnType<typeof readDeposits>;
  /** See api/payout-routes.ts. */
  deployDisperse(): Promise<string | undefined>;
}

/** What is deployed costs the same on each chain but for what L1 asks: an estimate, and a third more. */
const GAS_MARGIN = { numerator: 4n, denominator: 3n } as const;

export function chainPaying(parts: {
  readonly providers: Providers;
  readonly contracts: Contracts;
  readonly signing: Signing;
  readonly accounts: ChainAccounts;
  readonly orchestrator: Address;
}): ChainPaying {
  const { providers, contracts, signing, accounts, orchestrator } = parts;
  const transactions = accounts.of('payout');
  const node = `0x${hex(signing.address)}` as const;
  const payer = transactions?.account.address.toLowerCase() as Recipient | undefined;
  const treasury = [...new Set([node, ...(payer ? [payer] : [])])];
  const others = Object.values(contracts).filter((address) => address !== undefined);
  const signers = signing.accounts.map(({ address }) => address);
  const own = [...treasury, ...signers, ...others, orchestrator, DISPERSE, CREATOR];
  return {
    chain: transactions && createPayoutChain({ providers, transactions }),
    treasury,
    ownAddresses: own.map((address) => address.toLowerCase() as Recipient),
    stake: createStakeOnChain({ providers, ...contracts, orchestrator, treasury }),
    protocolToken: contracts.token,
    fees: createFeesOnChain({ providers, contracts, orchestrator }),
    deposits: (transaction, assets) => readDeposits({ providers, treasury, assets }, transaction),
    deployDisperse: () => deployDisperse(providers, transactions),
  };
}

async function deployDisperse(
  providers: Providers,
  transactions: Transactions | undefined,
): Promise<string | undefined> {
  const codeAt = (address: Address) => providers.request<Hex>('eth_getCode', [address, 'latest']);
  if ((await codeAt(DISPERSE)) !== '0x') return undefined;
  if (!transactions) {
    throw new TributaryError('chain_key_missing', 'The signer has no account for payouts.');
  }
  if ((await codeAt(CREATOR)) === '0x') {
    throw new TributaryError('chain_unsupported', `There is no contract at ${CREATOR}.`);
  }
  // An earlier try may have failed; the journal knows each by its name for ever.
  for (let count = 1; ; count++) {
    const id = `payout-disperse:${count}` as IntentId;
    const fate = await transactions.fate(id);
    if (fate?.state === 'open') return id;
    if (fate) continue;
    const what = { to: CREATOR, value: 0n, data: deployDisperseData };
    const from = transactions.account.address;
    const call = { from, to: CREATOR, data: deployDisperseData };
    const gas = BigInt(await providers.request<Hex>('eth_estimateGas', [call]));
    const gasLimit = (gas * GAS_MARGIN.numerator) / GAS_MARGIN.denominator;
    await transactions.submit({ id, ...what, gasLimit, worthWei: undefined });
    return id;
  }
}
