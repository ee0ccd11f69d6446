import { exactAsset, showAsset } from '../base/amounts.ts';
import type { Instant } from '../base/clock.ts';
import type { EventFacts, StoredEvent } from './event.ts';
import { type NoticeKind, noticeKinds } from './kinds.ts';
import { momentText, type NoticeWords } from './notice.ts';
import { pageOf } from './page-of.ts';

/** What words of a notice need to know besides what happened. */
export interface WordsContext {
  /** The name of the worker that the events are of; undefined: they are of the whole pool. */
  readonly worker: string | undefined;
  readonly decimals: (asset: string) => number;
  /** Of new terms, with those that hold until then. */
  readonly terms?: TermsWords | undefined;
  readonly incident?: IncidentWords | undefined;
}

/** What changes with new terms. */
export interface TermsWords {
  readonly version: number;
  readonly epoch: string;
  /** The pool's part of what work earns, in words: `18 %`. */
  readonly commission: string;
  readonly commissionBefore: string | undefined;
  readonly publishedAt: Instant;
}

/** An incident or announced work. */
export interface IncidentWords {
  readonly kind: 'incident' | 'maintenance';
  readonly title: string;
  readonly text: string | undefined;
  readonly startsAt: Instant;
  readonly endsAt: Instant | undefined;
  /** Opened by the pool itself, when it was over. */
  readonly automatic: boolean;
}

type Said = Omit<NoticeWords, 'kind' | 'affected' | 'title' | 'since' | 'until' | 'todo' | 'page'> &
  Partial<NoticeWords>;

/**
 * The words of one notice, of one or more events of one kind, oldest first. Undefined: there is
 * nothing to say after all.
 */
export function wordsOf(
  kind: NoticeKind,
  events: readonly [StoredEvent, ...StoredEvent[]],
  context: WordsContext,
): NoticeWords | undefined {
  const [first] = events;
  const said = saidOf(events, context);
  if (!said) return undefined;
  const toKind = said.kind ?? kind;
  return {
    title: noticeKinds[toKind].title,
    affected: affectedBy(toKind, context.worker),
    since: first.at,
    until: undefined,
    todo: undefined,
    page: pageOf(first.facts, first.worker),
    ...said,
    kind: toKind,
  };
}

function affectedBy(kind: NoticeKind, worker: string | undefined): string {
  if (worker !== undefined) return `the worker ${worker}.`;
  return noticeKinds[kind].to === 'operators' ? 'the pool.' : 'all workers of the pool.';
}

function saidOf(
  events: readonly [StoredEvent, ...StoredEvent[]],
  context: WordsContext,
): Said | undefined {
  const [{ facts, at }] = events;
  switch (facts.source) {
    case 'payout':
      return payoutWords(facts, context);
    case 'pause':
    case 'resume':
      return pauseWords(facts, at);
    case 'address':
      return addressWords(facts, context);
    case 'dispute':
      return disputeWords(facts, context);
    case 'terms':
      return termsWords(context.terms);
    case 'incident':
      return incidentWords(facts.what, context.incident);
    case 'offline':
    case 'back':
      return presenceWords(facts, context, at);
    case 'checks':
      return checksWords(events);
    case 'quarantine':
      return quarantineWords(events, context);
    case 'place':
      return placeWords(events, context);
    case 'alarm':
      return alarmWords(facts, at);
    case 'message': {
      const { title, text, todo, until } = facts;
      return { title, text, todo, until: until as Instant | undefined };
    }
    case 'test':
      return {
        title: 'This is a test',
        text: 'You asked for it: notices that you chose arrive here.',
        affected: 'nobody.',
      };
  }
}

type Of<S extends EventFacts['source']> = Extract<EventFacts, { readonly source: S }>;

function payoutWords(facts: Of<'payout'>, { worker = '', decimals }: WordsContext): Said {
  const { asset, amount, reason = '', reference } = facts;
  const shown = showAsset(BigInt(amount), asset, decimals(asset));
  const exact = exactAsset(BigInt(amount), asset, decimals(asset));
  const by = reference === undefined ? '' : ` The transaction is ${reference}.`;
  if (facts.state === 'final') {
    const title = `${shown} was sent to ${worker}`;
    return { title, text: `The payout of ${exact} is final.${by}` };
  }
  const because = PAYOUT_FAILURES[reason] ?? 'It did not go through.';
  const back = facts.state === 'returned';
  return {
    title: `A payout of ${shown} ${back ? 'came back' : 'did not go through'}`,
    text: `The payout of ${exact} ${back ? 'came back to the pool' : 'was refused'}. ${because} You are owed the amount as before.${by}`,
    todo: 'Check where you are paid, and choose another address or account if it is wrong; the next payout brings the amount again.',
  };
}

