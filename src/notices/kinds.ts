/**
 * What people are told of: a closed list. `to` says whom a kind is for: the owner of one worker, all
 * owners, or those who run the pool. What is `open` stands in the public feed, too.
 */
export const noticeKinds = {
  downtime_planned: {
    to: 'everybody',
    open: true,
    title: 'Work on the pool is announced',
    atMostEveryMs: 0,
  },
  downtime_started: {
    to: 'everybody',
    open: true,
    title: 'Downtime has begun',
    atMostEveryMs: 0,
  },
  downtime_ended: { to: 'everybody', open: true, title: 'Downtime is over', atMostEveryMs: 0 },
  terms_published: {
    to: 'everybody',
    open: true,
    title: 'New terms are published',
    atMostEveryMs: 0,
  },
  fee_changed: {
    to: 'everybody',
    open: true,
    title: "The pool's commission changes",
    atMostEveryMs: 0,
  },
  payouts_paused: { to: 'everybody', open: true, title: 'Payouts are paused', atMostEveryMs: 0 },
  payouts_resumed: { to: 'everybody', open: true, title: 'Payouts go on', atMostEveryMs: 0 },
  message: { to: 'everybody', open: true, title: 'A message of the operator', atMostEveryMs: 0 },
  payout_sent: { to: 'owner', open: false, title: 'A payout was sent', atMostEveryMs: 0 },
  payout_failed: {
    to: 'owner',
    open: false,
    title: 'A payout did not arrive',
    atMostEveryMs: 0,
  },
  payout_address: {
    to: 'owner',
    open: false,
    title: 'A payout address changes',
    atMostEveryMs: 0,
  },
  // Whoever comes and goes all day is told of it now and then, not each time.
  worker_offline: {
    to: 'owner',
    open: false,
    title: 'A worker is offline',
    atMostEveryMs: 30 * 60_000,
  },
  worker_back: { to: 'owner', open: false, title: 'A worker is back', atMostEveryMs: 0 },
  // A broken encoder fails every check: one notice an hour says as much as a thousand.
  check_failed: {
    to: 'owner',
    open: false,
    title: 'A result failed a check',
    atMostEveryMs: 3_600_000,
  },
  quarantine: {
    to: 'owner',
    open: false,
    title: 'A worker is in quarantine',
    atMostEveryMs: 3_600_000,
  },
  new_place: {
    to: 'owner',
    open: false,
    title: 'A credential is used from a new place',
    atMostEveryMs: 3_600_000,
  },
  dispute_answered: {
    to: 'owner',
    open: false,
    title: 'A dispute was answered',
    atMostEveryMs: 0,
  },
  dispute_decided: { to: 'owner', open: false, title: 'A dispute was decided', atMostEveryMs: 0 },
  dispute_opened: {
    to: 'operators',
    open: false,
    title: 'A dispute waits for the pool',
    atMostEveryMs: 0,
  },
  alarm: { to: 'operators', open: false, title: 'An alarm of the pool', atMostEveryMs: 0 },
  test: { to: 'owner', open: false, title: 'A test', atMostEveryMs: 0 },
} as const satisfies Record<
  string,
  {
    readonly to: 'owner' | 'everybody' | 'operators';
    readonly open: boolean;
    readonly title: string;
    /** Of one worker: what comes sooner waits, and is told together. */
    readonly atMostEveryMs: number;
  }
>;

/** A kind of notice. */
export type NoticeKind = keyof typeof noticeKinds;

/** Whether somebody can choose a kind. A test is only sent to who asks for it. */
export function isChoosable(kind: NoticeKind): boolean {
  return kind !== 'test';
}

/** What owners of workers choose from. */
export const ownerKinds: readonly NoticeKind[] = kindsFor(['owner', 'everybody']);
/** What operators choose from: what is for them, and what everybody is told. */
export const operatorKinds: readonly NoticeKind[] = [
  ...kindsFor(['operators', 'everybody']),
  // Of any worker: an operator follows these up.
  'quarantine',
  'payout_failed',
  'new_place',
];

/** Decodes the name of a kind; undefined when there is none such. */
export function parseNoticeKind(text: string): NoticeKind | undefined {
  return Object.hasOwn(noticeKinds, text) ? (text as NoticeKind) : undefined;
}

function kindsFor(whom: readonly string[]): NoticeKind[] {
  const all = Object.keys(noticeKinds) as NoticeKind[];
  return all.filter((kind) => isChoosable(kind) && whom.includes(noticeKinds[kind].to));
}
