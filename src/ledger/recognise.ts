import { ETH } from '../base/asset.ts';
import type { Clock, Instant, Timer } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import { openEpoch } from './epoch-store.ts';
import { chainMove, type IncomeMark, type IncomePolicy, newIncome } from './income.ts';
import {
  type BookEvent,
  expectedTotal,
  forgetEvents,
  incomeMark,
  lockIncome,
  moveIncomeMark,
  noteUnmeasured,
  waitingEvents,
  waitingLpt,
} from './income-store.ts';
import { bookOwnLpt, type OwnLpt } from './own-lpt.ts';
import {
  feesWithdrawn,
  gasSpent,
  incomeRecognised,
  movedOut,
  type Posting,
  rewardReceived,
  ticketRedeemed,
  ticketsCredited,
  ticketWon,
  ticketWrittenOff,
} from './postings.ts';
import { post } from './postings-store.ts';

/** Expected value is posted as often, and never by the ticket. */
const EVERY_MS = 5_000;
/** LPT that no provider tells of is asked for again; it waits in the database meanwhile. */
const LPT_AGAIN_MS = 60_000;
/** Events in one transaction: others wait to post meanwhile. */
const EVENTS_MAX = 200;

/** What income is recognised with. */
export interface IncomeParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the terms of that version; 0: none were published. */
  policyOf(termsVersion: number): Promise<IncomePolicy>;
  /** 20 bytes each: the pool's own accounts, which together are the treasury, and BondingManager. */
  readonly treasury: readonly Uint8Array[];
  readonly bondingManager: Uint8Array;
  /**
   * LPT base units that the reward call in that transaction added to the pool's own stake. Throws
   * while no provider tells: then it is asked again. Left out where another node asks.
   */
  rewardOf?(transaction: `0x${string}`, block: bigint): Promise<bigint>;
  /**
   * LPT base units that the transaction brought to the treasury, less what it took from it. Throws, and
   * is left out, as {@link rewardOf}.
   */
  lptMoved?(transaction: `0x${string}`): Promise<bigint>;
}

