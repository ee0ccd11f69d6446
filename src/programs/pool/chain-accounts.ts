import type { Hex } from 'viem';
import type { Providers } from '../../chain/providers.ts';
import type { Signing, SigningRole } from '../../chain/signing.ts';
import { openTransactions, type Transactions } from '../../chain/transactions.ts';
import type { Database } from '../../database/database.ts';
import { checkSent } from '../../payouts/sent-check.ts';
import type { PoolBase } from './pool.ts';
import type { PoolSettings } from './settings.ts';

/** What each account of the signer sends. */
export interface ChainAccounts {
  of(role: SigningRole): Transactions | undefined;
  /** The account with this address, if the signer holds its key. */
  at(address: Hex): Transactions | undefined;
}

/** Opens the journal of every account that the signer has. */
export async function openAccounts(
  { maxGasPrice }: PoolSettings,
  base: PoolBase,
  parts: {
    readonly database: Database;
    readonly providers: Providers;
    readonly signing: Signing;
    readonly beforeSend: () => Promise<void>;
  },
  started: AsyncDisposableStack,
): Promise<ChainAccounts> {
  const { signing, providers } = parts;
  const opened = new Map<Hex, Transactions>();
  for (const { address, roles } of signing.accounts) {
    // Before its journal goes on with anything.
    if (roles.includes('payout')) {
      await checkSent(parts, { chainId: providers.chainId, address });
    }
    const transactions = await openTransactions({
      ...base,
      ...parts,
      account: { chainId: providers.chainId, address },
      ...(maxGasPrice === undefined ? {} : { rules: { maxFeePerGas: maxGasPrice } }),
    });
    started.defer(() => transactions.close());
    opened.set(address, transactions);
  }
  return {
    of(role) {
      const account = signing.accounts.find(({ roles }) => roles.includes(role));
      return account && opened.get(account.address);
    },
    at: (address) => opened.get(address.toLowerCase() as Hex),
  };
}