const PAYOUT_FAILURES: Readonly<Record<string, string>> = {
  rejected_by_recipient: 'The address did not take it: it is a contract that refuses payments.',
  refused_by_token: 'The token did not move it, as for an account on its list of refused ones.',
  token_returned_false: 'The token refused to move it.',
  refused_by_bank: 'The bank refused it.',
  returned_by_bank: 'The bank sent it back.',
  sent_back: 'It was sent back.',
};

function pauseWords({ source, asset, reason, since }: Of<'pause' | 'resume'>, at: Instant): Said {
  const what = asset === undefined ? 'Payouts' : `Payouts of ${asset}`;
  if (source === 'resume') {
    const times = { since: since as Instant, until: at };
    return {
      title: `${what} go on`,
      text: 'What is due goes out with the next run.',
      ...times,
    };
  }
  return {
    title: `${what} are paused`,
    text: pauseText(reason),
  };
}

/** Why payouts are paused, and what comes of it for whoever is owed something. */
export function pauseText(reason: string): string {
  return `${PAUSES[reason] ?? 'They wait until a person says otherwise.'} What you are owed stays owed, and more is earned as before.`;
}

const PAUSES: Readonly<Record<string, string>> = {
  insolvent:
    'The pool has less of it on hand than it owes, so it pays nobody of it until it has enough.',
  operator: 'The operator paused them.',
  token_takes_fee:
    'The token kept a part of a payment for itself, so the operator has to look at it.',
  token_tells_nothing:
    'The chain does not show whether a payment arrived, so the operator has to look.',
};

function addressWords(facts: Of<'address'>, { worker = '' }: WordsContext): Said {
  const to = shortAddress(facts.new);
  const from = facts.old === undefined ? '' : ` instead of ${shortAddress(facts.old)}`;
  if (facts.state === 'stopped') {
    return {
      title: `The payout address of ${worker} stays as it is`,
      text: `The change to ${to} was stopped before it took effect.`,
    };
  }
  if (facts.state === 'effective') {
    return {
      title: `${worker} is paid at another address now`,
      text: `Payouts go to ${to}${from} from now on.`,
      todo: 'If this was not you, tell the operator at once.',
    };
  }
  const asked =
    facts.askedBy === 'operator' ? 'The operator asked for it' : 'Both addresses signed for it';
  const when = momentText(facts.effectiveAt as Instant);
  return {
    title: `The payout address of ${worker} is to change`,
    text: `${asked}: from ${when} UTC on, payouts go to ${to}${from}.`,
    until: facts.effectiveAt as Instant,
    todo: 'If this was not you, stop it on the page of your payouts, and tell the operator at once.',
  };
}

function shortAddress(address: string): string {
  return `${address.slice(0, 6)}…${address.slice(-4)}`;
}

function disputeWords(facts: Of<'dispute'>, { decimals }: WordsContext): Said {
  const { dispute, event, by, outcome, award, deadline } = facts;
  const given = award
    ? ` ${exactAsset(BigInt(award.amount), award.asset, decimals(award.asset))} are given back with the next statement.`
    : '';
  const until = deadline === undefined ? undefined : (deadline as Instant);
  const byWhen = until === undefined ? '' : ` The pool has until ${momentText(until)} UTC.`;
  switch (event) {
    case 'decided': {
      const word =
        outcome === 'upheld' ? 'upheld' : outcome === 'partly' ? 'upheld in part' : 'refused';
      return {
        title: `Your dispute was ${word}`,
        text: `Dispute ${dispute} was ${word}.${given}`,
      };
    }
    case 'lapsed':
      return {
        title: 'Your dispute was decided for you',
        text: `The pool was late with dispute ${dispute}, so what was taken is given back.${given}`,
      };
    case 'answered':
    case 'replied':
      if (by !== 'worker') {
        return {
          title: 'The pool answered your dispute',
          text: `There is an answer in dispute ${dispute}.${byWhen}`,
          todo: 'Read it; you can reply until the dispute is decided.',
          until,
        };
      }
      return {
        title: 'A worker replied in a dispute',
        text: `There is a reply in dispute ${dispute}.`,
        todo: 'Read it, and decide.',
      };
    case 'overdue':
      return {
        title: 'A dispute is overdue',
        text: `The time to answer or decide dispute ${dispute} has passed; that is published.`,
        todo: 'Answer or decide it now.',
      };
    default:
      return {
        title: 'A worker opened a dispute',
        text: `Dispute ${dispute} waits for an answer.${byWhen}`,
        until,
        todo: 'Answer it in time.',
      };
  }
}

