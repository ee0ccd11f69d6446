import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Copyable } from '../parts/copy.tsx';
import { ErrorNote } from '../parts/state.tsx';
import type { Wake } from './islands.ts';
import { post, sayFailure } from './post.ts';
import { accountOf, findWallets, signText, type Wallet } from './wallet.ts';

interface Props {
  /** Where to go on. */
  readonly then: string;
  /** Of the pool; undefined off-chain. */
  readonly chainId?: number;
  /** As whom; a worker when left out. */
  readonly as?: 'worker' | 'operator';
}

/** Signs in with a wallet, step by step: the text is read before it is signed. */
export const wake: Wake = (element, props) => {
  element.textContent = '';
  render(<SignIn {...(props as Props)} />, element);
};

interface Ready {
  readonly wallet: Wallet;
  readonly account: string;
  readonly text: string;
}

function SignIn({ then, as = 'worker' }: Props) {
  const [wallets, setWallets] = useState<readonly Wallet[]>([]);
  const [ready, setReady] = useState<Ready | undefined>();
  const [waits, setWaits] = useState<string | undefined>();
  const [failure, setFailure] = useState<ReturnType<typeof sayFailure> | undefined>();
  useEffect(() => findWallets(setWallets), []);

  const step = async (what: string, run: () => Promise<void>) => {
    setFailure(undefined);
    setWaits(what);
    try {
      await run();
    } catch (error) {
      setFailure(sayFailure(error));
    } finally {
      setWaits(undefined);
    }
  };
  const connect = (wallet: Wallet) =>
    step('Waiting for the wallet to show an account…', async () => {
      const account = await accountOf(wallet);
      setReady({ wallet, account, text: await messageFor(account) });
    });
  const sign = ({ wallet, account, text }: Ready) =>
    step('Waiting for the signature…', async () => {
      try {
        const signature = await signText(wallet, { text, account });
        await post('/api/v1/session/wallet', { message: text, signature, as });
        location.assign(then);
      } catch (error) {
        // Its text is good once: whoever tries again begins again.
        setReady(undefined);
        throw error;
      }
    });

  return (
    <div class="stack">
      {ready ? (
        <>
          <p>
            This is the whole text, for the account <code>{ready.account}</code>. The wallet shows
            the same one; sign it there.
          </p>
          <Copyable text={ready.text} label="The text that you sign" />
          <p class="buttons">
            <button type="button" disabled={waits !== undefined} onClick={() => void sign(ready)}>
              Sign it in {ready.wallet.name}
            </button>
            <button type="button" class="quiet" onClick={() => setReady(undefined)}>
              Another account
            </button>
          </p>
        </>
      ) : (
        <Choices wallets={wallets} isBusy={waits !== undefined} onChoose={connect} />
      )}
      {waits !== undefined && (
        <p class="hint" role="status">
          {waits}
        </p>
      )}
      {failure && <ErrorNote title={failure.text} detail="" advice={failure.advice} />}
    </div>
  );
}

function Choices({
  wallets,
  isBusy,
  onChoose,
}: {
  readonly wallets: readonly Wallet[];
  readonly isBusy: boolean;
  readonly onChoose: (wallet: Wallet) => Promise<void>;
}) {
  if (wallets.length === 0) {
    return (
      <p class="empty" role="status">
        No wallet is in this browser. Open this page in a browser that has one, or in the browser of
        your wallet on a phone; or sign in with a link of the operator.
      </p>
    );
  }
  return (
    <p class="buttons">
      {wallets.map((wallet) => (
        <button
          key={wallet.name}
          type="button"
          disabled={isBusy}
          onClick={() => void onChoose(wallet)}
        >
          Continue with {wallet.name}
        </button>
      ))}
    </p>
  );
}

interface Challenge {
  readonly nonce: string;
  readonly expiresAt: string;
  readonly chainId: number;
  readonly statement: string;
}

/** The text of EIP-4361 for this page and a nonce of the pool, good once, for five minutes. */
async function messageFor(account: string): Promise<string> {
  const challenge = await post<Challenge>('/api/v1/session/challenge', {});
  const { nonce, expiresAt, chainId, statement } = challenge;
  return [
    `${location.host} wants you to sign in with your Ethereum account:`,
    account,
    '',
    statement,
    '',
    `URI: ${location.origin}/worker/sign-in`,
    'Version: 1',
    `Chain ID: ${chainId}`,
    `Nonce: ${nonce}`,
    `Issued At: ${new Date().toISOString()}`,
    `Expiration Time: ${expiresAt}`,
  ].join('\n');
}
