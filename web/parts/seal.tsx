/** A step of a check: what was looked at, and what came out. */
export interface SealStep {
  readonly text: string;
  readonly ok: boolean;
}

/** How far a check has come. */
export type SealState =
  | { readonly state: 'unchecked' }
  | { readonly state: 'checking'; readonly steps: readonly SealStep[] }
  | { readonly state: 'held'; readonly summary: string; readonly steps: readonly SealStep[] }
  | {
      readonly state: 'broken';
      readonly summary: string;
      readonly steps: readonly SealStep[];
      readonly advice: string;
    };

/** Next to a total: whether it was checked here, by what, and the steps behind it. */
export function Seal({
  seal,
  onCheck,
}: {
  readonly seal: SealState;
  /** Undefined on the server: without a script nothing can be checked here. */
  readonly onCheck?: (() => void) | undefined;
}) {
  if (seal.state === 'unchecked') {
    return (
      <div class="seal">
        <p class="seal-line">
          <span class="state muted">Not checked yet.</span>{' '}
          {onCheck ? (
            <button type="button" onClick={onCheck}>
              Check in this browser
            </button>
          ) : (
            <a href="/proofs">How to check</a>
          )}
        </p>
      </div>
    );
  }
  const { steps } = seal;
  return (
    <div class="seal" aria-live="polite">
      {seal.state === 'checking' && <p class="state muted">Checking in your browser…</p>}
      {seal.state === 'held' && <p class="state good">{seal.summary}</p>}
      {seal.state === 'broken' && (
        <div class="notice wrong">
          <strong>{seal.summary}</strong> {seal.advice}
        </div>
      )}
      <details open={seal.state === 'broken'}>
        <summary>
          {steps.length} {steps.length === 1 ? 'step' : 'steps'}
        </summary>
        <ol>
          {steps.map(({ text, ok }) => (
            <li key={text}>
              <span class={`state ${ok ? 'good' : 'wrong'}`}>{ok ? 'Holds' : 'Does not hold'}</span>
              {': '}
              {text}
            </li>
          ))}
        </ol>
      </details>
    </div>
  );
}
