import type { Hex } from 'viem';
import { hex } from '../base/bytes.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { createSenderCache, type Entry, hasFunds, inRound } from './senders-cache.ts';
import { fullLimit, type Limit, type LimitRule, takeFrom } from './senders-limit.ts';
import type { SenderLoad, SenderState } from './view.ts';

/** With the burst never more than 10 calls in any second, and 500 senders with one provider. */
const STRANGERS: LimitRule = { perSecond: 5, burst: 5 };
/** Senders of one question: their answers nearly fill what nodes return. */
export const SENDERS_PER_CALL = 100;
/** Strangers that wait; two seconds' worth with one provider. */
const WAITING_MAX = 1_000;
/** Senders with funds that are remembered over a restart. */
export const KNOWN_MAX = 20_000;

/** The block that funds are read of. */
export interface SendersBlock {
  readonly blockHash: Hex;
  readonly currentRound: bigint;
}

/** What {@link createSenders} needs. */
export interface SendersParts {
  /** The funds of all these senders as of a block; undefined when no provider answers. Never throws. */
  readonly read: (
    senders: readonly string[],
    block: SendersBlock,
  ) => Promise<readonly SenderState[] | undefined>;
  /** Calls that one read makes: a call to each provider. */
  readonly callsPerRead: number;
  /** Senders with funds of an earlier run. */
  readonly known: readonly string[];
  readonly clock: Clock;
}

/** Which senders are to be remembered over a restart, and which no more. */
export interface SendersChange {
  readonly funded: readonly string[];
  readonly gone: readonly string[];
}

/** The funds of senders; keys are 40 lower-case hex digits. */
export interface Senders {
  get(address: Uint8Array): SenderState | undefined;
  load(address: Uint8Array): Promise<SenderLoad>;
  /**
   * Goes on to a block in which these senders changed, and reads them as of it. False when no
   * provider answers: they are read with the next block.
   */
  advance(block: SendersBlock, changed: Iterable<string>): Promise<boolean>;
  /** Has it stored what changed; tried again next time when that throws. */
  settle(store: (change: SendersChange) => Promise<void>): Promise<void>;
  readonly size: number;
  close(): void;
}

type Lane = 'known' | 'strangers';

