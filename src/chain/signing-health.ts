import type { Clock, Instant, Timer } from '../base/clock.ts';
import type { Metrics } from '../base/metrics.ts';
import { type SignerMetrics, signerMetrics } from './metrics.ts';
import type { SignerLine } from './signing-line.ts';
import { decodeFigures, type SigningAnswer, type SigningRequest } from './signing-wire.ts';

/** A signer answers in a millisecond; one that is asked so often is missed within seconds. */
const PROBE_MS = 1_000;
/** Far more than a busy machine takes, and short beside the 8 s that a gateway waits. */
const PROBE_ANSWER_MS = 2_000;

/** Who is told whether a signer answers. */
export interface SignerHealth {
  answered(): void;
  /** A question of that moment has had no answer in time. */
  missed(askedAt: Instant): void;
}

/**
 * A line whose signatures are counted, and whose signer is asked every second for its own figures:
 * one that hangs keeps its connection, and would be noticed by nothing else.
 */
export function followLine(
  line: SignerLine,
  parts: {
    readonly clock: Clock;
    readonly metrics?: Metrics | undefined;
    readonly health?: SignerHealth | undefined;
  },
): SignerLine {
  const { clock, health } = parts;
  if (!parts.metrics && !health) return line;
  const metrics = parts.metrics && signerMetrics(parts.metrics);
  let closed = false;
  let timer: Timer | undefined;

  async function probe(): Promise<void> {
    const askedAt = clock.now();
    const late = Promise.withResolvers<undefined>();
    timer = clock.after(PROBE_ANSWER_MS, () => late.resolve(undefined));
    const answer = await Promise.race([line.ask({ kind: 'figures' }), late.promise]);
    const figures = answer?.kind === 'ok' ? decodeFigures(answer.body) : undefined;
    // A line that is full gives no answer at once: that must not become a loop.
    if (!figures) await late.promise;
    if (closed) return;
    timer.cancel();
    if (figures) {
      metrics?.says(figures);
      health?.answered();
      timer = clock.after(PROBE_MS, () => void probe());
    } else {
      health?.missed(askedAt);
      void probe();
    }
  }
  void line.ready.then(() => probe()).catch(() => {}); // told by `ready` itself

  return {
    ready: line.ready,
    async ask(request) {
      const answer = await line.ask(request);
      if (SIGNATURES.has(request.kind)) metrics?.asked(outcomeOf(answer));
      return answer;
    },
    close() {
      closed = true;
      timer?.cancel();
      line.close();
    },
  };
}

/** What leaves the signer with its signature on it. */
const SIGNATURES: ReadonlySet<SigningRequest['kind']> = new Set([
  'result',
  'ping',
  'transaction',
  'statement',
]);

function outcomeOf(answer: SigningAnswer | undefined): Parameters<SignerMetrics['asked']>[0] {
  if (!answer) return 'unavailable';
  return answer.kind === 'ok' ? 'signed' : 'refused';
}
