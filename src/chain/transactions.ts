import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import { type JournalAlarm, journalAlarms, restore, step, watchedHashes } from './journal.ts';
import {
  addIntent,
  fateOf,
  type IntentFate,
  type JournalAccount,
  loadIntent,
  loadJournal,
} from './journal-store.ts';
import type { Intent, IntentId, JournalRules, OpenEntry, SettledEntry } from './journal-types.ts';
import { chainMetrics, type TransactionOutcome } from './metrics.ts';
import { type Finality, networkOf } from './networks.ts';
import type { Providers } from './providers.ts';
import { type Costs, createJournal, noCosts } from './transactions-journal.ts';
import { lookAtChain } from './transactions-look.ts';
import { rulesFor } from './transactions-rules.ts';
import { createSettlements } from './transactions-settled.ts';
import type { TransactionSigner } from './transactions-sign.ts';
import {
  gasSpent,
  giveLead,
  openIntents,
  storeStepWithCosts,
  takeLead,
} from './transactions-store.ts';

/** A node that died is followed by another after this, or after three looks at the chain. */
const LEASE_MS = 10_000;
/** How often the time alone is news to the journal: when to send again, when to give up. */
const TICK_MS_MAX = 1_000;

/** How sending stands. */
export interface TransactionsStatus {
  /** This node sends for the account; otherwise another one does, or none yet. */
  readonly driving: boolean;
  /** Why nothing is sent now: a disagreement of providers, or what no honest one can say. */
  readonly paused: string | undefined;
  /** Intents that are not settled. */
  readonly open: number;
  readonly outOfFunds: boolean;
  readonly alarms: readonly JournalAlarm[];
}

/** Everything that one account sends. */
export interface Transactions {
  readonly account: JournalAccount;
  /** Wants something done, born in the transaction of whoever wants it. */
  intend(tx: Transaction, intent: Intent): Promise<'added' | 'known'>;
  /** The same in a transaction of its own. */
  submit(intent: Intent): Promise<'added' | 'known'>;
  fate(id: IntentId): Promise<IntentFate | undefined>;
  /** How far an open intent is; undefined on a node that does not drive. */
  progress(id: IntentId): OpenEntry | undefined;
  /** Waits until it is final or failed. Rejects with `transactions_closed` on {@link close}. */
  settled(id: IntentId): Promise<SettledEntry>;
  /** Not wanted any more; it may be too late. */
  withdraw(id: IntentId): Promise<void>;
  /**
   * Tells of what is settled, on every node: at least once as a rule, but not what was settled while
   * the node was away. Who must not miss one asks {@link fate} at its start.
   */
  onSettled(tell: (entry: SettledEntry) => void): () => void;
  /** Wei that all final transactions of the account cost in gas. */
  gasSpent(): Promise<bigint>;
  readonly status: TransactionsStatus;
  close(): Promise<void>;
}

/** What {@link openTransactions} needs. */
export interface TransactionsParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly signing: TransactionSigner;
  readonly account: JournalAccount;
  /** Other rules than the defaults for the chain. */
  readonly rules?: Partial<JournalRules>;
  /** Other than the network's. */
  readonly finality?: Finality;
  /** Other than the network's, milliseconds. */
  readonly pollMs?: number;
  /** Awaited before each broadcast, whose bytes are stored by then. It must not throw. */
  readonly beforeSend?: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * Sends for an account, or waits while another node does: the shell around the pure journal. Every
 * look at the chain asks all providers; when they disagree nothing is sent until they agree.
 *
 * @throws TributaryError `database_unreachable` when it cannot listen for what is wanted
 */
