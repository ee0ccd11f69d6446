import assert from 'node:assert/strict';
import type { Hex } from 'viem';
import { instant } from '../base/clock.ts';
import { type Chance, createFakeChain, type Look } from './fake-chain.test-kit.ts';
import { restore, step, watchedHashes } from './journal.ts';
import type {
  Attempt,
  BoundEntry,
  Entry,
  Intent,
  IntentId,
  JournalAction,
  JournalEvent,
  JournalRules,
  JournalState,
  JournalWrite,
  OpenEntry,
} from './journal-types.ts';
import { transactionHash } from './sign-transaction.ts';

/** An event before it is known when it happens. */
export type Happening = JournalEvent extends infer E
  ? E extends JournalEvent
    ? Omit<E, 'at'>
    : never
  : never;

/** How much goes wrong, each as a probability. */
export interface Trouble {
  readonly crash: number;
  readonly sendFails: number;
  readonly sendVanishes: number;
  readonly signFails: number;
  readonly signRefused: number;
}

export const calm: Trouble = {
  crash: 0,
  sendFails: 0,
  sendVanishes: 0,
  signFails: 0,
  signRefused: 0,
};

/** What survives a crash; it checks the promises of the journal at each write. */
export interface Store {
  readonly entries: ReadonlyMap<IntentId, Entry>;
  readonly owners: ReadonlyMap<number, IntentId>;
  readonly attempts: ReadonlyMap<Hex, StoredAttempt>;
  /** The writes of each step that was stored, in order. */
  readonly steps: readonly (readonly JournalWrite[])[];
}

interface StoredAttempt {
  readonly attempt: Attempt;
  readonly nonce: number;
  readonly intent: IntentId;
}

/** A journal with its shell, its store and its chain, all in memory. */
export interface World {
  readonly chain: ReturnType<typeof createFakeChain>;
  readonly store: Store;
  trouble: Trouble;
  /** Feeds one event, stores, acts; may crash before, between and after. */
  happen(event: Happening): void;
  /** Delivers one of the answers that are under way, in any order; false when there is none. */
  deliver(): boolean;
  /** A look at the chain as it is, or as it was. */
  observe(look?: Look): void;
  pass(ms: number): void;
  readonly crashes: number;
  readonly state: JournalState;
}