/** Keeps the books up with what gateways and the chain do. */
export interface Income {
  /** Posts all that happened until now, on whichever node. Throws what the database throws. */
  recognise(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Posts income every few seconds. Several nodes may: each event is posted once, and what one of them
 * left undone another one does.
 */
export function startIncome(parts: IncomeParts): Income {
  const { clock, log } = parts;
  const askAgainAt = new Map<string, number>();
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  let closed = false;

  function later(): void {
    if (closed) return;
    timer = clock.after(EVERY_MS, () => {
      running = recogniseAll(parts, askAgainAt)
        .catch((error: unknown) => {
          const code = error instanceof TributaryError ? error.code : 'internal';
          log.warn('income_not_posted', { code });
        })
        .then(later);
    });
  }

  later();
  return {
    recognise: () => recogniseAll(parts, askAgainAt),
    async close() {
      closed = true;
      timer?.cancel();
      await running;
    },
  };
}

async function recogniseAll(parts: IncomeParts, askAgainAt: Map<string, number>): Promise<void> {
  const told = await lptWaiting(parts, askAgainAt);
  let after = 0n;
  for (;;) {
    const step = await parts.database.transact((tx) => recogniseSome(parts, tx, told, after));
    crashPoint('income_posted');
    if (step.done) return;
    after = step.after;
  }
}

/** What the chain alone knows is asked before the books are locked. */
async function lptWaiting(
  parts: IncomeParts,
  askAgainAt: Map<string, number>,
): Promise<ReadonlyMap<string, bigint>> {
  const { database, bondingManager, clock, log } = parts;
  const known = new Map<string, bigint>();
  for await (const { event, move } of waitingLpt(database, bondingManager)) {
    if (clock.now() < (askAgainAt.get(event.subject) ?? 0)) continue;
    const transaction = `0x${event.subject}` as const;
    try {
      const asked =
        move === 'reward'
          ? parts.rewardOf?.(transaction, event.block)
          : parts.lptMoved?.(transaction);
      if (asked) known.set(event.subject, await asked);
      askAgainAt.delete(event.subject);
    } catch (error) {
      askAgainAt.set(event.subject, clock.now() + LPT_AGAIN_MS);
      const code = error instanceof TributaryError ? error.code : 'internal';
      log.warn(move === 'reward' ? 'reward_not_read' : 'own_lpt_not_read', { code });
    }
  }
  return known;
}

type Step = { readonly done: true } | { readonly done: false; readonly after: bigint };

async function recogniseSome(
  parts: IncomeParts,
  tx: Transaction,
  told: ReadonlyMap<string, bigint>,
  after: bigint,
): Promise<Step> {
  await lockIncome(tx);
  const epoch = await openEpoch(tx);
  const policy = await parts.policyOf(epoch.termsVersion);
  const seen = { epoch: epoch.number, policy };
  const before = await incomeMark(tx);
  let mark = before;
  const posted: bigint[] = [];
  const events = await waitingEvents(tx, after, EVENTS_MAX);
  for (const event of events) {
    const booked = bookingOf(parts, event, seen, mark, told);
    if (!booked) continue;
    if (booked.posting) await post(tx, booked.posting);
    if (booked.ownLpt) await bookOwnLpt(tx, booked.ownLpt);
    if (event.kind === 'ticket_redeemed') await noteUnmeasured(tx, event.transaction);
    mark = booked.mark;
    posted.push(event.number);
  }
  if (posted.length > 0) await forgetEvents(tx, posted);
  const credited = creditedSince(mark, await expectedTotal(tx), seen, parts.clock.now());
  if (credited) {
    await post(tx, credited.posting);
    mark = credited.mark;
  }
  if (mark !== before) await moveIncomeMark(tx, mark);
  crashPoint('income_before_commit');
  const last = events.at(-1);
  return last && events.length === EVENTS_MAX
    ? { done: false, after: last.number }
    : { done: true };
}

interface Seen {
  readonly epoch: bigint;
  readonly policy: IncomePolicy;
}

/** How an event is booked; without a posting where it moves nothing, undefined while it must wait. */
function bookingOf(
  { treasury, bondingManager }: IncomeParts,
  event: BookEvent,
  { epoch, policy }: Seen,
  mark: IncomeMark,
  told: ReadonlyMap<string, bigint>,
): { readonly posting?: Posting; readonly ownLpt?: OwnLpt; readonly mark: IncomeMark } | undefined {
  const { at, subject } = event;
  const side = (account: Uint8Array) =>
    treasury.some((own) => Buffer.compare(account, own) === 0) ? 'treasury' : 'external';
  switch (event.kind) {
    case 'ticket_won':
      return { mark, posting: ticketWon({ at, epoch, ticket: subject, face: event.face }) };
    case 'ticket_redeemed': {
      const paid = { ...mark, redeemed: mark.redeemed + event.paid };
      const recognised = newIncome(policy, paid);
      return {
        mark: { ...paid, recognised: paid.recognised + recognised },
        posting: ticketRedeemed({ ...event, epoch, ticket: subject, recognised }),
      };
    }
    case 'ticket_written_off':
      return { mark, posting: ticketWrittenOff({ ...event, epoch, ticket: subject }) };
    case 'gas': {
      const from = side(event.account);
      return { mark, posting: gasSpent({ ...event, epoch, transaction: `0x${subject}`, from }) };
    }
    case 'intent': {
      const move = chainMove(event.call, bondingManager);
      const transaction = `0x${subject}`;
      switch (move?.move) {
        case undefined:
          return { mark };
        case 'fees_withdrawn': {
          const { amount, to } = move;
          const posting = feesWithdrawn({ at, epoch, transaction, amount, to: side(to) });
          return { mark, posting };
        }
        case 'sent': {
          // From one account of the treasury to another it stays where it was.
          if (side(event.account) === side(event.call.recipient)) return { mark };
          if (side(event.account) === 'external') return { mark };
          const { amount } = move;
          const cause = `sent:${transaction}`;
          return { mark, posting: movedOut({ at, epoch, cause, asset: ETH, amount }) };
        }
        case 'reward': {
          const amount = told.get(subject);
          if (amount === undefined) return undefined;
          return { mark, posting: rewardReceived({ at, epoch, transaction, amount }) };
        }
        case 'own_lpt': {
          const amount = told.get(subject);
          if (amount === undefined) return undefined;
          const { stake } = move;
          return { mark, ownLpt: { at, epoch, transaction, block: event.block, amount, stake } };
        }
      }
    }
  }
}

/** The expected value since the mark, and what the policy has to say of it. */
function creditedSince(
  mark: IncomeMark,
  total: bigint,
  { epoch, policy }: Seen,
  at: Instant,
): { readonly posting: Posting; readonly mark: IncomeMark } | undefined {
  const added = total - mark.expected;
  if (added < 0n) throw new TributaryError('internal', 'credited tickets became fewer');
  const moved = { ...mark, expected: total };
  const recognised = newIncome(policy, moved);
  if (added === 0n && recognised === 0n) return undefined;
  const after = { ...moved, recognised: moved.recognised + recognised };
  const event = { at, epoch, recognised };
  return {
    mark: after,
    posting:
      added > 0n
        ? ticketsCredited({ ...event, total, added })
        : incomeRecognised({ ...event, total: after.recognised }),
  };
}