export async function openTransactions(parts: TransactionsParts): Promise<Transactions> {
  const { database, providers, account, clock, log } = parts;
  const network = networkOf(account.chainId);
  const { finality = network.finality, pollMs = network.pollMs } = parts;
  const rules = { ...rulesFor({ ...network, pollMs }, account.address), ...parts.rules };
  const lookRules = { finality, headLagMax: network.headLagMax, tips: !network.arbitrum };
  const metrics = chainMetrics(parts.metrics);
  const settlements = createSettlements((id) => fateOf(database, account, id));
  const turn = createTurns();
  const driver = randomUUID();
  const leaseMs = Math.max(LEASE_MS, 3 * pollMs);
  let driving = false;
  let open = 0;
  let closed = false;

  const journal = createJournal({
    ...{ database, providers, account, rules, finality, clock, log },
    signing: parts.signing,
    turn: (run) => turn(() => guarded(run)),
    settled: tellSettled,
    lost: () => rounds.wake(),
    beforeSend: parts.beforeSend,
  });

  function tellSettled(entry: SettledEntry, costs: Costs): void {
    const outcome = outcomeOf(entry);
    metrics.settled(outcome);
    if (entry.state === 'final') metrics.gasSpent(costs.get(entry.inclusion.hash) ?? 0n);
    log.info('chain_transaction_settled', { name: entry.intent.id, reason: outcome });
    settlements.tell(entry);
  }

  /** Whatever breaks here breaks nothing else: the next look starts from what is stored. */
  async function guarded(run: () => Promise<void>): Promise<void> {
    if (closed) return;
    try {
      await run();
    } catch (error) {
      const code = error instanceof TributaryError ? error.code : 'internal';
      log.error('chain_sending_interrupted', { code });
      journal.forget();
    }
  }

  async function pass(): Promise<void> {
    await turn(lead);
    const ids = await openIntents(database, account);
    open = ids.length;
    if (driving) {
      const arrived = ids.filter((id) => !journal.state.entries.has(id));
      const { entries, view, paused } = journal.state;
      if (arrived.length + entries.size > 0 || !view || paused) await look();
      for (const id of arrived) await turn(() => take(id));
    }
    await settlements.recheck();
  }

  async function lead(): Promise<void> {
    const lead = await takeLead(database, account, driver, leaseMs);
    if (lead.driving !== driving) {
      log.info(lead.driving ? 'chain_sending_taken' : 'chain_sending_left');
    }
    driving = lead.driving;
    if (!lead.driving) journal.forget();
    else if (!journal.isAt(lead.version)) await journal.load();
  }

  /** A look must know of every hash there is, so it is taken again if one came while it lasted. */
  async function look(): Promise<void> {
    for (let done = false; !done && !closed; ) {
      const { generation } = journal;
      const hashes = new Set(watchedHashes(journal.state));
      const seen = await lookAtChain(providers, account, [...hashes], lookRules);
      for (const label of seen.unread) metrics.providerFailed(label, 'garbage');
      await turn(async () => {
        done =
          generation !== journal.generation ||
          watchedHashes(journal.state).every((hash) => hashes.has(hash));
        if (!done || generation !== journal.generation) return;
        if (!seen.ok) await journal.happen({ event: 'disagreed', reason: seen.reason });
        else {
          const { view, receipts, costs } = seen;
          await journal.happen({ event: 'observed', view, receipts }, costs);
        }
      });
    }
  }

  async function take(id: IntentId): Promise<void> {
    const intent = await loadIntent(database, account, id);
    if (intent) await journal.happen({ event: 'intended', intent });
  }

  async function withdraw(id: IntentId): Promise<void> {
    // In the database, whoever drives: the lock that loading takes keeps the version.
    const actions = await database.transact(async (tx) => {
      const stored = await loadJournal(tx, account);
      const event = { event: 'withdrawn', id, at: clock.now() } as const;
      const next = step(restore(stored), event, rules);
      if (next.writes.length === 0) return [];
      await storeStepWithCosts(tx, account, stored.version, next.writes, noCosts);
      return next.actions;
    });
    for (const action of actions) {
      if (action.action === 'settled') tellSettled(action.entry, noCosts);
    }
    rounds.wake();
  }

  const rounds = createRounds({ clock, pollMs, run: () => guarded(pass) });
  const tickMs = Math.min(TICK_MS_MAX, pollMs);
  let ticking = clock.after(tickMs, tick);
  function tick(): void {
    const happen = async () => {
      if (journal.state.entries.size > 0) await journal.happen({ event: 'ticked' });
    };
    void turn(() => guarded(happen)).finally(() => {
      if (!closed) ticking = clock.after(tickMs, tick);
    });
  }

  const wake = () => rounds.wake();
  const listening = await Promise.all([
    database.listen('chain_intent', { message: wake, reconnected: wake }),
    database.listen('chain_settled', {
      message: (id) => void settlements.hear(id as IntentId).catch(wake),
      reconnected: wake,
    }),
  ]);
  const unwatch = metrics.watch(() => {
    const { paused, outOfFunds } = journal.state;
    return { paused: driving && paused !== undefined, open: driving ? open : 0, outOfFunds };
  });
  wake();

  return {
    account,
    intend: (tx, intent) => addIntent(tx, account, intent),
    async submit(intent) {
      const outcome = await database.transact((tx) => addIntent(tx, account, intent));
      crashPoint('intent_born');
      wake();
      return outcome;
    },
    fate: (id) => fateOf(database, account, id),
    progress: (id) => journal.state.entries.get(id),
    settled: (id) => settlements.wait(id),
    withdraw,
    onSettled: (tell) => settlements.onSettled(tell),
    gasSpent: () => gasSpent(database, account),
    get status() {
      const { paused, outOfFunds } = journal.state;
      const alarms = journalAlarms(journal.state, rules, clock.now());
      return { driving, paused, open, outOfFunds, alarms };
    },
    async close() {
      if (closed) return;
      closed = true;
      ticking.cancel();
      await rounds.close();
      await Promise.all(listening.map((each) => each.stop()));
      await turn(async () => journal.forget());
      unwatch();
      settlements.close();
      // Who cannot be told finds the lease expired.
      await giveLead(database, account, driver).catch(() => {});
    },
  };
}

function outcomeOf(entry: SettledEntry): TransactionOutcome {
  if (entry.state === 'failed') return entry.reason;
  return entry.inclusion.succeeded ? 'final' : 'reverted';
}

/** Runs one task after the other; a task that throws fails its own caller only. */
function createTurns(): (run: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (run) => {
    const mine = last.then(run);
    last = mine.catch(() => {});
    return mine;
  };
}

/** Runs when woken and every `pollMs`; waking it while it runs makes it run once more. */
function createRounds(parts: { clock: Clock; pollMs: number; run: () => Promise<void> }) {
  let wanted = false;
  let closed = false;
  let running: Promise<void> | undefined;
  let timer = parts.clock.after(parts.pollMs, wake);

  function wake(): void {
    wanted = true;
    if (running || closed) return;
    timer.cancel();
    running = loop().finally(() => {
      running = undefined;
      if (!closed) timer = parts.clock.after(parts.pollMs, wake);
    });
  }
  async function loop(): Promise<void> {
    while (wanted && !closed) {
      wanted = false;
      await parts.run();
    }
  }
  return {
    wake,
    async close() {
      closed = true;
      timer.cancel();
      await running;
    },
  };
}
