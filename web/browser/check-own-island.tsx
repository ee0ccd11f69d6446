import { render } from 'preact';
import { useState } from 'preact/hooks';
import { showAsset } from '../../src/base/amounts.ts';
import { showCount } from '../../src/base/figures.ts';
import { Seal, type SealState, type SealStep } from '../parts/seal.tsx';
import type { OwnCheckMessage, OwnCheckRequest, OwnEpoch } from './check-own-messages.ts';
import type { Wake } from './islands.ts';

type Props = Pick<OwnCheckRequest, 'worker' | 'decimals'>;

/** One click: recomputes all that the pool owes this worker, from its own receipts on. */
export const wake: Wake = (element, props) => {
  element.textContent = '';
  render(<CheckOwn {...(props as Props)} />, element);
};

function CheckOwn({ worker, decimals }: Props) {
  const [seal, setSeal] = useState<SealState>({ state: 'unchecked' });
  const [notes, setNotes] = useState<readonly string[]>([]);

  const check = () => {
    const steps: SealStep[] = [];
    const script = new Worker(new URL('./check-own-worker.ts', import.meta.url), {
      type: 'module',
    });
    setSeal({ state: 'checking', steps });
    script.addEventListener('error', () => setSeal(unfinished(steps, 'it did not start')));
    script.addEventListener('message', ({ data }: MessageEvent<OwnCheckMessage>) => {
      if (data.kind === 'step') {
        steps.push({ text: data.text, ok: true });
        setSeal({ state: 'checking', steps: [...steps] });
        return;
      }
      setSeal(ended(steps, data));
      if (data.kind === 'held') setNotes(data.notes);
      script.terminate();
    });
    script.postMessage({
      origin: location.origin,
      ...{ worker, decimals },
    } satisfies OwnCheckRequest);
  };
  return (
    <>
      <Seal seal={seal} onCheck={check} />
      {notes.map((note) => (
        <p key={note} class="hint">
          {note}
        </p>
      ))}
    </>
  );
}

function ended(
  steps: readonly SealStep[],
  message: Exclude<OwnCheckMessage, { readonly kind: 'step' }>,
): SealState {
  if (message.kind === 'failed') return unfinished(steps, message.text);
  const all = [...steps, ...message.epochs.map(stepOf)];
  if (message.kind === 'broken') {
    return {
      state: 'broken',
      summary: `Something does not hold: ${message.text}.`,
      steps: [...all, { text: message.text, ok: false }],
      advice: 'Keep a copy of /proofs and of your receipts, and open a dispute: this is evidence.',
    };
  }
  const { epochs, hashes } = message;
  const receipts = epochs.reduce((sum, one) => sum + one.receipts, 0);
  return {
    state: 'held',
    summary: `Checked in your browser: ${count(receipts, 'receipt')}, ${count(hashes, 'hash')}, ${count(epochs.length, 'epoch')}. All that you are credited is what your receipts and the terms come to.`,
    steps: all,
  };
}

function stepOf({ epoch, receipts, owed }: OwnEpoch): SealStep {
  const amounts = owed
    .filter(({ amount }) => amount !== '0')
    .map(({ asset, amount, decimals }) => showAsset(BigInt(amount), asset, decimals));
  return {
    ok: true,
    text: `epoch ${epoch}: ${count(receipts, 'receipt')}, complete, chained and signed; ${amounts.join(' and ') || 'nothing'} by the terms`,
  };
}

function count(number: number, what: 'receipt' | 'hash' | 'epoch'): string {
  if (number === 1) return `1 ${what}`;
  return `${showCount(number)} ${what}${what === 'hash' ? 'es' : 's'}`;
}

/** Not the pool's fraud: it could not be looked at. */
function unfinished(steps: readonly SealStep[], why: string): SealState {
  return {
    state: 'broken',
    summary: `The check did not finish: ${why}.`,
    steps,
    advice: 'This says nothing about your pay. Load the page again and repeat it.',
  };
}
