import type { ComponentChildren } from 'preact';

/**
 * A form that posts plainly to a route of the API, without a script as well, and goes on to `goOn`.
 * `token` is that of the session; the API also looks where the request comes from.
 */
export function PostForm({
  action,
  token,
  goOn,
  hidden = {},
  children,
}: {
  readonly action: string;
  readonly token: string | undefined;
  /** The page that is shown when it is done; a path of this site. */
  readonly goOn?: string;
  readonly hidden?: Readonly<Record<string, string>>;
  readonly children: ComponentChildren;
}) {
  return (
    <form method="post" action={action} class="form">
      {token !== undefined && <input type="hidden" name="csrf" value={token} />}
      {goOn !== undefined && <input type="hidden" name="then" value={goOn} />}
      {Object.entries(hidden).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      {children}
    </form>
  );
}

/** A field with its label above and what is expected below. */
export function Field({
  label,
  hint,
  name,
  error,
  children,
}: {
  readonly label: string;
  readonly hint?: string;
  readonly name: string;
  /** What was wrong with what was sent. */
  readonly error?: string | undefined;
  /** The input itself, with `id` and `name` equal to `name`. */
  readonly children: ComponentChildren;
}) {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {children}
      {hint !== undefined && <p class="hint">{hint}</p>}
      {error !== undefined && (
        <p class="state wrong" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

/**
 * Says what is about to happen, and asks for the consequence to be typed: "This sends 4.2130 ETH to
 * 38 workers. Type *send 4.2130 ETH*." The server compares the text; the browser only helps.
 */
export function ConfirmByConsequence({
  action,
  token,
  goOn,
  hidden,
  consequence,
  phrase,
  button,
  error,
}: {
  readonly action: string;
  readonly token: string | undefined;
  /** The page that is shown when it is done. */
  readonly goOn: string;
  readonly hidden?: Readonly<Record<string, string>>;
  /** One sentence: "This sends 4.2130 ETH to 38 workers." */
  readonly consequence: string;
  readonly phrase: string;
  readonly button: string;
  readonly error?: string | undefined;
}) {
  return (
    <PostForm action={action} token={token} goOn={goOn} {...(hidden ? { hidden } : {})}>
      <p>
        {consequence} Type <em class="phrase">{phrase}</em>.
      </p>
      <Field label="What you type" name="confirm" error={error}>
        <input
          id="confirm"
          name="confirm"
          type="text"
          required
          autocomplete="off"
          spellcheck={false}
          data-phrase={phrase}
        />
      </Field>
      <button type="submit" class="danger">
        {button}
      </button>
    </PostForm>
  );
}