function termsWords(terms: TermsWords | undefined): Said | undefined {
  if (!terms) return undefined;
  const { version, epoch, commission, commissionBefore, publishedAt } = terms;
  const changes = commissionBefore !== undefined && commissionBefore !== commission;
  const fee = changes
    ? `The pool's part changes from ${commissionBefore} to ${commission} of what work earns.`
    : `The pool's part stays ${commission} of what work earns.`;
  return {
    kind: changes ? 'fee_changed' : 'terms_published',
    title: changes
      ? `The commission changes from ${commissionBefore} to ${commission}`
      : `Version ${version} of the terms is published`,
    text: `Version ${version} of the terms settles work from epoch ${epoch} on; earlier epochs keep the terms that they have. ${fee}`,
    since: publishedAt,
    todo: 'Read the new terms; whoever does not want them may leave before that epoch begins.',
  };
}

function incidentWords(
  what: Of<'incident'>['what'],
  incident: IncidentWords | undefined,
): Said | undefined {
  if (!incident) return undefined;
  const { kind, title, text, startsAt: since, endsAt: until, automatic } = incident;
  const rest = { title, since, until };
  const more = text === undefined ? '' : ` ${text}`;
  if (kind === 'maintenance') {
    switch (what) {
      case 'opened':
        return {
          ...rest,
          kind: 'downtime_planned',
          text: `Work on the pool is planned; in that time workers may get no jobs.${more}`,
        };
      case 'started':
        return { ...rest, text: `The announced work has begun.${more}` };
      case 'closed':
      case 'ended':
        return { ...rest, text: 'The announced work is over, or will not take place.' };
    }
  }
  if (what === 'closed' || automatic) {
    return { ...rest, kind: 'downtime_ended', text: `It is over.${more}` };
  }
  return { ...rest, kind: 'downtime_started', text: `Something is wrong with the pool.${more}` };
}

function presenceWords(
  facts: Of<'offline' | 'back'>,
  { worker = '' }: WordsContext,
  at: Instant,
): Said {
  const since = facts.since as Instant;
  if (facts.source === 'back') {
    return {
      title: `${worker} is back`,
      text: 'It is connected and gets jobs again.',
      since,
      until: at,
    };
  }
  const title = `${worker} is offline`;
  const gone = 'No machine of it is connected, so it gets no jobs.';
  if (facts.others !== undefined) {
    return {
      title,
      text: `${gone} ${facts.others} other workers went away within the same minute, so the reason is rather the pool or the network between than your machine. The operator is told.`,
      since,
      todo: 'Look at your machine if the others come back and it does not; the pages of the pool say how it stands.',
    };
  }
  return {
    title,
    text: gone,
    since,
    todo: 'Look whether the machine and the worker program run, and whether it reaches the pool; the log of the worker says why a connection ended.',
  };
}

function checksWords(events: readonly StoredEvent[]): Said {
  const facts = events.map((event) => event.facts as Of<'checks'>);
  const count = facts.reduce((sum, each) => sum + each.count, 0);
  const reasons = [...new Set(facts.flatMap((each) => each.reasons))].slice(0, 5);
  const many = count === 1 ? '1 result' : `${count} results`;
  return {
    title: `${many} failed a check`,
    text: `The pool looked at ${many} and refused ${count === 1 ? 'it' : 'them'}: ${reasons.map((each) => each.replaceAll('_', ' ')).join(', ')}. What is refused is not paid.`,
    since: Math.min(...facts.map(({ since }) => since)) as Instant,
    until: events.at(-1)?.at,
    todo: 'See the failures of this worker on its page; a driver, an overclocked card or too many sessions are the usual reasons.',
  };
}

function quarantineWords(events: readonly StoredEvent[], { worker = '' }: WordsContext): Said {
  const until = Math.max(...events.map(({ facts }) => (facts as Of<'quarantine'>).until));
  const times = events.length === 1 ? '' : ` It was put there ${events.length} times.`;
  return {
    title: `${worker} is in quarantine`,
    text: `Too many of its last results failed or came too late, so it gets no jobs for a while.${times} It ends by itself, with one session on trial.`,
    until: until as Instant,
    todo: 'See the failures of this worker on its page: each says what to do.',
  };
}

function placeWords(events: readonly StoredEvent[], { worker = '' }: WordsContext): Said {
  const times = events.length === 1 ? 'a network' : `${events.length} networks`;
  return {
    title: `The credential of ${worker} is used from a new place`,
    text: `A machine connected with it from ${times} that it was never used from before.`,
    until: events.at(-1)?.at,
    todo: 'If that was you, nothing. If not, make a new credential on the page of this worker, twice: the second time ends the one that was seen. Join again with the newest.',
  };
}

function alarmWords({ state, text, advice, since }: Of<'alarm'>, at: Instant): Said {
  const begun = since as Instant;
  if (state === 'over') return { title: `Over: ${cutTitle(text)}`, text, since: begun, until: at };
  const title = state === 'changed' ? `Changed: ${cutTitle(text)}` : cutTitle(text);
  return { title, text, since: begun, todo: advice || undefined };
}

function cutTitle(text: string): string {
  const [sentence = text] = text.split(/(?<=\.)\s/);
  return sentence.replace(/\.$/, '').slice(0, 150);
}
