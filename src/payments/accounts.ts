import { hex } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import type { Pixels, Wei } from '../base/money.ts';
import type { Database } from '../database/database.ts';
import { type Admission, admit, type Balance, fee, settle, unpaid } from './balance.ts';
import { add, type Rational, ZERO } from './rational.ts';
import { type BalanceKey, debitBalance, loadBalance, type StoredBalance } from './store.ts';

/** A balance is read again when work ended meanwhile; a busy node must not read for ever. */
const LOADS_MAX = 5;

/** What accounts are kept with. */
export interface AccountsParts {
  readonly database: Database;
  readonly clock: Clock;
  /** See {@link admit}. */
  readonly ticketEv: Wei;
  /** The most that one sender may owe with all its work under way on this node. */
  readonly unpaidMax: Wei;
}

/** Work that is about to start. */
export interface WorkQuestion extends BalanceKey {
  /** Wei per pixel. */
  readonly price: Rational;
  /** What it will cost as far as can be told. */
  readonly estimate: Rational;
}

/** Work that may run, until it is paid for; or why it may not. */
export type Started =
  | { readonly ok: true; readonly work: PaidWork }
  | Extract<Admission, { ok: false }>;

/** Paid work under way. */
export interface PaidWork {
  /**
   * Ends it: debits its counted pixels, 0 for work that came to nothing, and then gives its hold back.
   * Once it resolved, further calls do nothing; when it throws, the hold stays and it may be tried
   * again.
   */
  settle(count: Pixels): Promise<void>;
}

/** Admits and debits work. */
export interface Accounts {
  start(question: WorkQuestion): Promise<Started>;
  /** Senders with work under way: memory in use. */
  readonly busySenders: number;
}

/**
 * Accounts over the stored balances. What is held for running work is in memory: a session's
 * segments come to one node, and a node that died runs no work. Credits and debits are not.
 */
export function createAccounts({ database, clock, ticketEv, unpaidMax }: AccountsParts): Accounts {
  /** By sender, then session: only those with work under way. */
  const busy = new Map<string, Map<string, Balance>>();

  function put(sender: string, session: string, balance: Balance, works: boolean): void {
    const sessions = busy.get(sender) ?? new Map<string, Balance>();
    if (works) sessions.set(session, balance);
    else sessions.delete(session);
    if (sessions.size > 0) busy.set(sender, sessions);
    else busy.delete(sender);
  }

  /** How many pieces of work hold something of a session; a hold of 0 counts. */
  const running = new Map<string, number>();

  /** Counts work that ended: its debit may be later than a balance read, its hold already gone. */
  let ended = 0;

  async function loadSettled(key: BalanceKey): Promise<StoredBalance | undefined> {
    for (let tries = 1; ; tries++) {
      const before = ended;
      const stored = await loadBalance(database, key);
      if (before === ended || tries === LOADS_MAX) return stored;
    }
  }

  async function start(question: WorkQuestion): Promise<Started> {
    const { price, estimate, session } = question;
    if (price.numerator <= 0n) return { ok: true, work: { settle: async () => {} } };
    const sender = hex(question.sender);
    const stored = await loadSettled(question);
    // From here to the hold nothing else runs, so that two segments cannot both take the last credit.
    const held = busy.get(sender)?.get(session)?.held ?? ZERO;
    const admission = admit(
      composed(stored, held),
      { price, ticketEv, estimate, unpaidElsewhere: unpaidElsewhere(sender, session), unpaidMax },
      clock.now(),
    );
    if (!admission.ok) return admission;
    const key = `${sender} ${session}`;
    running.set(key, (running.get(key) ?? 0) + 1);
    put(sender, session, admission.balance, true);

    let ending: Promise<void> | undefined;
    const end = async (count: Pixels) => {
      const cost = fee(count, price);
      if (cost.numerator > 0n) crashPoint('before_debit');
      const after =
        cost.numerator === 0n
          ? await loadBalance(database, question)
          : await database.transact((tx) => debitBalance(tx, question, cost));
      if (cost.numerator > 0n) crashPoint('work_debited');
      const left = (running.get(key) ?? 1) - 1;
      if (left > 0) running.set(key, left);
      else running.delete(key);
      const balance = composed(after, busy.get(sender)?.get(session)?.held ?? admission.hold);
      const done = settle(balance, { hold: admission.hold, fee: ZERO }, clock.now());
      put(sender, session, done, left > 0);
      ended += 1;
    };
    return {
      ok: true,
      work: {
        settle(count) {
          ending ??= end(count).catch((error: unknown) => {
            ending = undefined;
            throw error;
          });
          return ending;
        },
      },
    };
  }

  function unpaidElsewhere(sender: string, session: string): Rational {
    const others = [...(busy.get(sender) ?? [])].filter(([other]) => other !== session);
    return others.map(([, balance]) => unpaid(balance)).reduce(add, ZERO);
  }

  function composed(stored: StoredBalance | undefined, held: Rational): Balance {
    const { credited = ZERO, debited = ZERO, fixedPrice } = stored ?? {};
    return { credited, debited, held, fixedPrice, usedAt: clock.now() };
  }

  return {
    start,
    get busySenders() {
      return busy.size;
    },
  };
}
