import type { BrowserContext } from 'playwright-core';
import type { TestWallet } from './worker-pool.ts';

/** A wallet in the browser of a test, as an extension would put it there. */
export interface BrowserWallet {
  /** The account that it shows next, as a person chooses one. */
  choose(wallet: TestWallet): void;
  /** Texts that it was asked to sign. */
  readonly signed: readonly string[];
  /** What the next question is answered with instead: the person says no. */
  refuse(): void;
}

const SCRIPT = `{
  const request = async ({ method, params = [] }) => {
    const answer = await window.askTestWallet(method, params);
    if (answer.error) throw Object.assign(new Error('refused'), { code: answer.error });
    return answer.result;
  };
  const detail = Object.freeze({
    info: { uuid: '350670db-19fa-4704-a166-e52e178b59d2', name: 'Test wallet', rdns: 'test', icon: '' },
    provider: { request },
  });
  addEventListener('eip6963:requestProvider', () => {
    dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }));
  });
}`;

/** Puts one into every page of a context: EIP-1193, announced by EIP-6963. */
export async function injectWallet(
  context: BrowserContext,
  first: TestWallet,
): Promise<BrowserWallet> {
  let wallet = first;
  let refuses = false;
  const signed: string[] = [];
  await context.exposeFunction(
    'askTestWallet',
    async (method: string, params: readonly string[]) => {
      if (refuses) {
        refuses = false;
        return { error: 4001 };
      }
      if (method === 'eth_requestAccounts') return { result: [wallet.address.toLowerCase()] };
      if (method !== 'personal_sign') return { error: 4200 };
      const [text = '', account = ''] = params;
      if (account.toLowerCase() !== wallet.address.toLowerCase()) return { error: 4100 };
      const plain = Buffer.from(text.slice(2), 'hex').toString('utf8');
      signed.push(plain);
      return { result: await wallet.sign(plain) };
    },
  );
  await context.addInitScript(SCRIPT);
  return {
    signed,
    choose(next) {
      wallet = next;
    },
    refuse() {
      refuses = true;
    },
  };
}
