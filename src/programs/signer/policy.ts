import { arbitrumOneContracts } from '../../chain/signing-contracts.ts';
import type { SigningPolicy } from '../../chain/signing-policy.ts';
import { accountsOf, type VaultKey } from '../../chain/signing-vault.ts';
import { ARBITRUM_ONE, type SignerSettings } from './settings.ts';

/** The policy that the settings spell out. */
export function policyOf(
  settings: SignerSettings,
  keys: readonly [VaultKey, ...VaultKey[]],
): SigningPolicy {
  const accounts = accountsOf(keys);
  const [main] = accounts;
  if (!main) throw new RangeError('a signer has an account');
  return {
    chainId: settings.chainId ?? ARBITRUM_ONE,
    accounts,
    orchestrator: settings.orchestrator ?? main.address,
    contracts: contractsOf(settings),
    withdrawTo: new Set(settings.withdrawTo),
    transferTo: new Set(settings.transferTo),
    limits: {
      gasLimitMax: BigInt(settings.maxGas),
      gasPriceMax: settings.maxGasPrice,
      feePerTransaction: settings.maxFee,
      feesPerDay: settings.maxFeesPerDay,
      ethPerTransaction: settings.maxEth,
      ethPerDay: settings.maxEthPerDay,
      lptPerTransaction: settings.maxLpt,
      lptPerDay: settings.maxLptPerDay,
    },
  };
}

/** The network's own, less those that the settings place elsewhere. */
function contractsOf({ network, contracts }: SignerSettings): SigningPolicy['contracts'] {
  const own = network === 'arbitrum-one' ? arbitrumOneContracts : [];
  const named = new Set(contracts.map(({ contract }) => contract));
  const places = [...own.filter(({ contract }) => !named.has(contract)), ...contracts];
  return new Map(places.map(({ contract, address }) => [address, contract]));
}
