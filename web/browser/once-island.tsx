import { render } from 'preact';
import { useState } from 'preact/hooks';
import { Copyable } from '../parts/copy.tsx';
import { ErrorNote, Notice } from '../parts/state.tsx';
import type { Wake } from './islands.ts';
import { post } from './post.ts';
import { useStep } from './step.ts';

interface Offer {
  readonly path: string;
  readonly label: string;
}

/** Makes a credential or a link, shown here once and nowhere else. */
export const wake: Wake = (element, props) => {
  element.textContent = '';
  render(<Once {...(props as { readonly offers: readonly Offer[] })} />, element);
};

type Made = Readonly<Partial<Record<'credential' | 'join' | 'url', string>>>;

function Once({ offers }: { readonly offers: readonly Offer[] }) {
  const [made, setMade] = useState<Made | undefined>();
  const { isBusy, failure, step } = useStep();

  const make = ({ path }: Offer) =>
    step(async () => {
      setMade(undefined);
      setMade(await post<Made>(path, {}));
    });
  return (
    <div class="stack">
      <p class="buttons">
        {offers.map((offer) => (
          <button
            key={offer.path}
            type="button"
            class="quiet"
            disabled={isBusy}
            onClick={() => void make(offer)}
          >
            {offer.label}
          </button>
        ))}
      </p>
      {made && (
        <Notice tone="attention" title="Copy it now: it is shown this once.">
          {made.url !== undefined
            ? 'Whoever opens it first is signed in, within ten minutes. Send it over a channel that you trust.'
            : 'The credential before stays valid until the next one is made, so nothing stops meanwhile.'}
        </Notice>
      )}
      {made?.url !== undefined && <Copyable text={made.url} label="Login link" />}
      {made?.join !== undefined && (
        <Copyable text={`tributary worker join ${made.join}`} label="Command to join" />
      )}
      {made?.credential !== undefined && <Copyable text={made.credential} label="Credential" />}
      {failure && <ErrorNote title={failure.text} detail="" advice={failure.advice} />}
    </div>
  );
}
