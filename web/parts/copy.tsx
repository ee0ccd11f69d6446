import { Scroll } from './scroll.tsx';

/**
 * An address or hash: short to look at, `0x1234…cdef`, whole in the title, and copied whole with a
 * click. Short texts are shown as they are.
 */
export function Hash({
  value,
  label,
  href,
}: {
  readonly value: string;
  /** What it is, for whoever cannot see it: "Address of the orchestrator". */
  readonly label: string;
  /** Where more stands about it. */
  readonly href?: string;
}) {
  const short = shortened(value);
  if (href !== undefined) {
    return (
      <a class="mono" href={href} title={value}>
        {short}
        <span class="visually-hidden"> {label}</span>
      </a>
    );
  }
  return (
    <button
      type="button"
      class="copy mono"
      data-copy={value}
      data-exact={value}
      title={`${label}: click to copy`}
    >
      {short}
      <span class="visually-hidden"> {label}: copy</span>
    </button>
  );
}

/** `0x1234…cdef` of anything longer than 20 characters. */
export function shortened(value: string): string {
  if (value.length <= 20) return value;
  const head = value.startsWith('0x') ? 6 : 8;
  return `${value.slice(0, head)}…${value.slice(-4)}`;
}

/** A command or text to take along, with a button that copies it whole. */
export function Copyable({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <div class="copyable">
      <Scroll label={label}>
        <pre>
          <code>{words(text)}</code>
        </pre>
      </Scroll>
      <button
        type="button"
        class="quiet"
        data-copy={text}
        // Drawn in the browser, there is a script already.
        hidden={typeof document === 'undefined'}
        data-needs-script
      >
        Copy
      </button>
    </div>
  );
}

/** Each word in one piece, so that a line does not end within `--receipts`. */
function words(text: string) {
  return text.split(/(\s+)/).map((part, at) =>
    at % 2 === 1 || part === '' ? (
      part
    ) : (
      <span key={at} class="word">
        {part}
      </span>
    ),
  );
}
