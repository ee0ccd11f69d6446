import type { ComponentChildren } from 'preact';

/** What a colour stands for. It never says it alone: the words come first. */
export type Tone = 'plain' | 'good' | 'attention' | 'wrong' | 'muted';

/** A state in words, and what to do next or that nothing needs doing. */
export function StateText({
  tone = 'plain',
  children,
}: {
  readonly tone?: Tone;
  readonly children: ComponentChildren;
}) {
  return <span class={`state ${tone}`}>{children}</span>;
}

/** "why?" beside a state or an amount: two sentences with the counts behind them, in place. */
export function Why({
  about,
  children,
}: {
  /** What is explained, for whoever hears the link without its neighbours. */
  readonly about: string;
  readonly children: ComponentChildren;
}) {
  return (
    <details class="why">
      <summary>
        why?<span class="visually-hidden"> {about}</span>
      </summary>
      <div class="why-text">{children}</div>
    </details>
  );
}

/** Something that concerns the reader: who, from when to when, and whether anything must be done. */
export function Notice({
  tone = 'plain',
  title,
  children,
}: {
  readonly tone?: Tone;
  readonly title: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class={`notice ${tone}`} role="note">
      <strong>{title}</strong> {children}
    </div>
  );
}

/** There is nothing yet: says when there will be. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** Being fetched. Says so to everybody, and moves nothing. */
export function Loading({ what }: { readonly what: string }) {
  return (
    <p class="empty" role="status">
      Loading {what}…
    </p>
  );
}

/** Values that were right some time ago: the time stands beside them. */
export function Stale({ children }: { readonly children: ComponentChildren }) {
  return (
    <p class="state attention" role="status">
      {children}
    </p>
  );
}

/** What happened, why, and what to do. */
export function ErrorNote({
  title,
  detail,
  advice,
}: {
  readonly title: string;
  readonly detail: string;
  readonly advice: string;
}) {
  return (
    <div class="notice wrong" role="alert">
      <strong>{title}</strong> {detail} {advice}
    </div>
  );
}
