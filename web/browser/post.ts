/** What the pool refused, in the words of its problem. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly advice: string;

  constructor(text: string, advice: string) {
    super(text);
    this.advice = advice;
  }
}

/** Asks for a change in the name of the reader. Throws {@link Refused}, also when nobody answers. */
export async function post<T>(path: string, body: object): Promise<T> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch(() => undefined);
  if (!response) {
    throw new Refused('The pool does not answer.', 'Look at your connection, and try again.');
  }
  const answer: unknown = await response.json().catch(() => ({}));
  if (response.ok) return answer as T;
  const { title, detail, advice } = answer as Record<'title' | 'detail' | 'advice', string>;
  throw new Refused(detail || title || `The pool answered ${response.status}.`, advice ?? '');
}

/** A failure in two sentences for whoever looks at the page. */
export function sayFailure(error: unknown): { readonly text: string; readonly advice: string } {
  if (error instanceof Refused) return { text: error.message, advice: error.advice };
  return { text: 'This did not work.', advice: 'Load the page again, and repeat it.' };
}
