import { Marked } from '../parts/marked.tsx';
import { StateText } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';
import type { AttentionItem } from './api-views.ts';
import { attentionTitle } from './now-words.ts';

/** What needs the reader, the worst first, each with what to do; or that nothing does. */
export function Attention({ items }: { readonly items: readonly AttentionItem[] }) {
  return (
    <>
      <h1>{attentionTitle(items.length)}</h1>
      {items.length === 0 ? (
        <p class="state good">
          No alarm, no quarantine, no dispute, no plan that waits, no letter that was not delivered.
        </p>
      ) : (
        <ul class="needs">
          {items.map((item, at) => (
            <li key={`${item.kind} ${item.about} ${at}`} class={item.tone}>
              <a href={item.page}>
                <StateText tone={item.tone}>{untilIn(item.text)}</StateText>
              </a>
              {item.since !== null && (
                <span class="muted">
                  {' since '}
                  <Time at={item.since} />
                </span>
              )}
              <span class="working">
                <Marked text={item.advice} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Alarms that are seen to on a page, at its head; nothing when there are none. */
export function Alarms({
  of,
  page,
}: {
  readonly of: readonly AttentionItem[];
  readonly page: string;
}) {
  const here = of.filter((item) => item.kind === 'alarm' && item.page === page);
  return (
    <>
      {here.map(({ about, text, advice, since }) => (
        <div key={about} class="notice wrong" role="note">
          <strong>{text}</strong> <Marked text={advice} />
          {since !== null && (
            <span class="working">
              since <Time at={since} />
            </span>
          )}
        </div>
      ))}
    </>
  );
}

/** A text of the API with its instants as readers have them. */
export function untilIn(text: string) {
  const match = /^(.*?)(\d{4}-\d\d-\d\dT[\d:.]+Z)(.*)$/s.exec(text);
  if (!match) return text;
  return (
    <>
      {match[1]}
      <Time at={match[2] as string} detail="clock" />
      {match[3]}
    </>
  );
}
