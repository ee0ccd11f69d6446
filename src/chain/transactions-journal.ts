import type { Hex } from 'viem';
import type { Clock } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import { restore, step } from './journal.ts';
import { type JournalAccount, loadJournal } from './journal-store.ts';
import type {
  JournalAction,
  JournalEvent,
  JournalRules,
  JournalState,
  JournalWrite,
  SettledEntry,
  SignRequest,
} from './journal-types.ts';
import type { Finality } from './networks.ts';
import type { Providers } from './providers.ts';
import { findFinal } from './transactions-find.ts';
import { sendRaw } from './transactions-send.ts';
import { signRequest, type TransactionSigner } from './transactions-sign.ts';
import { storeStepWithCosts } from './transactions-store.ts';

/** An event before it is known when it happens. */
export type Happening = JournalEvent extends infer E
  ? E extends JournalEvent
    ? Omit<E, 'at'>
    : never
  : never;

/** Wei of gas by the hash of the transaction. */
export type Costs = ReadonlyMap<Hex, bigint>;

export const noCosts: Costs = new Map();

/** The journal in memory, as far as it may be believed. All but the state is for one turn at a time. */
export interface Journal {
  readonly state: JournalState;
  /** Counts how often it was loaded; what was asked for before is not for this one. */
  readonly generation: number;
  /** It is what is stored as of this version. */
  isAt(version: bigint): boolean;
  load(): Promise<void>;
  /** Takes nothing more before the next {@link load}. */
  forget(): void;
  /** Decides, stores, and only then acts; forgets everything when it cannot store. */
  happen(event: Happening, costs?: Costs): Promise<void>;
}

/** What the shell around the pure journal works with. */
export interface JournalParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly signing: TransactionSigner;
  readonly account: JournalAccount;
  readonly rules: JournalRules;
  readonly finality: Finality;
  readonly clock: Clock;
  readonly log: Log;
  /** Runs one after the other. */
  readonly turn: (run: () => Promise<void>) => Promise<void>;
  readonly settled: (entry: SettledEntry, costs: Costs) => void;
  /** The journal must be loaded again. */
  readonly lost: () => void;
  /** Awaited before each broadcast, whose bytes are stored by then. */
  readonly beforeSend?: (() => Promise<void>) | undefined;
}

export function createJournal(parts: JournalParts): Journal {
  const { database, providers, signing, account, rules, finality, clock, log } = parts;
  const finding = new Set<number>();
  let state = restore({ entries: [], nonceFloor: 0 });
  let version: bigint | undefined;
  let generation = 0;

  async function happen(event: Happening, costs: Costs = noCosts): Promise<void> {
    if (version === undefined) return;
    const next = step(state, { ...event, at: clock.now() } as JournalEvent, rules);
    if (next.writes.length > 0 && !(await store(version, next.writes, costs))) return;
    for (const stored of next.writes) {
      if (stored.write === 'entry') crashPoint(`transaction_${stored.entry.state}_stored`);
    }
    tellChanges(state, next.state, event);
    state = next.state;
    for (const action of next.actions) act(action, costs);
  }

  async function store(
    from: bigint,
    writes: readonly JournalWrite[],
    costs: Costs,
  ): Promise<boolean> {
    try {
      const outcome = await database.transact((tx) =>
        storeStepWithCosts(tx, account, from, writes, costs),
      );
      if (outcome === 'stored') {
        version = from + 1n;
        return true;
      }
    } catch (error) {
      if (!(error instanceof TributaryError)) throw error;
      log.warn('chain_journal_not_stored', { code: error.code });
    }
    // Another node wrote, or it is not known whether this one did: what is stored decides.
    forget();
    parts.lost();
    return false;
  }

  function forget(): void {
    version = undefined;
  }

  function act(action: JournalAction, costs: Costs): void {
    switch (action.action) {
      case 'sign':
        answer(sign(action.request));
        break;
      case 'broadcast':
        answer(send(action));
        break;
      case 'find':
        answer(find(action.nonce));
        break;
      case 'settled':
        parts.settled(action.entry, costs);
        break;
    }
  }

  /** What comes of an action is for the journal that asked for it: after a load, numbers start anew. */
  function answer(coming: Promise<Happening | undefined>): void {
    const asked = generation;
    void coming.then((event) =>
      parts.turn(async () => {
        if (event && asked === generation) await happen(event);
      }),
    );
  }

  async function sign(request: SignRequest): Promise<Happening> {
    const { ask, intent } = request;
    const signed = await signRequest(signing, account, request);
    if (signed.ok) crashPoint('transaction_signed');
    if (signed.ok) return { event: 'signed', ask, raw: signed.raw, hash: signed.hash };
    const { reason } = signed;
    if (reason === 'refused') log.warn('chain_signer_refused', { name: intent });
    if (reason === 'wrong') log.error('chain_signer_wrong', { name: intent });
    return { event: 'sign_failed', ask, reason: reason === 'refused' ? reason : 'unavailable' };
  }

  async function send({ raw, hash }: { raw: Hex; hash: Hex }): Promise<Happening> {
    await parts.beforeSend?.();
    crashPoint('before_broadcast');
    const said = await sendRaw(providers, { raw, hash });
    crashPoint('after_broadcast');
    log.debug('chain_transaction_sent', { reason: said });
    return { event: 'answered', hash, answer: said };
  }

  /** Asked for at every look; a search takes many questions, so there is one at a time for a nonce. */
  async function find(nonce: number): Promise<Happening | undefined> {
    if (finding.has(nonce)) return undefined;
    finding.add(nonce);
    try {
      const hash = await findFinal(providers, account, nonce, finality);
      return hash && { event: 'nonce_taken', nonce, hash };
    } catch (error) {
      if (!(error instanceof TributaryError)) throw error;
      log.warn('chain_nonce_not_found', { code: error.code });
      return undefined;
    } finally {
      finding.delete(nonce);
    }
  }

  function tellChanges(before: JournalState, now: JournalState, { event }: Happening): void {
    if (now.outOfFunds && !before.outOfFunds) log.error('chain_out_of_funds');
    if (event !== 'observed' && event !== 'disagreed') return;
    if (now.paused === before.paused) return;
    if (now.paused) log.error('chain_sending_paused', { reason: now.paused });
    else log.info('chain_sending_resumed');
  }

  return {
    get state() {
      return state;
    },
    get generation() {
      return generation;
    },
    isAt: (other) => version === other,
    async load() {
      const stored = await database.transact((tx) => loadJournal(tx, account));
      generation += 1;
      // Whether sending is paused was not forgotten: it lasts until the next look.
      state = { ...restore(stored), paused: state.paused };
      version = stored.version;
    },
    forget,
    happen,
  };
}