export function createWorld(rules: JournalRules, chance: Chance, trouble: Trouble): World {
  const chain = createFakeChain(chance);
  const stored = new Map<IntentId, Entry>();
  const owners = new Map<number, IntentId>();
  const attempts = new Map<Hex, StoredAttempt>();
  const steps: (readonly JournalWrite[])[] = [];
  const usedUp = new Set<number>();
  let answers: Happening[] = [];
  let now = 1_000_000;
  let crashes = 0;
  let state = restore({ entries: [], nonceFloor: 0 });

  const crashed = () => chance() < world.trouble.crash;
  const finalAt = (nonce: number) => chain.final().find((tx) => tx.nonce === nonce);

  function restart(): void {
    crashes += 1;
    answers = [];
    const entries = [...stored.values()].filter(isOpen).map(withStoredAttempts);
    state = restore({ entries, nonceFloor: Math.max(0, ...[...usedUp].map((nonce) => nonce + 1)) });
  }

  /** The bytes come from the rows of attempts, not from the entry. */
  function withStoredAttempts(entry: OpenEntry): OpenEntry {
    if (entry.state === 'intended') return entry;
    const own = [...attempts.values()].filter(({ nonce }) => nonce === entry.nonce);
    assert.ok(own.length > 0);
    return {
      ...entry,
      attempts: own.map(({ attempt }) => attempt) as unknown as BoundEntry['attempts'],
    };
  }

  function commit(write: JournalWrite): void {
    if (write.write === 'attempt') {
      commitAttempt(write);
      return;
    }
    if (write.write === 'replaced') {
      assert.equal(finalAt(write.nonce)?.hash, write.by, 'replaced without a final transaction');
      usedUp.add(write.nonce);
      return;
    }
    const { entry } = write;
    const before = stored.get(entry.intent.id);
    assert.ok(!before || isOpen(before), 'a settled entry changed');
    if (entry.state === 'final') {
      assert.equal(finalAt(entry.nonce)?.hash, entry.inclusion.hash);
      usedUp.add(entry.nonce);
    }
    stored.set(entry.intent.id, entry);
  }

  function commitAttempt(write: Extract<JournalWrite, { write: 'attempt' }>): void {
    const { nonce, intent, attempt } = write;
    assert.equal(owners.get(nonce) ?? intent, intent, 'a nonce got a second intent');
    for (const [old, owner] of owners) {
      if (owner !== intent || old === nonce) continue;
      const final = finalAt(old);
      assert.ok(final, 'a second nonce while the first could still be used');
      const done = attempts.get(final.hash);
      assert.ok(done?.attempt.kind !== 'work', 'a second nonce after the work was done');
    }
    owners.set(nonce, intent);
    attempts.set(attempt.hash, { attempt, nonce, intent });
  }

  function act(action: JournalAction): void {
    switch (action.action) {
      case 'settled':
        break;
      case 'find': {
        const tx = finalAt(action.nonce);
        if (tx) answers.push({ event: 'nonce_taken', nonce: tx.nonce, hash: tx.hash });
        break;
      }
      case 'sign': {
        const { ask, intent, kind, nonce, maxFeePerGas } = action.request;
        const roll = chance();
        const { signFails, signRefused } = world.trouble;
        if (roll < signRefused) answers.push({ event: 'sign_failed', ask, reason: 'refused' });
        else if (roll < signRefused + signFails / 2) {
          answers.push({ event: 'sign_failed', ask, reason: 'unavailable' });
        } else if (roll >= signRefused + signFails) {
          const raw: Hex = `0x${Buffer.from(`${intent} ${kind} ${nonce} ${maxFeePerGas}`).toString('hex')}`;
          answers.push({ event: 'signed', ask, raw, hash: transactionHash(raw) });
        }
        break;
      }
      case 'broadcast':
        broadcast(action);
        break;
    }
  }

  function broadcast({ nonce, hash, raw }: Extract<JournalAction, { action: 'broadcast' }>): void {
    const known = attempts.get(hash);
    assert.ok(known && known.nonce === nonce && known.attempt.raw === raw, 'unstored bytes sent');
    const tx = { nonce, hash, maxFeePerGas: known.attempt.maxFeePerGas };
    const { sendFails, sendVanishes } = world.trouble;
    const roll = chance();
    if (roll < sendFails) {
      if (chance() < 0.5) chain.send(tx);
      if (chance() < 0.8) answers.push({ event: 'answered', hash, answer: 'unreachable' });
    } else if (roll < sendFails + sendVanishes) {
      answers.push({ event: 'answered', hash, answer: 'accepted' });
    } else answers.push({ event: 'answered', hash, answer: chain.send(tx) });
  }

  const world: World = {
    chain,
    store: { entries: stored, owners, attempts, steps },
    trouble,
    get state() {
      return state;
    },
    get crashes() {
      return crashes;
    },
    happen(event) {
      const before = state;
      const next = step(state, { ...event, at: instant(now) } as JournalEvent, rules);
      assert.equal(state, before);
      if (crashed()) return restart();
      for (const write of next.writes) commit(write);
      if (next.writes.length > 0) steps.push(next.writes);
      state = next.state;
      for (const action of next.actions) {
        if (crashed()) return restart();
        act(action);
      }
      if (crashed()) restart();
    },
    deliver() {
      if (answers.length === 0) return false;
      const [event] = answers.splice(Math.floor(chance() * answers.length), 1);
      world.happen(event as Happening);
      return true;
    },
    observe(look = chain.look()) {
      const receipts = look.receiptsOf(watchedHashes(state));
      world.happen({ event: 'observed', view: look.view, receipts });
    },
    pass(ms) {
      now += ms;
    },
  };
  return world;
}

export function isOpen(entry: Entry): entry is OpenEntry {
  return entry.state !== 'final' && entry.state !== 'failed';
}

/** Something to do; `worthWei` bounds its fee. */
export function intentOf(id: string, worthWei?: bigint): Intent {
  const what = { to: `0x${'11'.repeat(20)}`, value: 0n, data: '0x', gasLimit: 100n } as const;
  return { id: id as IntentId, ...what, worthWei };
}
