import type { Log } from '../../base/log.ts';
import { type Pixels, pixels } from '../../base/money.ts';
import { type JobShape, jobBits } from '../../protocol/capabilities.ts';
import { cleanErrorText } from '../../protocol/texts.ts';
import {
  type AttemptParts,
  attempt,
  type Job,
  type Rendition,
  type SourceSegment,
} from './attempt.ts';
import { createDiscovery } from './discovery.ts';
import type { Payments } from './payments.ts';
import { latencyScore } from './select.ts';
import { createSessions, type Sessions } from './sessions.ts';

/** What a gateway knows from its settings. */
export interface GatewayOptions {
  /** `https://HOST:PORT` of each orchestrator, preferred ones first. */
  readonly orchestrators: readonly string[];
  /** Attempts per segment. */
  readonly attemptsMax: number;
}

/** What a gateway stands on. */
export interface GatewayParts extends AttemptParts {
  readonly log: Log;
  /** Undefined off-chain: nothing is paid. */
  readonly payments?: Payments | undefined;
}

/** Why a segment came back without renditions. */
export type SegmentFailure =
  /** No orchestrator would take it. */
  | 'no_sessions'
  /** An orchestrator blamed the segment itself; trying elsewhere is of no use. */
  | 'bad_input'
  /** Our own account cannot pay anybody. */
  | 'no_funds'
  /** Every attempt failed; `text` is the last one's. */
  | 'attempts_used_up';

/** What became of a segment. */
export type SegmentOutcome =
  | {
      readonly ok: true;
      /** In the order of the ladder. */
      readonly renditions: readonly Rendition[];
      readonly pixels: Pixels;
      readonly attempts: number;
      /** From the call to the last check. */
      readonly elapsedMs: number;
      /** Gives the renditions' memory back. */
      release(): void;
    }
  | {
      readonly ok: false;
      readonly reason: SegmentFailure;
      readonly text: string;
      readonly attempts: number;
      readonly elapsedMs: number;
    };

/** What a stream asks for. */
export interface StreamOptions {
  readonly manifestId: string;
  readonly profiles: Job['profiles'];
  readonly input: JobShape['input'];
}

/** One stream of segments. */
export interface Stream {
  /** Sends a segment and waits for its renditions. Several may be under way at once. */
  transcode(segment: SourceSegment): Promise<SegmentOutcome>;
  /** Tells the orchestrators that no more will come. */
  end(): Promise<void>;
}

/** Sends streams to orchestrators. */
export interface Gateway {
  openStream(options: StreamOptions): Stream;
}

/**
 * A gateway of video segments: discovery, sessions, signing, payments, retries and checks of what a
 * stock gateway does.
 */
export function createGateway(options: GatewayOptions, parts: GatewayParts): Gateway {
  const discovery = createDiscovery(parts);
  return {
    openStream({ manifestId, profiles, input }) {
      // Stock gateways ask for slicing on every pushed stream.
      const job: Job = { manifestId, profiles, bits: jobBits({ input, profiles, push: true }) };
      const sessions = createSessions(
        { ...parts, discovery },
        { orchestrators: options.orchestrators, bits: job.bits },
      );
      return {
        transcode: (segment) => transcode(parts, sessions, job, segment, options.attemptsMax),
        end: () => sessions.end(),
      };
    },
  };
}

/** Attempts at one orchestrator after another. Wire: go-livepeer server/broadcast.go:processSegment. */
async function transcode(
  parts: GatewayParts,
  sessions: Sessions,
  job: Job,
  segment: SourceSegment,
  attemptsMax: number,
): Promise<SegmentOutcome> {
  const startedAt = parts.clock.now();
  const elapsedMs = () => parts.clock.now() - startedAt;
  // Nothing to transcode: the stock gateway copies it, too.
  if ((await parts.countPixels(segment.blob)) === 0n) {
    return succeeded(copies(job, segment), 0, elapsedMs());
  }
  const tried = new Set<string>();
  let text = 'no orchestrator takes this job';
  for (let attempts = 1; attempts <= attemptsMax; attempts++) {
    const session = await sessions.claim(tried);
    if (!session) {
      return {
        ok: false,
        reason: 'no_sessions',
        text,
        attempts: attempts - 1,
        elapsedMs: elapsedMs(),
      };
    }
    tried.add(session.service);
    const flight = { sentAt: parts.clock.now(), durationMs: segment.durationMs };
    session.inFlight.push(flight);
    const outcome = await attempt(parts, job, session, segment).finally(() => {
      session.inFlight.splice(session.inFlight.indexOf(flight), 1);
    });
    if (outcome.ok) {
      session.score = latencyScore(parts.clock.now() - flight.sentAt, segment.durationMs);
      if (outcome.info) sessions.update(session, outcome.info);
      return succeeded(outcome.renditions, attempts, elapsedMs());
    }
    text = cleanErrorText(outcome.text);
    parts.log.warn('attempt_failed', { attempt: attempts, error: text });
    if (outcome.blames !== 'orchestrator') {
      const reason = outcome.blames === 'input' ? 'bad_input' : 'no_funds';
      return { ok: false, reason, text, attempts, elapsedMs: elapsedMs() };
    }
    sessions.drop(session);
  }
  const attempts = attemptsMax;
  return { ok: false, reason: 'attempts_used_up', text, attempts, elapsedMs: elapsedMs() };
}

/** A segment without video frames, once per rendition. */
function copies(job: Job, { blob }: SourceSegment): readonly Rendition[] {
  return job.profiles.map((profile) => {
    blob.retain();
    return { profile, blob, pixels: pixels(0n) };
  });
}

function succeeded(
  renditions: readonly Rendition[],
  attempts: number,
  elapsedMs: number,
): SegmentOutcome {
  const total = renditions.reduce((sum, rendition) => sum + rendition.pixels, 0n);
  const release = () => {
    for (const { blob } of renditions) blob.release();
  };
  return { ok: true, renditions, pixels: pixels(total), attempts, elapsedMs, release };
}
