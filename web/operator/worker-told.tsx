import { Time } from '../parts/time.tsx';
import type { Notices } from './api-views.ts';

type Notice = Notices['items'][number];

/** What whoever runs the pool can do about what the owner of a worker was told. */
const STEPS: Partial<Record<Notice['kind'], string>> = {
  payout_failed:
    'Ask its owner where it wants to be paid: what did not arrive goes out again with the next run.',
  payout_address: 'If nobody you know asked for it, stop it on the page of payouts.',
  check_failed: 'See above why attempts failed; pause it if it goes on.',
  quarantine: 'It ends by itself. See above why attempts failed; pause it if it goes on.',
  new_place:
    'Ask its owner whether that was its own machine. If not, pause it; a new credential, made twice, ends the one that was seen.',
};

/** The last notices of a worker, and what each asks of its owner and of the reader. */
export function Told({ of }: { readonly of: readonly Notice[] }) {
  if (of.length === 0) return <p class="empty">Nothing yet.</p>;
  return (
    <ul class="plain-list stack">
      {of.map(({ id, at, kind, title, text, todo }) => (
        <li key={id}>
          <strong>{title}</strong>{' '}
          <span class="muted">
            <Time at={at} />
          </span>
          <span class="working">{text}</span>
          {todo !== null && <span class="working">Its owner was asked: {todo}</span>}
          {STEPS[kind] !== undefined && <span class="working">You: {STEPS[kind]}</span>}
        </li>
      ))}
    </ul>
  );
}
