import type { Wake } from './islands.ts';
import { post, sayFailure } from './post.ts';

interface Props {
  /** A field of the answer that is shown this once, and what it is. */
  readonly once?: { readonly field: string; readonly text: string };
}

/**
 * A form that says what was refused beside its button, and keeps what was written. Fields that a plain
 * post cannot carry say what they are: `data-as="list"` is one id a line, `data-as="amount"` a number
 * with `data-asset` and `data-decimals`, `data-as="moment"` a local time, `data-as="clearable"` a text
 * that is taken back when it is empty.
 */
export const wake: Wake = (element, props) => {
  const { once } = props as Props;
  const form = element.querySelector('form');
  if (!form) return;
  // What a plain post cannot carry is not part of it; see EvidenceField.
  for (const set of form.querySelectorAll('fieldset')) set.disabled = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void send(form, { once, submitter: event.submitter });
  });
};

async function send(
  form: HTMLFormElement,
  { once, submitter }: { readonly once: Props['once']; readonly submitter: HTMLElement | null },
): Promise<void> {
  const place = noteIn(form);
  const buttons = form.querySelectorAll('button');
  place.textContent = '';
  for (const button of buttons) button.disabled = true;
  try {
    const body = bodyOf(form);
    const then = new FormData(form).get('then');
    const action = submitter?.getAttribute('formaction') ?? form.action;
    const path = new URL(action, location.href).pathname;
    const answer = await post<Record<string, unknown>>(path, body);
    const next = new URL(typeof then === 'string' ? filled(then, answer) : '', location.href);
    const shown = once && answer[once.field];
    if (once && typeof shown === 'string') {
      showOnce(form, { text: once.text, value: shown, next });
      return;
    }
    if (next.pathname === location.pathname) location.reload();
    else location.assign(next);
  } catch (error) {
    const { text, advice } = sayFailure(error);
    place.textContent = `${text} ${advice}`;
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

/** Takes the place of the form: what is shown now and never again. */
function showOnce(
  form: HTMLFormElement,
  { text, value, next }: { readonly text: string; readonly value: string; readonly next: URL },
): void {
  const made = (tag: string, content: string) =>
    Object.assign(document.createElement(tag), { textContent: content });
  const on = Object.assign(made('a', 'I have copied it'), { href: next.href });
  form.replaceChildren(made('p', text), made('pre', value), on);
}

/** Where to go on, with `{fields}` of the answer in it, as the API fills them without a script. */
function filled(path: string, reply: object): string {
  const fields = reply as Readonly<Record<string, unknown>>;
  return path.replaceAll(/\{(\w{1,40})\}/g, (_, name: string) =>
    encodeURIComponent(String(fields[name] ?? '')),
  );
}

function bodyOf(form: HTMLFormElement): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const field of form.elements) {
    const isField =
      field instanceof HTMLInputElement ||
      field instanceof HTMLTextAreaElement ||
      field instanceof HTMLSelectElement;
    if (!isField || field.name === '' || ['csrf', 'then'].includes(field.name)) continue;
    if (field instanceof HTMLInputElement && field.type === 'checkbox') {
      const list = (body[field.name] ?? []) as readonly string[];
      body[field.name] = field.checked ? [...list, field.value] : list;
      continue;
    }
    const value = valueIn(field.value, field.dataset);
    if (value !== undefined) body[field.name] = value;
  }
  return body;
}

function valueIn(text: string, { as, asset, decimals }: DOMStringMap): unknown {
  if (as === 'list') {
    const ids = text.split(/[\s,]+/).filter((id) => id !== '');
    return ids.length === 0 ? undefined : ids;
  }
  if (as === 'clearable') return text === '' ? null : text;
  if (as === 'moment') return text === '' ? undefined : new Date(text).toISOString();
  if (as === 'amount') {
    const match = /^\s*(\d{1,40})(?:[.,](\d+))?\s*$/.exec(text);
    const places = Number(decimals);
    if (!match || (match[2]?.length ?? 0) > places) return undefined;
    const amount = BigInt(`${match[1]}${(match[2] ?? '').padEnd(places, '0')}`);
    return amount === 0n ? undefined : { asset, amount: String(amount) };
  }
  return text === '' ? undefined : text;
}

function noteIn(form: HTMLFormElement): HTMLElement {
  const found = form.querySelector<HTMLElement>('[data-form-note]');
  if (found) return found;
  const made = document.createElement('p');
  made.dataset.formNote = '';
  made.className = 'state wrong';
  made.setAttribute('role', 'alert');
  form.append(made);
  return made;
}
