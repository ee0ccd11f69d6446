import { TributaryError } from '../../base/errors.ts';
import { openKey, readPassword } from '../../chain/keystore.ts';
import type { VaultKey } from '../../chain/signing-vault.ts';
import type { SigningRole } from '../../chain/signing-wire.ts';
import { sameBytes } from '../../protocol/fixed-bytes.ts';
import { typedAddress } from './policy.ts';
import type { SignerSettings } from './settings.ts';

/** What the main account does where nothing is said; payouts only by name, since they go to anybody. */
const ROLES: readonly SigningRole[] = ['node', 'redeemer', 'reward_caller'];

interface KeyPlace {
  readonly keystore: string;
  readonly passwordFile: string;
  readonly account: string | undefined;
  readonly roles: readonly SigningRole[];
}

/**
 * Opens every key that the settings name, the main account's first. Each file is read once.
 *
 * @throws TributaryError as `openKey` and `readPassword`; `setting_invalid` when an account is named
 * twice, or a role has no account
 */
export async function openKeys(
  settings: SignerSettings,
): Promise<readonly [VaultKey, ...VaultKey[]]> {
  const further = furtherPlaces(settings);
  const taken = further.flatMap(({ roles }) => roles);
  const main = await open({
    keystore: settings.keystore,
    passwordFile: settings.passwordFile,
    account: settings.account,
    roles:
      settings.roles.length > 0 ? settings.roles : ROLES.filter((role) => !taken.includes(role)),
  });
  const keys: [VaultKey, ...VaultKey[]] = [main];
  // One after the other: opening takes hundreds of MiB for a moment.
  for (const place of further) {
    const key = await open(place);
    if (keys.some(({ address }) => sameBytes(address, key.address))) {
      key.key.fill(0);
      throw new TributaryError(
        'setting_invalid',
        'The same account is named twice: leave the settings of the further one out.',
      );
    }
    keys.push(key);
  }
  return keys;
}

function furtherPlaces(settings: SignerSettings): KeyPlace[] {
  const places: KeyPlace[] = [];
  const { keystore, passwordFile } = settings;
  if (settings.redeemerKeystore !== undefined || settings.redeemerAccount !== undefined) {
    places.push({
      keystore: settings.redeemerKeystore ?? keystore,
      passwordFile: settings.redeemerPasswordFile ?? passwordFile,
      account: settings.redeemerAccount,
      roles: ['redeemer'],
    });
  }
  if (settings.rewardCallerKeystore !== undefined || settings.rewardCallerAccount !== undefined) {
    places.push({
      keystore: settings.rewardCallerKeystore ?? keystore,
      passwordFile: settings.rewardCallerPasswordFile ?? passwordFile,
      account: settings.rewardCallerAccount,
      roles: ['reward_caller'],
    });
  }
  if (settings.payoutKeystore !== undefined || settings.payoutAccount !== undefined) {
    places.push({
      keystore: settings.payoutKeystore ?? keystore,
      passwordFile: settings.payoutPasswordFile ?? passwordFile,
      account: settings.payoutAccount,
      roles: ['payout'],
    });
  }
  return places;
}

async function open({ keystore, passwordFile, account, roles }: KeyPlace): Promise<VaultKey> {
  const password = await readPassword(passwordFile);
  const address = account === undefined ? undefined : typedAddress(account);
  const { key, address: found } = await openKey({ path: keystore, address, password });
  return { key, address: found, roles };
}
