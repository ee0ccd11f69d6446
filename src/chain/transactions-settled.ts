import { TributaryError } from '../base/errors.ts';
import type { IntentFate } from './journal-store.ts';
import type { IntentId, SettledEntry } from './journal-types.ts';

/** A node remembers so many ids that it has told of, so as not to tell again when it hears of them. */
const TOLD_MAX = 1_000;

/** Who waits for what becomes of intents, on this node. */
export interface Settlements {
  /** Known from the journal itself. */
  tell(entry: SettledEntry): void;
  /** Heard from whichever node drives. */
  hear(id: IntentId): Promise<void>;
  /** Looks again for those who wait: what was said while nobody listened is not said again. */
  recheck(): Promise<void>;
  wait(id: IntentId): Promise<SettledEntry>;
  onSettled(tell: (entry: SettledEntry) => void): () => void;
  close(): void;
}

export function createSettlements(
  fate: (id: IntentId) => Promise<IntentFate | undefined>,
): Settlements {
  const told = new Set<IntentId>();
  const waiting = new Map<IntentId, PromiseWithResolvers<SettledEntry>>();
  const listeners = new Set<(entry: SettledEntry) => void>();
  let closed = false;

  function tell(entry: SettledEntry): void {
    const { id } = entry.intent;
    waiting.get(id)?.resolve(entry);
    waiting.delete(id);
    if (told.has(id)) return;
    told.add(id);
    for (const old of told) {
      if (told.size <= TOLD_MAX) break;
      told.delete(old);
    }
    for (const listener of listeners) listener(entry);
  }

  async function hear(id: IntentId): Promise<void> {
    if (told.has(id) || (listeners.size === 0 && !waiting.has(id))) return;
    await look(id);
  }

  async function look(id: IntentId): Promise<void> {
    const known = await fate(id);
    if (known && known.state !== 'open') tell(known);
  }

  return {
    tell,
    hear,
    async recheck() {
      for (const id of [...waiting.keys()]) await look(id);
    },
    async wait(id) {
      if (closed) throw closedError();
      const before = waiting.get(id) ?? Promise.withResolvers<SettledEntry>();
      waiting.set(id, before);
      // Handled by whoever awaits it below, also when looking fails first.
      before.promise.catch(() => {});
      await look(id);
      return before.promise;
    },
    onSettled(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      closed = true;
      for (const { reject } of waiting.values()) reject(closedError());
      waiting.clear();
    },
  };
}

function closedError(): TributaryError {
  return new TributaryError('transactions_closed', 'Nobody waits for transactions any more.');
}
