import { render } from 'preact';
import { useState } from 'preact/hooks';
import { Copyable } from '../parts/copy.tsx';
import { ErrorNote, Notice } from '../parts/state.tsx';
import type { Wake } from './islands.ts';
import { post } from './post.ts';
import { useStep } from './step.ts';

interface Props {
  readonly worker: string;
  readonly name: string;
}

/** A new credential, shown here once and nowhere else. */
export const wake: Wake = (element, props) => {
  element.textContent = '';
  render(<Rotate {...(props as Props)} />, element);
};

interface Made {
  readonly credential: string;
  readonly join: string;
}

function Rotate({ worker, name }: Props) {
  const [made, setMade] = useState<Made | undefined>();
  const { isBusy, failure, step } = useStep();

  const rotate = () =>
    step(async () => setMade(await post<Made>('/api/v1/me/credentials/rotate', { worker })));
  if (made) {
    return (
      <div class="stack">
        <Notice tone="attention" title="Copy it now: it is shown this once.">
          The credential before stays valid until you make the next one, so nothing stops while you
          change it on {name}.
        </Notice>
        <p>Run this on the computer of {name}:</p>
        <Copyable text={`tributary worker join ${made.join}`} label="Command to join" />
        <p>Or take the credential alone, for a worker of go-livepeer (-orchSecret):</p>
        <Copyable text={made.credential} label="Credential" />
      </div>
    );
  }
  return (
    <div class="stack">
      <p>
        <button type="button" class="quiet" disabled={isBusy} onClick={() => void rotate()}>
          Make a new credential for {name}
        </button>
      </p>
      {failure && <ErrorNote title={failure.text} detail="" advice={failure.advice} />}
    </div>
  );
}
