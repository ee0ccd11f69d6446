import { wei } from '../base/money.ts';
import type { SenderState } from './view.ts';

/** Gateways that really pay; the live network has some hundred. */
const FUNDED_MAX = 20_000;
/** Keys without funds: anybody can make up any number of them. About 5 MB. */
const STRANGERS_MAX = 20_000;

/** A sender as it was read. */
export interface Entry {
  readonly state: SenderState;
  /** The round that the claims are of. */
  readonly round: bigint;
}

/** Funds of senders, in memory of a limited size; those used last stay. */
export interface SenderCache {
  /** Counts as use. */
  get(sender: string): Entry | undefined;
  put(sender: string, entry: Entry): void;
  has(sender: string): boolean;
  /** All that have funds. */
  funded(): readonly string[];
  /** Those whose claims are of a later round than this. */
  after(round: bigint): readonly string[];
  readonly size: number;
}

/** An empty cache. Strangers never push out senders with funds. */
export function createSenderCache({
  fundedMax = FUNDED_MAX,
  strangersMax = STRANGERS_MAX,
} = {}): SenderCache {
  // Maps keep the order in which keys were set: the first was used longest ago.
  const withFunds = new Map<string, Entry>();
  const strangers = new Map<string, Entry>();

  const use = (map: Map<string, Entry>, sender: string): Entry | undefined => {
    const entry = map.get(sender);
    if (entry) {
      map.delete(sender);
      map.set(sender, entry);
    }
    return entry;
  };
  return {
    get: (sender) => use(withFunds, sender) ?? use(strangers, sender),
    put(sender, entry) {
      withFunds.delete(sender);
      strangers.delete(sender);
      const map = hasFunds(entry.state) ? withFunds : strangers;
      map.set(sender, isEmpty(entry.state) ? { state: NOTHING, round: entry.round } : entry);
      if (map.size > (map === withFunds ? fundedMax : strangersMax)) {
        map.delete(map.keys().next().value ?? '');
      }
    },
    has: (sender) => withFunds.has(sender) || strangers.has(sender),
    funded: () => [...withFunds.keys()],
    after: (round) =>
      [...withFunds, ...strangers].flatMap(([sender, entry]) =>
        entry.round > round ? [sender] : [],
      ),
    get size() {
      return withFunds.size + strangers.size;
    },
  };
}

/** Can it pay anything at all? */
export function hasFunds({ deposit, reserve }: SenderState): boolean {
  return deposit > 0n || reserve > 0n;
}

/**
 * A sender's funds in a round: claims of another round do not count in it. Protocol: TicketBroker
 * keeps claims by round.
 */
export function inRound({ state, round }: Entry, current: bigint): SenderState {
  if (round === current) return state;
  if (state.claimedInRound === 0n && state.claimedByRecipient === 0n) return state;
  return { ...state, claimedInRound: wei(0n), claimedByRecipient: wei(0n) };
}

/** One for all strangers. */
const NOTHING: SenderState = {
  deposit: wei(0n),
  reserve: wei(0n),
  claimedInRound: wei(0n),
  claimedByRecipient: wei(0n),
  withdrawRound: 0n,
};

function isEmpty(state: SenderState): boolean {
  return (
    !hasFunds(state) &&
    state.claimedInRound === 0n &&
    state.claimedByRecipient === 0n &&
    state.withdrawRound === 0n
  );
}
