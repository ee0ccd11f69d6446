import { namesOf } from '../protocol/capabilities.ts';
import type { WorkerCounts } from './demand-store.ts';
import type { Stretch } from './stretches.ts';

/** Why a job did not come to a worker. */
export const whyReasons = [
  'faster',
  'luck',
  'affinity',
  'full',
  'paused',
  'draining',
  'quarantined',
  'failed',
  'not_connected',
  'elsewhere',
  'capability',
  'version',
] as const;
export type WhyReason = (typeof whyReasons)[number];

/** What was counted, as far as it is about one worker. */
export interface WhyInput {
  /** Whole hours, and the one that runs. */
  readonly period: Stretch;
  /** Jobs that came to the pool, on all its nodes, and what they asked for by bits in hex. */
  readonly jobs: number;
  readonly asked: Readonly<Record<string, number>>;
  readonly counts: WorkerCounts;
  /** Attempts of this worker that came to nothing, after which somebody else was asked. */
  readonly failed: number;
  /** What its machines offer; undefined: none was ever there. */
  readonly bits: bigint | undefined;
  /** How long it was there. */
  readonly onlineMs: number;
  /** Nodes that counted. */
  readonly nodes: number;
  readonly speed: Speeds;
  readonly curve: readonly { readonly hour: number; readonly jobs: number }[];
}

/** Time from a task to its judged result, in which 95 of 100 were done. Undefined: not known. */
export interface Speeds {
  readonly mineMs: number | undefined;
  readonly theirsMs: number | undefined;
}

/** One reason, how often it was the one, and what would change it. */
export interface WhyPart {
  readonly reason: WhyReason;
  readonly jobs: number;
  readonly text: string;
  /** Undefined: there is nothing to do about it. */
  readonly step: string | undefined;
}

