import { Fragment } from 'preact';

/** A sentence of the pool in which `code` stands between backticks, as it does in a terminal. */
export function Marked({ text }: { readonly text: string }) {
  return (
    <>
      {text.split('`').map((part, at) => (
        <Fragment key={at}>{at % 2 === 1 ? <code>{part}</code> : part}</Fragment>
      ))}
    </>
  );
}
