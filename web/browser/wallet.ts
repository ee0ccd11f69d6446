import { keccak_256 } from '@noble/hashes/sha3';
import { Refused } from './post.ts';

/** A wallet in the browser: EIP-1193, found by EIP-6963 or as `window.ethereum`. */
export interface Wallet {
  readonly name: string;
  readonly provider: Provider;
}

interface Provider {
  request(call: {
    readonly method: string;
    readonly params?: readonly unknown[];
  }): Promise<unknown>;
}

interface Announced {
  readonly info: { readonly uuid: string; readonly name: string };
  readonly provider: Provider;
}

/** Calls back with all wallets that there are, again whenever another one says that it is there. */
export function findWallets(found: (wallets: readonly Wallet[]) => void): void {
  const announced = new Map<string, Wallet>();
  const tell = () => {
    const { ethereum } = window as { readonly ethereum?: Provider };
    if (announced.size > 0) found([...announced.values()]);
    else found(ethereum ? [{ name: 'your wallet', provider: ethereum }] : []);
  };
  window.addEventListener('eip6963:announceProvider', (event) => {
    const { info, provider } = (event as CustomEvent<Announced>).detail;
    announced.set(info.uuid, { name: info.name.slice(0, 40), provider });
    tell();
  });
  window.dispatchEvent(new Event('eip6963:requestProvider'));
  tell();
}

/** The account that the wallet shows this page, with the checksum of EIP-55. */
export async function accountOf({ provider }: Wallet): Promise<string> {
  const accounts = await ask(provider, 'eth_requestAccounts', []);
  const [first] = Array.isArray(accounts) ? (accounts as readonly unknown[]) : [];
  if (typeof first !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(first)) {
    throw new Refused('The wallet showed no account.', 'Choose an account in it, and try again.');
  }
  return checksummed(first);
}

/** Asks the wallet to sign a text (`personal_sign`): it moves nothing. */
export async function signText(
  { provider }: Wallet,
  { text, account }: { readonly text: string; readonly account: string },
): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const signature = await ask(provider, 'personal_sign', [`0x${hex}`, account]);
  if (typeof signature === 'string') return signature;
  throw new Refused('The wallet did not sign.', 'Try again.');
}

async function ask(provider: Provider, method: string, params: readonly unknown[]) {
  try {
    return await provider.request({ method, params });
  } catch (error) {
    const isNo = (error as { readonly code?: unknown } | undefined)?.code === 4001;
    if (isNo) throw new Refused('You said no in the wallet.', 'Nothing happened; try again.');
    throw new Refused('The wallet refused.', 'Open it, and see what it says.');
  }
}

/** A hex digit is a capital where the hash of the address has a high bit (EIP-55). */
export function checksummed(address: string): string {
  const digits = address.slice(2).toLowerCase();
  const hash = keccak_256(new TextEncoder().encode(digits));
  const shown = Array.from(digits, (digit, at) => {
    const byte = hash[at >> 1] ?? 0;
    const nibble = at % 2 === 0 ? byte >> 4 : byte & 15;
    return nibble >= 8 ? digit.toUpperCase() : digit;
  });
  return `0x${shown.join('')}`;
}
