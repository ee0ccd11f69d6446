import type { ComponentChildren } from 'preact';

/** A figure with what it is, and where it comes from. */
export interface Figure {
  readonly label: ComponentChildren;
  readonly value: ComponentChildren;
  /** A short remark below: since when, of how many. */
  readonly note?: ComponentChildren;
}

/** A row of figures, each a term with its value; they wrap on narrow screens. */
export function Figures({ of }: { readonly of: readonly Figure[] }) {
  return (
    <dl class="figures-row">
      {of.map(({ label, value, note }, at) => (
        <div key={at}>
          <dt>{label}</dt>
          <dd>{value}</dd>
          {note !== undefined && <dd class="note">{note}</dd>}
        </div>
      ))}
    </dl>
  );
}

/** Facts one below the other: what, and its value. */
export function Facts({ of }: { readonly of: readonly Figure[] }) {
  return (
    <dl class="facts">
      {of.map(({ label, value, note }, at) => (
        <div key={at}>
          <dt>{label}</dt>
          <dd>
            {value}
            {note !== undefined && <span class="note"> {note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