/** Starts with nothing in memory; what is known is read with the first block. */
export function createSenders({ read, callsPerRead, known, clock }: SendersParts): Senders {
  const cache = createSenderCache();
  const remembered = new Set(known);
  const dirty = new Set(known);
  const change = { funded: new Set<string>(), gone: new Set<string>() };
  /** Who is asked for, in the order of asking; `again`: it changed while it was being read. */
  const waiting: Record<Lane, Map<string, (load: SenderLoad) => void>> = {
    known: new Map(),
    strangers: new Map(),
  };
  const loads = new Map<string, Promise<SenderLoad>>();
  const reading = new Map<string, { again: boolean }>();
  const busy: Record<Lane, boolean> = { known: false, strangers: false };
  let block: SendersBlock | undefined;
  let limit: Limit = fullLimit(STRANGERS, clock.now());
  let timer: Timer | undefined;
  let closed = false;

  function store(sender: string, entry: Entry): void {
    cache.put(sender, entry);
    const funded = hasFunds(entry.state) && (remembered.has(sender) || remembered.size < KNOWN_MAX);
    if (funded === remembered.has(sender)) return;
    if (funded) remembered.add(sender);
    else remembered.delete(sender);
    change[funded ? 'funded' : 'gone'].add(sender);
    change[funded ? 'gone' : 'funded'].delete(sender);
  }

  /** Reads and stores; what changed meanwhile is read once more. */
  async function refresh(senders: readonly string[]): Promise<boolean> {
    for (let rest = senders; rest.length > 0; ) {
      const batch = rest.slice(0, SENDERS_PER_CALL);
      const of = block;
      const marks = batch.map((sender) => {
        const mark = { again: false };
        reading.set(sender, mark);
        return mark;
      });
      const states = of && (await read(batch, of));
      batch.forEach((sender, at) => {
        if (reading.get(sender) === marks[at]) reading.delete(sender);
      });
      if (!states || !of) return false;
      const again = batch.filter((sender, at) => {
        const state = states[at];
        if (!state || marks[at]?.again) return true;
        store(sender, { state, round: of.currentRound });
        dirty.delete(sender);
        return false;
      });
      rest = [...again, ...rest.slice(batch.length)];
    }
    return true;
  }

  /** Reads those who wait in a lane, one question at a time. */
  async function serve(lane: Lane): Promise<void> {
    if (busy[lane] || closed) return;
    busy[lane] = true;
    while (waiting[lane].size > 0 && (lane === 'known' || mayAsk())) {
      const batch = [...waiting[lane]].slice(0, SENDERS_PER_CALL);
      for (const [sender] of batch) waiting[lane].delete(sender);
      const ok = await refresh(batch.map(([sender]) => sender));
      for (const [sender, resolve] of batch) {
        loads.delete(sender);
        const state = ok ? stateOf(sender) : undefined;
        resolve(state ? { ok: true, state } : { ok: false, cause: NO_ANSWER });
      }
    }
    busy[lane] = false;
  }

  /** Takes from the strangers' limit, or comes back when there is something to take. */
  function mayAsk(): boolean {
    const taken = takeFrom(limit, STRANGERS, { cost: callsPerRead, now: clock.now() });
    if (taken.ok) {
      limit = taken.limit;
      return true;
    }
    timer?.cancel();
    timer = clock.after(taken.waitMs, () => void serve('strangers'));
    return false;
  }

  function stateOf(sender: string): SenderState | undefined {
    const entry = cache.get(sender);
    return entry && block && inRound(entry, block.currentRound);
  }

  return {
    get: (address) => stateOf(hex(address)),
    load(address) {
      const sender = hex(address);
      const state = stateOf(sender);
      if (state) return Promise.resolve({ ok: true, state });
      const underWay = loads.get(sender);
      if (underWay) return underWay;
      if (!block) return Promise.resolve({ ok: false, cause: NO_BLOCK });
      const lane: Lane = remembered.has(sender) ? 'known' : 'strangers';
      if (lane === 'strangers' && waiting.strangers.size >= WAITING_MAX) {
        return Promise.resolve({ ok: false, cause: TOO_MANY });
      }
      const load = new Promise<SenderLoad>((resolve) => waiting[lane].set(sender, resolve));
      loads.set(sender, load);
      void serve(lane);
      return load;
    },
    async advance(next, changed) {
      const newRound = block !== undefined && block.currentRound !== next.currentRound;
      block = next;
      const unknown: string[] = [];
      for (const sender of changed) {
        const mark = reading.get(sender);
        if (mark) mark.again = true;
        if (cache.has(sender) || remembered.has(sender)) dirty.add(sender);
        else unknown.push(sender);
      }
      // Whoever funds itself is likely to come; not so many at once that it costs us anything.
      for (const sender of unknown.slice(0, SENDERS_PER_CALL)) dirty.add(sender);
      for (const sender of cache.after(next.currentRound)) dirty.add(sender);
      // Should an event ever be missed, its effect lasts for a round.
      if (newRound) for (const sender of cache.funded()) dirty.add(sender);
      return refresh([...dirty]);
    },
    async settle(store) {
      const [funded, gone] = [[...change.funded], [...change.gone]];
      if (funded.length + gone.length === 0) return;
      await store({ funded, gone });
      for (const sender of funded) change.funded.delete(sender);
      for (const sender of gone) change.gone.delete(sender);
    },
    get size() {
      return cache.size;
    },
    close() {
      closed = true;
      timer?.cancel();
      for (const lane of [waiting.known, waiting.strangers]) {
        for (const resolve of lane.values()) resolve({ ok: false, cause: NO_ANSWER });
        lane.clear();
      }
    },
  };
}

/** Texts that gateways may see. */
const NO_ANSWER = 'no node of the chain answers';
const NO_BLOCK = 'the chain is not known yet';
const TOO_MANY = 'too many unknown senders at once; try again';
