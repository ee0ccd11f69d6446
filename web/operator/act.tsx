import type { ComponentChildren } from 'preact';
import { PostForm } from '../parts/confirm.tsx';
import { Island } from '../parts/island.tsx';

interface FormOf {
  /** The path of the API that it posts to. */
  readonly action: string;
  readonly token: string | undefined;
  /** Where to go on; `{field}` stands for a field of the answer. */
  readonly goOn: string;
  readonly hidden?: Readonly<Record<string, string>>;
}

/** A form that says beside its button what was refused, and posts plainly without a script. */
export function Form({
  children,
  row = false,
  ...form
}: FormOf & {
  /** Its fields stand in a row. */
  readonly row?: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    <Island name="form" props={{}}>
      <PostForm {...form}>{row ? <div class="form row">{children}</div> : children}</PostForm>
    </Island>
  );
}

/** A change that can be taken back: one button. */
export function Act({
  button,
  ...form
}: FormOf & {
  readonly button: string;
}) {
  return (
    <Form {...form}>
      <button type="submit" class="quiet">
        {button}
      </button>
    </Form>
  );
}

/**
 * A change that cannot be taken back: folded away, says its consequence, and asks for it to be typed.
 * The server compares the text.
 */
export function Danger({
  id,
  open,
  summary,
  consequence,
  phrase,
  button,
  children,
  ...form
}: FormOf & {
  /** Of its field: one of its kind on the page. */
  readonly id: string;
  /** Not folded away: it is what the page is for. */
  readonly open?: boolean;
  readonly summary: string;
  /** "This sends 4.2130 ETH to 38 workers." */
  readonly consequence: ComponentChildren;
  readonly phrase: string;
  readonly button: string;
  /** Further fields. */
  readonly children?: ComponentChildren;
}) {
  const inside = (
    <Form {...form}>
      {children}
      <p class="prose">
        {consequence} Type <em class="phrase">{phrase}</em>.
      </p>
      <div class="field">
        <label for={id}>What you type</label>
        <input
          id={id}
          name="confirm"
          type="text"
          required
          autocomplete="off"
          spellcheck={false}
          size={Math.min(48, phrase.length + 8)}
        />
      </div>
      <button type="submit" class="danger">
        {button}
      </button>
    </Form>
  );
  if (open) return inside;
  return (
    <details class="danger">
      <summary>{summary}</summary>
      {inside}
    </details>
  );
}
