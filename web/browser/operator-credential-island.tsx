import { render } from 'preact';
import { useState } from 'preact/hooks';
import {
  type Credentials,
  inviteText,
  joinCommand,
  type PortalLink,
  stockCommand,
} from '../operator/invite.ts';
import { Field } from '../parts/confirm.tsx';
import { Copyable } from '../parts/copy.tsx';
import { ErrorNote, Notice } from '../parts/state.tsx';
import type { Wake } from './islands.ts';
import { post } from './post.ts';
import { useStep } from './step.ts';

interface Props {
  readonly poolName: string;
  /** A link that signs in as the worker is made by owners alone. */
  readonly mayLink: boolean;
  /** Whose credential is replaced; left out: a worker is enrolled. */
  readonly worker?: { readonly id: string; readonly name: string };
}

interface Shown {
  readonly made?: Credentials | undefined;
  readonly link?: PortalLink | undefined;
}

/** Enrols a worker or renews its credential, and shows what it got: here, once, and nowhere else. */
export const wake: Wake = (element, props) => {
  element.textContent = '';
  render(<Credential {...(props as Props)} />, element);
};

function Credential({ worker, mayLink, poolName }: Props) {
  const [shown, setShown] = useState<Shown>({});
  const { isBusy, failure, step } = useStep();
  const { made, link } = shown;
  const whose = made ?? worker;

  const show = (run: () => Promise<Shown>) =>
    step(async () => {
      const more = await run();
      setShown((before) => ({ ...before, ...more }));
    });
  const enrol = (name: string, payoutAddress: string) =>
    show(async () => {
      const body = { name, ...(payoutAddress === '' ? {} : { payoutAddress }) };
      return { made: await post<Credentials>('/api/v1/workers', body), link: undefined };
    });
  const rotate = (id: string) =>
    show(async () => ({ made: await post<Credentials>(`/api/v1/workers/${id}/rotate`, {}) }));
  const invite = (id: string) =>
    show(async () => ({ link: await post<PortalLink>(`/api/v1/workers/${id}/link`, {}) }));

  return (
    <div class="stack">
      {!worker && !made && <Enrol isBusy={isBusy} enrol={enrol} />}
      {made && <Commands of={made} isNew={!worker} />}
      {worker && !made && (
        <p class="buttons">
          <button
            type="button"
            class="quiet"
            disabled={isBusy}
            onClick={() => void rotate(worker.id)}
          >
            Make a new credential for {worker.name}
          </button>
        </p>
      )}
      {whose && mayLink && !link && (
        <p class="buttons">
          <button
            type="button"
            class="quiet"
            disabled={isBusy}
            onClick={() => void invite(whose.id)}
          >
            Make a login link for the owner of {whose.name}
          </button>
        </p>
      )}
      {link && (
        <>
          <p>
            This link opens the portal of {whose?.name}. Whoever opens it first is signed in, within
            ten minutes:
          </p>
          <Copyable text={link.url} label="Login link" />
        </>
      )}
      {made && (
        <details>
          <summary>The whole as a letter to its owner</summary>
          <Copyable text={inviteText({ poolName, made, link })} label="Invitation" />
        </details>
      )}
      {made && !worker && (
        <p class="buttons">
          <a href={`/operator/workers/${made.id}`}>I have copied it: open {made.name}</a>
        </p>
      )}
      {failure && <ErrorNote title={failure.text} detail="" advice={failure.advice} />}
    </div>
  );
}

function Enrol({
  isBusy,
  enrol,
}: {
  readonly isBusy: boolean;
  enrol(name: string, payoutAddress: string): Promise<void>;
}) {
  const [name, setName] = useState('');
  const [address, setAddress] = useState('');
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void enrol(name.trim(), address.trim());
      }}
    >
      <div class="form row">
        <Field label="Name of the machine" name="enrol-name" hint="Letters, digits, dots, dashes">
          <input
            id="enrol-name"
            required
            maxLength={64}
            autocomplete="off"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </Field>
        <Field
          label="Paid at"
          name="enrol-address"
          hint="An address; may be empty, and be said later"
        >
          <input
            id="enrol-address"
            class="mono"
            size={44}
            autocomplete="off"
            spellcheck={false}
            value={address}
            onInput={(event) => setAddress(event.currentTarget.value)}
          />
        </Field>
      </div>
      <p class="buttons">
        <button type="submit" disabled={isBusy}>
          Enrol it
        </button>
      </p>
    </form>
  );
}

function Commands({ of, isNew }: { readonly of: Credentials; readonly isNew: boolean }) {
  return (
    <>
      <Notice tone="attention" title="Copy it now: it is shown this once.">
        {isNew
          ? `${of.name} is enrolled. It works as soon as its machine runs one of these.`
          : 'The credential before stays valid until the next one is made, so nothing stops meanwhile.'}
      </Notice>
      <p>With our worker:</p>
      <Copyable text={joinCommand(of)} label="Command of our worker" />
      <p>With the transcoder of go-livepeer:</p>
      <Copyable text={stockCommand(of)} label="Command of a stock transcoder" />
      <p>The join string alone, and the credential alone:</p>
      <Copyable text={of.join} label="Join string" />
      <Copyable text={of.credential} label="Credential" />
    </>
  );
}
