import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Copyable } from '../parts/copy.tsx';
import { ErrorNote } from '../parts/state.tsx';
import type { Wake } from './islands.ts';
import { post, Refused } from './post.ts';
import { useStep } from './step.ts';
import { accountOf, findWallets, signText, type Wallet } from './wallet.ts';

interface Props {
  readonly worker: string;
  /** Where it is paid now. */
  readonly from: string;
}

/** Moves payouts to another address: both sign the same text, which is read first. */
export const wake: Wake = (element, props) => {
  element.textContent = '';
  render(<ChangeAddress {...(props as Props)} />, element);
};

interface Wish {
  readonly to: string;
  readonly text: string;
  readonly expiresAt: string;
}

function ChangeAddress({ worker, from }: Props) {
  const [wallets, setWallets] = useState<readonly Wallet[]>([]);
  const [to, setTo] = useState('');
  const [wish, setWish] = useState<Wish | undefined>();
  const [oldSignature, setOld] = useState<string | undefined>();
  const [done, setDone] = useState<string | undefined>();
  const { isBusy, failure, step } = useStep();
  useEffect(() => findWallets(setWallets), []);

  const read = () =>
    step(async () => {
      const asked = to.trim();
      const text = await post<Omit<Wish, 'to'>>('/api/v1/me/address/text', { worker, to: asked });
      setOld(undefined);
      setWish({ ...text, to: asked });
    });
  const sign = (by: string, given: Wish) =>
    step(async () => {
      const signature = await signedBy(wallets, { account: by, text: given.text });
      if (by !== given.to) {
        setOld(signature);
        return;
      }
      const { to, expiresAt } = given;
      const signatures = { oldSignature, newSignature: signature };
      await post('/api/v1/me/address', { worker, to, expiresAt, ...signatures });
      setDone(to);
    });

  if (done !== undefined) {
    return (
      <div class="notice good" role="status">
        <strong>Changed.</strong> From now on you are paid at <code>{done}</code>. Whoever signed in
        with the wallet of before does not see this machine any more: sign in with the new one.
      </div>
    );
  }
  return (
    <div class="stack">
      <form
        class="form row"
        onSubmit={(event) => {
          event.preventDefault();
          void read();
        }}
      >
        <div class="field">
          <label for="new-address">New address</label>
          <input
            id="new-address"
            class="mono"
            size={44}
            required
            pattern="0x[0-9a-fA-F]{40}"
            placeholder="0x…"
            autocomplete="off"
            spellcheck={false}
            value={to}
            disabled={wish !== undefined}
            onInput={({ currentTarget }) => setTo(currentTarget.value)}
          />
        </div>
        {wish ? (
          <button type="button" class="quiet" onClick={() => setWish(undefined)}>
            Another address
          </button>
        ) : (
          <button type="submit" disabled={isBusy}>
            Read what is signed
          </button>
        )}
      </form>
      {wish && (
        <>
          <p>Both addresses sign this text, as it stands here:</p>
          <Copyable text={wish.text} label="The text that both addresses sign" />
          <ol class="steps">
            <li>
              <SignStep
                label="Sign with the address of today"
                account={from}
                isDone={oldSignature !== undefined}
                isBusy={isBusy}
                onSign={() => void sign(from, wish)}
              />
            </li>
            <li>
              <SignStep
                label="Sign with the new one, and change"
                account={wish.to}
                isDone={false}
                isBusy={isBusy || oldSignature === undefined}
                onSign={() => void sign(wish.to, wish)}
              />
            </li>
          </ol>
        </>
      )}
      {failure && <ErrorNote title={failure.text} detail="" advice={failure.advice} />}
    </div>
  );
}

function SignStep(step: {
  readonly label: string;
  readonly account: string;
  readonly isDone: boolean;
  readonly isBusy: boolean;
  readonly onSign: () => void;
}) {
  const { label, account, isDone, isBusy, onSign } = step;
  if (isDone) {
    return (
      <p class="state good" role="status">
        Signed by <code>{account}</code>.
      </p>
    );
  }
  return (
    <>
      <p>
        Choose <code>{account}</code> in the wallet.
      </p>
      <button type="button" disabled={isBusy} onClick={onSign}>
        {label}
      </button>
    </>
  );
}

/** The signature of one account, whichever wallet has it. */
async function signedBy(
  wallets: readonly Wallet[],
  { account, text }: { readonly account: string; readonly text: string },
): Promise<string> {
  let shown: string | undefined;
  for (const wallet of wallets) {
    shown = await accountOf(wallet);
    if (shown.toLowerCase() === account.toLowerCase()) return signText(wallet, { text, account });
  }
  throw shown === undefined
    ? new Refused('No wallet is in this browser.', 'Open this page where your wallet is.')
    : new Refused(`The wallet shows ${shown}.`, `Choose ${account} in it, and try again.`);
}
