import { readFile } from 'node:fs/promises';
import { TributaryError } from '../../base/errors.ts';
import { parseHostPort } from '../../base/setting-types.ts';
import type { Contracts } from '../../chain/contracts.ts';
import { connectSigner, type Signing } from '../../chain/signing.ts';
import { startSigner } from '../../chain/signing-child.ts';
import type { ContractPlace } from '../../chain/signing-contracts.ts';
import type { PoolBase } from './pool.ts';
import type { PoolSettings } from './settings.ts';

/** The chain that transactions are signed for. */
interface SigningChain {
  readonly chainId: number;
  readonly contracts: Contracts;
}

/** The signer that the settings name, or one of the pool's own. Throws what they throw. */
export async function openSigning(
  settings: PoolSettings,
  base: PoolBase,
  chain: SigningChain,
): Promise<Signing> {
  return settings.signer === undefined
    ? startOwn(settings, base, chain)
    : connectSigner(await addressOf(settings.signer, settings), base);
}

function startOwn(settings: PoolSettings, base: PoolBase, chain: SigningChain): Promise<Signing> {
  const { keystore, passwordFile, dataDir } = settings;
  if (keystore === undefined || passwordFile === undefined) {
    throw new TributaryError('setting_missing', 'No --keystore with its --password-file is given.');
  }
  const further = (store: string | undefined, password: string | undefined) =>
    store === undefined ? undefined : { keystore: store, passwordFile: password ?? passwordFile };
  return startSigner(
    {
      dataDir,
      chain:
        settings.network === 'arbitrum-one'
          ? { network: 'arbitrum-one' }
          : { network: 'devnet', chainId: chain.chainId, contracts: placesOf(chain.contracts) },
      main: { keystore, passwordFile, account: settings.account },
      redeemer: further(settings.redeemerKeystore, settings.redeemerPasswordFile),
      rewardCaller: further(settings.rewardCallerKeystore, settings.rewardCallerPasswordFile),
      payout: further(settings.payoutKeystore, settings.payoutPasswordFile),
      orchestrator: settings.orchestratorAddress,
      policyFile: settings.signerPolicy,
      settings: ['--log-level', settings.logLevel],
    },
    base,
  );
}

function placesOf(contracts: Contracts): readonly ContractPlace[] {
  const named = {
    BondingManager: contracts.bondingManager,
    TicketBroker: contracts.ticketBroker,
    RoundsManager: contracts.roundsManager,
    ServiceRegistry: contracts.serviceRegistry,
    AIServiceRegistry: contracts.aiServiceRegistry,
    LivepeerToken: contracts.token,
    LivepeerGovernor: contracts.governor,
  } as const;
  return Object.entries(named).flatMap(([contract, address]) =>
    address === undefined
      ? []
      : [
          {
            contract: contract as keyof typeof named,
            address: address.toLowerCase() as `0x${string}`,
          },
        ],
  );
}

async function addressOf(
  where: string,
  { signerCert, signerKey, signerCa }: PoolSettings,
): Promise<Parameters<typeof connectSigner>[0]> {
  const place = where.includes('/') ? undefined : parseHostPort(where);
  if (!place) return { socket: where };
  if (!signerCert || !signerKey || !signerCa) {
    const text = 'A --signer on another machine needs --signer-cert, --signer-key and --signer-ca.';
    throw new TributaryError('setting_missing', text);
  }
  const [cert, key, ca] = await Promise.all(
    [signerCert, signerKey, signerCa].map((file) => readFile(file, 'utf8').catch(unreadable)),
  );
  return { ...place, cert: cert as string, key: key as string, ca: ca as string };
}

function unreadable(cause: unknown): never {
  const text = 'A file of --signer-cert, --signer-key or --signer-ca cannot be read.';
  throw new TributaryError('setting_invalid', text, { cause });
}
