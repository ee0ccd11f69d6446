import type { Hex } from 'viem';
import { hex } from '../../base/bytes.ts';
import { TributaryError } from '../../base/errors.ts';
import { arbitrumOneContracts } from '../../chain/signing-contracts.ts';
import type { SigningPolicy } from '../../chain/signing-policy.ts';
import { accountsOf, type VaultKey } from '../../chain/signing-vault.ts';
import { parseAddress } from '../../protocol/signature.ts';
import { ARBITRUM_ONE, type SignerSettings } from './settings.ts';

/**
 * The policy that the settings spell out.
 *
 * @throws TributaryError `setting_invalid` when the checksum of an address is wrong
 */
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
    orchestrator:
      settings.orchestrator === undefined ? main.address : lowerCase(settings.orchestrator),
    contracts: contractsOf(settings),
    withdrawTo: new Set(settings.withdrawTo.map(lowerCase)),
    transferTo: new Set(settings.transferTo.map(lowerCase)),
    payoutTokens: new Map(
      settings.payoutTokens.map(({ address, ...limit }) => [lowerCase(address), limit]),
    ),
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
function contractsOf({ network, contracts, polls }: SignerSettings): SigningPolicy['contracts'] {
  const own = network === 'arbitrum-one' ? arbitrumOneContracts : [];
  const named = new Set(contracts.map(({ contract }) => contract));
  const places = [...own.filter(({ contract }) => !named.has(contract)), ...contracts];
  return new Map([
    ...polls.map((poll) => [lowerCase(poll), 'Poll'] as const),
    ...places.map(({ contract, address }) => [address, contract] as const),
  ]);
}

/** 20 bytes of an address that somebody typed. Throws TributaryError `setting_invalid`. */
export function typedAddress(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address) return address;
  throw new TributaryError('setting_invalid', `The checksum of the address ${text} is wrong.`);
}

function lowerCase(text: string): Hex {
  return `0x${hex(typedAddress(text))}`;
}
