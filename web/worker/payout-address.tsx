import { Field, PostForm } from '../parts/confirm.tsx';
import { Hash } from '../parts/copy.tsx';
import { Facts } from '../parts/figures.tsx';
import { Island } from '../parts/island.tsx';
import { Notice } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';
import type { Choices } from './api-views.ts';
import { KeyWarning } from './sign-in.tsx';
import { linkOf, type WorkerParts } from './worker-page.tsx';

/** Where somebody is paid, what changes there, and how it is changed. */
export function AddressPart({
  of,
  choices,
}: {
  readonly of: WorkerParts;
  readonly choices: Choices;
}) {
  const { address } = choices;
  const waiting = choices.changes.filter(({ state }) => state === 'waiting');
  return (
    <>
      {address !== undefined && (
        <Facts of={[{ label: 'Now', value: <Hash value={address} label="Payout address" /> }]} />
      )}
      {waiting.map((change) => (
        <Waiting key={change.nonce} of={of} change={change} />
      ))}
      {address === undefined ? <First of={of} /> : <Change of={of} from={address} />}
      <Past of={choices} />
      <KeyWarning />
    </>
  );
}

type AddressChange = Choices['changes'][number];

function Waiting({
  of,
  change: { newAddress, effectiveAt, askedBy },
}: {
  readonly of: WorkerParts;
  readonly change: AddressChange;
}) {
  return (
    <Notice tone="attention" title="A change of your address waits.">
      From <Time at={effectiveAt} /> on you are paid at{' '}
      <Hash value={newAddress} label="New address" />
      {askedBy === 'operator' ? ', as the operator asked for you' : ''}. If that was not your wish,
      stop it now, and tell the operator.
      <Island name="form" props={{}}>
        <PostForm
          action="/api/v1/me/address/stop"
          token={of.token}
          goOn={`${linkOf(of, '/worker/payouts')}#address`}
          hidden={{ worker: of.worker.id }}
        >
          <button type="submit" class="danger">
            Stop this change
          </button>
        </PostForm>
      </Island>
    </Notice>
  );
}

function First({ of }: { readonly of: WorkerParts }) {
  return (
    <>
      <p class="prose">
        The first address takes no signature, and counts at once. Every later change takes the
        signatures of both addresses, so look at it twice: nobody can take a payment back.
      </p>
      <Island name="form" props={{}}>
        <PostForm
          action="/api/v1/me/address"
          token={of.token}
          goOn={`${linkOf(of, '/worker/payouts')}#address`}
          hidden={{ worker: of.worker.id }}
        >
          <Field
            label="Payout address"
            name="to"
            hint="On the chain of the pool; of a wallet whose key you hold."
          >
            <input
              id="to"
              name="to"
              class="mono"
              size={44}
              required
              pattern="0x[0-9a-fA-F]{40}"
              placeholder="0x…"
              autocomplete="off"
              spellcheck={false}
            />
          </Field>
          <button type="submit">Be paid there</button>
        </PostForm>
      </Island>
    </>
  );
}

function Change({ of, from }: { readonly of: WorkerParts; readonly from: string }) {
  return (
    <>
      <h3>Change it</h3>
      <ol class="steps prose">
        <li>You read a text that names the pool, this machine, and both addresses.</li>
        <li>Both addresses sign it with your wallet. That moves no money and costs nothing.</li>
        <li>
          It counts at once, for every payout that is not set aside yet. Those that are go to the
          old address.
        </li>
      </ol>
      <Island name="wallet-address" props={{ worker: of.worker.id, from }}>
        <p class="empty">
          Wallets sign in this browser, which takes JavaScript. Without it, ask the operator, as
          below.
        </p>
      </Island>
      <p class="prose">
        Is the old key lost? Ask the operator of {of.pool.name} to change the address. That counts
        after 48 hours, and stands here until then, so that you can stop what you did not ask for.
      </p>
    </>
  );
}

function Past({ of: { changes } }: { readonly of: Choices }) {
  const past = changes.filter(({ state }) => state !== 'waiting');
  if (past.length === 0) return null;
  return (
    <details>
      <summary>Earlier changes</summary>
      <ul class="plain-list">
        {past.map(({ nonce, askedAt, newAddress, askedBy, state }) => (
          <li key={nonce}>
            <Time at={askedAt} />: to <Hash value={newAddress} label="Address" />,{' '}
            {askedBy === 'signatures' ? 'by both signatures' : 'by the operator'}
            {state === 'stopped' ? ', stopped' : ''}
          </li>
        ))}
      </ul>
    </details>
  );
}
