import { render } from 'preact';
import { useState } from 'preact/hooks';
import type { TermsCheck } from '../operator/api-views.ts';
import { Amounts } from '../parts/amount.tsx';
import { ErrorNote, Notice } from '../parts/state.tsx';
import { Statement } from '../parts/statement.tsx';
import type { Wake } from './islands.ts';
import { post } from './post.ts';
import { useStep } from './step.ts';

interface Props {
  readonly mayPublish: boolean;
}

/** Checks a terms file as it is written, shows its example, and publishes what was checked. */
export const wake: Wake = (element, props) => {
  element.textContent = '';
  render(<Check {...(props as Props)} />, element);
};

function Check({ mayPublish }: Props) {
  const [file, setFile] = useState('');
  const [checked, setChecked] = useState<TermsCheck | undefined>();
  const [typed, setTyped] = useState('');
  const { isBusy, failure, step } = useStep();

  const change = (text: string) => {
    setFile(text);
    // What was checked is no longer what stands there.
    setChecked(undefined);
  };
  const check = () =>
    step(async () => setChecked(await post<TermsCheck>('/api/v1/terms/check', { file })));
  const publish = () =>
    step(async () => {
      await post('/api/v1/terms', { file, startsAtEpoch: 'next', confirm: typed });
      location.reload();
    });

  return (
    <div class="stack">
      <div class="field">
        <label for="terms-upload">Take it from a file</label>
        <input
          id="terms-upload"
          type="file"
          accept=".toml,text/plain"
          onChange={(event) => void event.currentTarget.files?.[0]?.text().then(change)}
        />
      </div>
      <div class="field">
        <label for="terms-file">Or paste it</label>
        <textarea
          id="terms-file"
          class="terms-file"
          spellcheck={false}
          value={file}
          onInput={(event) => change(event.currentTarget.value)}
        />
      </div>
      <p>
        <button type="button" disabled={isBusy || file === ''} onClick={() => void check()}>
          Check it
        </button>
      </p>
      {checked && <Result of={checked} />}
      {checked?.ok && mayPublish && (
        <div class="stack">
          <h3>Publish</h3>
          <p class="prose">
            This signs version {checked.version}, which settles epoch {checked.startsAtEpoch} and
            those after it. A published version stays for ever. Type{' '}
            <em class="phrase">publish version {checked.version}</em>.
          </p>
          <div class="field">
            <label for="terms-confirm">What you type</label>
            <input
              id="terms-confirm"
              autocomplete="off"
              spellcheck={false}
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          </div>
          <p>
            <button
              type="button"
              class="danger"
              disabled={isBusy || typed === ''}
              onClick={() => void publish()}
            >
              Publish
            </button>
          </p>
        </div>
      )}
      {failure && <ErrorNote title={failure.text} detail="" advice={failure.advice} />}
    </div>
  );
}

function Result({ of: { ok, faults, remarks, example } }: { readonly of: TermsCheck }) {
  if (!ok) {
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
    return (
      <div class="stack" role="status">
        <p class="state wrong">This cannot be published: {count}.</p>
        <ul>
          {faults.map(({ text }) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      </div>
    );
  }
  return (
    <div class="stack" role="status">
      <p class="state good">This can be published.</p>
      {remarks.map(({ text }) => (
        <Notice key={text} tone="attention" title="Is this meant?">
          {text}
        </Notice>
      ))}
      {example && (
        <>
          <h3>What that comes to</h3>
          <p>
            On <Amounts of={example.income} /> of income with two workers, the pool keeps{' '}
            <Amounts of={example.commission} />.
          </p>
          {example.workers.map(({ text, lines, payable }, at) => (
            <div key={at} class="stack">
              <Statement
                caption={`Worker ${at === 0 ? 'A' : 'B'}: ${text}`}
                lines={lines.map((line) => ({
                  what: line.kind.replaceAll('_', ' '),
                  working: line.text,
                  amount: line.amount,
                }))}
              />
              <p>
                Payable: <Amounts of={payable} />
              </p>
            </div>
          ))}
        </>
      )}
    </div>
  );
}