/** The answer to "why do I get no work?". */
export interface Why {
  readonly period: Stretch;
  readonly jobs: number;
  /** Those that its machines could do, had they been there and free. */
  readonly couldHaveTaken: number;
  readonly got: number;
  /** Most frequent first. */
  readonly parts: readonly WhyPart[];
  readonly speed: Speeds;
  /** Capabilities that it offers and nothing asked for; that were asked for and it lacks. */
  readonly notAsked: readonly string[];
  readonly lacking: readonly { readonly capability: string; readonly jobs: number }[];
  /** `no_demand`: nothing, or little, was asked for, and nothing is wrong. */
  readonly verdict: 'no_demand' | 'fair_share' | 'missed';
  /** Jobs by hour. */
  readonly curve: readonly { readonly hour: number; readonly jobs: number }[];
  /** All of it in sentences. */
  readonly text: string;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Fewer jobs in an hour than this are little demand, whoever gets them. */
const LITTLE_PER_HOUR = 6;
/** Names in a sentence. */
const NAMED_MAX = 3;
/** So much of a period may be missed by reconnects before it counts as not having been there. */
const AWAY_MS = 60_000;

/** Says why, from what was counted. Every job is in exactly one part, or was got. */
export function why(input: WhyInput): Why {
  const { period, jobs, counts, speed, curve } = input;
  const parts = partsOf(input);
  const lackingJobs = Math.round(counts.capability + counts.version);
  const got = Math.max(0, counts.given - input.failed);
  const couldHaveTaken = Math.max(0, jobs - lackingJobs);
  const answer = {
    period,
    jobs,
    couldHaveTaken,
    got,
    parts,
    speed,
    ...askedFor(input),
    verdict: verdictOf(input, parts, got),
    curve,
  };
  return { ...answer, text: textOf(answer) };
}

function partsOf({ jobs, counts, failed, onlineMs, period, nodes, speed }: WhyInput) {
  const { given, passed, affinity, full, paused, draining, quarantined } = counts;
  const faster = Math.min(passed, Math.round(counts.faster));
  const known = given + passed + affinity + full + paused + draining + quarantined;
  const unseen = Math.max(0, jobs - known - counts.capability - counts.version);
  // On a pool of several nodes, who is connected to one of them sees none of the others' jobs.
  const wasThere = nodes > 1 && onlineMs >= period.until - period.since - AWAY_MS;
  const of: Readonly<Record<WhyReason, number>> = {
    faster,
    luck: passed - faster,
    affinity,
    full,
    paused,
    draining,
    quarantined,
    failed: Math.min(failed, given),
    not_connected: wasThere ? 0 : unseen,
    elsewhere: wasThere ? unseen : 0,
    capability: counts.capability,
    version: counts.version,
  };
  return whyReasons
    .map((reason): WhyPart => ({ reason, jobs: of[reason], ...wordsOf(reason, of[reason], speed) }))
    .filter((part) => part.jobs > 0)
    .sort((a, b) => b.jobs - a.jobs);
}

function wordsOf(
  reason: WhyReason,
  jobs: number,
  { mineMs, theirsMs }: Speeds,
): Pick<WhyPart, 'text' | 'step'> {
  const they = jobs === 1 ? 'it' : 'they';
  switch (reason) {
    case 'faster': {
      const speeds =
        mineMs === undefined || theirsMs === undefined
          ? ''
          : ` (your p95 ${Math.round(mineMs)} ms, theirs ${Math.round(theirsMs)} ms)`;
      return {
        text: `${jobs} went to faster workers${speeds}`,
        step: 'Take fewer sessions at once, use a wired network near the pool, or a faster device: whoever answers sooner is preferred.',
      };
    }
    case 'luck':
      return {
        text: `${jobs} went to workers that are as good, by the draw`,
        step: undefined,
      };
    case 'affinity':
      return {
        text: `${jobs} belonged to streams that stay with the worker that has them`,
        step: undefined,
      };
    case 'full':
      return {
        text: `${jobs} came while all your places were taken`,
        step: 'Offer more sessions with --max-sessions, if the device stays ahead of live with them.',
      };
    case 'paused':
      return {
        text: `${jobs} came while you were paused`,
        step: 'Resume this worker on its page; a pause of the operator ends when the operator ends it.',
      };
    case 'draining':
      return {
        text: `${jobs} came while you were draining`,
        step: 'Ask the operator to resume this worker.',
      };
    case 'quarantined':
      return {
        text: `${jobs} came while you were in quarantine after failures`,
        step: 'Look at the failures of this worker: each says what to do. A quarantine ends by itself.',
      };
    case 'failed':
      return {
        text: `${jobs} came to you, and others had to do ${jobs === 1 ? 'it' : 'them'}`,
        step: 'Look at the failures of this worker: each says what to do.',
      };
    case 'not_connected':
      return {
        text: `${jobs} came while you were not connected`,
        step: 'Keep the worker running; its log says why a connection ended.',
      };
    case 'elsewhere':
      return {
        text: `${jobs} came to other addresses of the pool`,
        step: undefined,
      };
    case 'capability':
      return {
        text: `${jobs} asked for what your machines do not offer`,
        step: `See below what ${they} asked for; another device or driver may offer it.`,
      };
    case 'version':
      return {
        text: `${jobs} asked for a newer version than yours`,
        step: 'Update the worker.',
      };
  }
}

function askedFor({ asked, bits }: WhyInput): Pick<Why, 'notAsked' | 'lacking'> {
  if (bits === undefined) return { notAsked: [], lacking: [] };
  let union = 0n;
  const lacking = new Map<string, number>();
  for (const [text, jobs] of Object.entries(asked)) {
    // Kinds of needs beyond those that are counted apart: they may have asked for anything.
    if (!/^[0-9a-f]+$/.test(text)) {
      union |= bits;
      continue;
    }
    const needs = BigInt(`0x${text}`);
    union |= needs;
    for (const name of namesOf(needs & ~bits)) lacking.set(name, (lacking.get(name) ?? 0) + jobs);
  }
  return {
    notAsked: namesOf(bits & ~union),
    lacking: [...lacking]
      .map(([capability, jobs]) => ({ capability, jobs }))
      .sort((a, b) => b.jobs - a.jobs),
  };
}

/** Something to change is said only where it would have changed something. */
function verdictOf(input: WhyInput, parts: readonly WhyPart[], got: number): Why['verdict'] {
  const { period, jobs } = input;
  const hours = Math.max(1, (period.until - period.since) / HOUR_MS);
  const toChange = parts
    .filter(({ step }) => step !== undefined)
    .reduce((sum, part) => sum + part.jobs, 0);
  if (toChange === 0 && jobs < LITTLE_PER_HOUR * hours) return 'no_demand';
  return toChange <= got ? 'fair_share' : 'missed';
}

function textOf(answer: Omit<Why, 'text'>): string {
  const { jobs, couldHaveTaken, got, parts, notAsked, lacking, verdict } = answer;
  const came = jobs === 1 ? '1 job came' : `${jobs} jobs came`;
  const sentences = [`${periodText(answer.period)} ${jobs === 0 ? 'no job came' : came}.`];
  if (jobs > 0) {
    sentences.push(`You could have taken ${couldHaveTaken}.`);
    if (got > 0) sentences.push(`You did ${got}.`);
    const missed = parts.map(({ text }) => text).join(', ');
    if (missed) sentences.push(`${missed}.`);
  }
  if (lacking.length > 0) {
    const named = lacking.slice(0, NAMED_MAX);
    const text = named.map(({ capability, jobs: count }) => `${capability} (${count})`).join(', ');
    sentences.push(`Asked for and not offered by you: ${text}.`);
  }
  // More than a few are what every device offers and no gateway uses: the list has them.
  if (jobs > 0 && notAsked.length > 0 && notAsked.length <= NAMED_MAX) {
    sentences.push(`Nothing asked for ${notAsked.join(', ')}.`);
  }
  const step = parts.find((part) => part.step !== undefined)?.step;
  if (verdict === 'no_demand') sentences.push('Nothing is wrong: demand is low.');
  else if (verdict === 'fair_share') sentences.push('Nothing is wrong: you get your part of it.');
  else if (step) sentences.push(step);
  return sentences.join(' ');
}

function periodText({ since, until }: Stretch): string {
  const minutes = Math.max(1, Math.round((until - since) / MINUTE_MS));
  if (minutes === 60) return 'In the last hour';
  if (minutes < 180) return `In the last ${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `In the last ${hours} hours` : `In the last ${Math.round(hours / 24)} days`;
}
