import { render } from 'preact';
import { useState } from 'preact/hooks';
import { showCount } from '../../src/base/figures.ts';
import { Seal, type SealState, type SealStep } from '../parts/seal.tsx';
import type { CheckMessage, CheckRequest } from './check-messages.ts';
import type { Wake } from './islands.ts';

/** One click: fetches what the pool published of an epoch, and does all of it again here. */
export const wake: Wake = (element, props) => {
  const { epoch } = props as { readonly epoch: string };
  element.textContent = '';
  render(<CheckEpoch epoch={epoch} />, element);
};

function CheckEpoch({ epoch }: { readonly epoch: string }) {
  const [seal, setSeal] = useState<SealState>({ state: 'unchecked' });
  const [notes, setNotes] = useState<readonly string[]>([]);

  const check = () => {
    const steps: SealStep[] = [];
    const worker = new Worker(new URL('./check-worker.ts', import.meta.url), { type: 'module' });
    setSeal({ state: 'checking', steps });
    worker.addEventListener('error', () => {
      setSeal(unfinished(steps, 'the check did not start'));
    });
    worker.addEventListener('message', ({ data }: MessageEvent<CheckMessage>) => {
      switch (data.kind) {
        case 'step':
          steps.push({ text: data.text, ok: true });
          setSeal({ state: 'checking', steps: [...steps] });
          return;
        case 'held':
          setNotes(data.notes);
          setSeal({
            state: 'held',
            summary: `Checked in your browser: ${showCount(data.hashes)} hashes, root of epoch ${epoch}.`,
            steps,
          });
          break;
        case 'broken':
          steps.push({ text: data.text, ok: false });
          setSeal({
            state: 'broken',
            summary: `Epoch ${epoch} does not hold: ${data.text}.`,
            steps,
            advice: 'Keep a copy of /proofs, ask the pool, and open a dispute: this is evidence.',
          });
          break;
        case 'failed':
          setSeal(unfinished(steps, data.text));
          break;
      }
      worker.terminate();
    });
    worker.postMessage({
      base: new URL('/proofs/', location.href).href,
      epoch,
    } satisfies CheckRequest);
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

/** Not the pool's fraud: it could not be looked at. */
function unfinished(steps: readonly SealStep[], why: string): SealState {
  return {
    state: 'broken',
    summary: `The check did not finish: ${why}.`,
    steps,
    advice: 'This says nothing about the epoch. Load the page again and repeat it.',
  };
}
