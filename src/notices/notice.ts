import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { NoticeKind } from './kinds.ts';

/** The number of a notice; later ones have larger numbers. */
export type NoticeId = bigint & { readonly __brand: 'NoticeId' };

/** What happened, as the notice of it says it: who is affected, since when, and what to do. */
export interface NoticeWords {
  readonly kind: NoticeKind;
  /** One line. */
  readonly title: string;
  /** What happened and why, in sentences. Plain text: each channel escapes it in its own way. */
  readonly text: string;
  /** Whom it concerns, as a sentence. */
  readonly affected: string;
  readonly since: Instant;
  /** Undefined: it has no end, or nobody knows it yet. */
  readonly until: Instant | undefined;
  /** What must be done; undefined: nothing. */
  readonly todo: string | undefined;
  /** A page of the pool that shows more, as a path. */
  readonly page: string | undefined;
}

/** A notice as it is kept. */
export interface Notice extends NoticeWords {
  readonly id: NoticeId;
  readonly at: Instant;
  /** Whose it is; undefined: it is for everybody, or for the operators. */
  readonly worker: WorkerId | undefined;
  /** Whether it stands in the public feed. */
  readonly open: boolean;
}

/** Who has channels: a wallet that workers are paid at, a worker, an operator, or the pool itself. */
export type NoticeOwner =
  | { readonly kind: 'address'; readonly id: string }
  | { readonly kind: 'worker'; readonly id: WorkerId }
  | { readonly kind: 'operator'; readonly id: string }
  /** Channels of the pool's own staff, whoever is on duty; `id` is empty. */
  | { readonly kind: 'pool'; readonly id: '' };

/** Whether channels of this owner get what operators get. */
export function isOperators({ kind }: NoticeOwner): boolean {
  return kind === 'operator' || kind === 'pool';
}

const NOTHING = 'Nothing needs to be done.';

/** From when to when, as people read it in UTC: `Sat 21 Nov 2026, 18:05 to 18:20 UTC`. */
export function periodText(since: Instant, until: Instant | undefined): string {
  const from = momentText(since);
  if (until === undefined || until === since) return `${from} UTC`;
  const to = momentText(until);
  const sameDay = from.slice(0, -7) === to.slice(0, -7);
  return `${from} to ${sameDay ? to.slice(-5) : to} UTC`;
}

/** A moment in UTC: `Sat 21 Nov 2026, 18:05`. */
export function momentText(at: Instant): string {
  const date = new Date(at);
  const day = DAYS[date.getUTCDay()];
  const month = MONTHS[date.getUTCMonth()];
  const time = date.toISOString().slice(11, 16);
  return `${day} ${date.getUTCDate()} ${month} ${date.getUTCFullYear()}, ${time}`;
}
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = [
  ...['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun'],
  ...['Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
] as const;

/** The parts of a notice in the order in which every channel shows them, without the title. */
export function noticeLines(notice: NoticeWords): readonly string[] {
  const { text, affected, since, until, todo } = notice;
  return [
    text,
    `Affected: ${affected}`,
    `When: ${periodText(since, until)}.`,
    todo === undefined ? NOTHING : `What to do: ${todo}`,
  ];
}
