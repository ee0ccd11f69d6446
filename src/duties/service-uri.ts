import type { ChainView } from '../chain/view.ts';
import type { DutiesParts } from './parts.ts';

/** A gateway that finds nobody goes elsewhere for hours, so this is noticed within two of these. */
const ASK_EVERY_MS = 5 * 60_000;
/** One that is away for a moment is no alarm. */
const MISSES_MIN = 2;

/** What the registry and the address in it were found to be. */
export type UriFinding =
  | { readonly is: 'fine' }
  /** Not registered, or not yet asked. */
  | { readonly is: 'unknown' }
  | { readonly is: 'none' }
  | { readonly is: 'differs'; readonly registered: string }
  | { readonly is: 'unanswered' };

/** Compares the registry with what we are, and with who answers there. */
export function judgeUri(facts: {
  /** What the registry says; undefined: not known yet. */
  readonly registered: string | undefined;
  /** Where gateways shall reach us; undefined: anything is right. */
  readonly wanted: string | undefined;
  /** In how many questions after another nobody answered as us; undefined: never asked. */
  readonly misses: number | undefined;
}): UriFinding {
  const { registered, wanted, misses } = facts;
  if (registered === undefined) return { is: 'unknown' };
  if (registered === '') return { is: 'none' };
  if (wanted !== undefined && origin(wanted) !== origin(registered)) {
    return { is: 'differs', registered };
  }
  if (misses === undefined) return { is: 'unknown' };
  return misses >= MISSES_MIN ? { is: 'unanswered' } : { is: 'fine' };
}

/** Two spellings of one address are the same. */
function origin(text: string): string {
  return URL.canParse(text) ? new URL(text).origin : text;
}

/** Asks at the registered address again and again whether it is us who answer. */
export function startServiceUri(
  parts: Pick<DutiesParts, 'watch' | 'clock' | 'serviceUri' | 'answersAsUs'> & {
    /** After each question. */
    onFinding(): void;
  },
): { finding(): UriFinding; close(): void } {
  const { watch, clock } = parts;
  let misses: number | undefined;
  let asked: string | undefined;
  let asking = false;
  let closed = false;

  async function ask(): Promise<void> {
    const registered = watch.current()?.recipient.serviceUri;
    if (closed || asking || !registered) return;
    asking = true;
    if (asked !== registered) misses = undefined;
    asked = registered;
    const answers = await parts.answersAsUs(registered);
    asking = false;
    if (closed) return;
    misses = answers ? 0 : (misses ?? 0) + 1;
    parts.onFinding();
  }

  let timer = clock.after(ASK_EVERY_MS, tick);
  function tick(): void {
    void ask();
    if (!closed) timer = clock.after(ASK_EVERY_MS, tick);
  }
  const stop = watch.onBlock(({ recipient }: ChainView) => {
    if (recipient.serviceUri !== asked) void ask();
  });
  void ask();
  return {
    finding: () =>
      judgeUri({
        registered: watch.current()?.recipient.serviceUri,
        wanted: parts.serviceUri,
        misses,
      }),
    close() {
      closed = true;
      stop();
      timer.cancel();
    },
  };
}
